import { describe, expect, it } from "vitest";
import type { Mention } from "../../src/text/mentions";
import { parseTree } from "../../src/text/parse";
import { isPlain, plainTree } from "../../src/text/plain";
import type { Block, Inline } from "../../src/text/tree";

/** A tree in few words: `p[strong[…] "text" br]`. */
function sketch(blocks: readonly Block[]): string {
  return blocks.map(block).join(" ");
}

function block(node: Block): string {
  switch (node.kind) {
    case "paragraph":
      return `p[${inlines(node.children)}]`;
    case "heading":
      return `h${node.level}[${inlines(node.children)}]`;
    case "quote":
      return `quote[${sketch(node.children)}]`;
    case "list":
      return `${node.start === undefined ? "ul" : `ol${node.start}`}[${node.items.map(sketch).join(", ")}]`;
    case "code":
      return `code(${node.language})${JSON.stringify(node.text)}`;
    case "table":
      return `table[${node.rows.map(({ head, cells }) => `${head ? "head" : "row"}[${cells.map(({ align, children }) => `${align ?? ""}${inlines(children)}`).join(" | ")}]`).join(" ")}]`;
    case "rule":
      return "rule";
  }
}

function inlines(nodes: readonly Inline[]): string {
  return nodes.map(inline).join(" ");
}

function inline(node: Inline): string {
  switch (node.kind) {
    case "text":
      return JSON.stringify(node.text);
    case "break":
      return "br";
    case "code":
      return `code${JSON.stringify(node.text)}`;
    case "mention":
      return `@${node.id}(${node.text})`;
    case "link":
      return `a(${node.href}${node.host === undefined ? "" : ` !${node.host}`})[${inlines(node.children)}]`;
    default:
      return `${node.kind}[${inlines(node.children)}]`;
  }
}

const read = (content: string, mentions: readonly Mention[] = []): string =>
  sketch(parseTree(content, mentions));

describe("markdown", () => {
  it.each([
    ["hello", 'p["hello"]'],
    ["one\ntwo", 'p["one" br "two"]'],
    ["one\n\ntwo", 'p["one"] p["two"]'],
    ["**b** *i* _i_ ~~s~~", 'p[bold["b"] " " italic["i"] " " italic["i"] " " strike["s"]]'],
    ["**b *both***", 'p[bold["b " italic["both"]]]'],
    ["snake_case_name 2*3*4", 'p["snake_case_name 2" italic["3"] "4"]'],
    ["`a < b && c`", 'p[code"a < b && c"]'],
    ["```python\nprint(1)\n```", 'code(python)"print(1)"'],
    ["```\nno language\n  kept\n```", 'code()"no language\\n  kept"'],
    ["```<img onerror=x>\nx\n```", 'code()"x"'],
    ["> quoted\n> **more**\n\nmine", 'quote[p["quoted" br bold["more"]]] p["mine"]'],
    ["- a\n- b\n  - c", 'ul[p["a"], p["b"] ul[p["c"]]]'],
    ["3. c\n4. d", 'ol3[p["c"], p["d"]]'],
    ["# Big\n###### small", 'h1["Big"] h6["small"]'],
    ["words\n---", 'p["words"] rule'],
    ["#hashtag", 'p["#hashtag"]'],
    ["a | b\n-|:-:\n1 | 2", 'table[head["a" | center"b"] row["1" | center"2"]]'],
    ["\\*not\\*", 'p["*not*"]'],
    ["&lt;b&gt; &amp; &#60;", 'p["&lt;b&gt; &amp; &#60;"]'],
    ["<b>x</b>", 'p["<b>x</b>"]'],
    ["[r]: https://a.example\n\nx [r]", 'p["[r]: " a(https://a.example/)["https://a.example"]] p["x [r]"]'],
  ])("reads %j", (content, tree) => {
    expect(read(content)).toBe(tree);
  });
});

describe("links", () => {
  it.each([
    ["[here](https://a.example/x)", 'p[a(https://a.example/x)["here"]]'],
    ["see https://a.example/x.", 'p["see " a(https://a.example/x)["https://a.example/x"] "."]'],
    ["www.a.example/x ok", 'p[a(https://www.a.example/x)["www.a.example/x"] " ok"]'],
    ["<https://a.example>", 'p[a(https://a.example/)["https://a.example"]]'],
    ["mail ada@example.org", 'p["mail " a(mailto:ada@example.org)["ada@example.org"]]'],
    ["![cat](https://a.example/cat.png)", 'p[a(https://a.example/cat.png)["cat"]]'],
    ["![](https://a.example/cat.png)", 'p[a(https://a.example/cat.png)["https://a.example/cat.png"]]'],
    ["file.py and readme.md", 'p["file.py and readme.md"]'],
    ["ftp://a.example", 'p["ftp://a.example"]'],
  ])("reads %j", (content, tree) => {
    expect(read(content)).toBe(tree);
  });

  it("show where they go when their text says something else", () => {
    expect(read("[https://bank.example](https://evil.example/)")).toBe(
      'p[a(https://evil.example/ !evil.example)["https://bank.example"]]',
    );
    expect(read("[**bank.example** login](https://evil.example/)")).toBe(
      'p[a(https://evil.example/ !evil.example)[bold["bank.example"] " login"]]',
    );
    expect(read("[www.a.example](https://a.example/)")).toBe('p[a(https://a.example/)["www.a.example"]]');
  });

  it("show the ASCII form of a host in another script", () => {
    expect(read("[аpple.com](https://аpple.com/)")).toContain("xn--pple-43d.com");
  });
});

describe("mentions", () => {
  const ada = { id: "u1", names: ["Ada Lovelace", "ada"] };
  const adam = { id: "u2", names: ["adam_x_", "adam"] };
  const ming = { id: "u3", names: ["小明"] };

  it.each([
    ["hi @Ada Lovelace!", 'p["hi " @u1(Ada Lovelace) "!"]'],
    ["@ADA **@adam**", 'p[@u1(ADA) " " bold[@u2(adam)]]'],
    ["@adam_x_ and _x_", 'p[@u2(adam_x_) " and " italic["x"]]'],
    ["@adamant bob@ada", 'p["@adamant bob@ada"]'],
    ["@小明你好", 'p[@u3(小明) "你好"]'],
    ["`@ada`", 'p[code"@ada"]'],
    ["@bob", 'p["@bob"]'],
  ])("are found in %j", (content, tree) => {
    expect(read(content, [ada, adam, ming])).toBe(tree);
  });

  it("are found the same without the parser", () => {
    const content = "hi @Ada Lovelace and @小明你好\n@adamant @adam";

    expect(isPlain(content)).toBe(true);
    expect(sketch(plainTree(content, [ada, adam, ming]))).toBe(read(content, [ada, adam, ming]));
  });
});

describe("a text that is plain", () => {
  it.each([
    "hello",
    "one\ntwo\n\nthree  \n  four",
    "What? Yes; 'no' – “ok” (maybe), 50 % of it: 3/4",
    "你好，世界\n明天见",
    "  spaces around  ",
    "a\r\nb\r\rc",
    "1.5 litres; at 3.",
    "mid - dash and 2 + 2 = 4",
    "tab\tinside",
    "שלום עולם",
  ])("is the same with and without the parser: %j", (content) => {
    expect(isPlain(content)).toBe(true);
    expect(sketch(plainTree(content, []))).toBe(read(content));
  });

  it.each([
    "**b**",
    "- list",
    "1. list",
    "> quote",
    "    code",
    "# h",
    "http://x",
    "www.x.y",
    "a@b.c",
    "`c`",
    "&amp;",
    "===",
    "a\n--",
    "---",
  ])("is not %j", (content) => {
    expect(isPlain(content)).toBe(false);
  });
});
