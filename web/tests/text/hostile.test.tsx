// @vitest-environment happy-dom
import { render } from "preact";
import { beforeAll, describe, expect, it } from "vitest";
import { preloadText, renderText, summarize } from "../../src/text";
import { MAX_NESTING } from "../../src/text/tree";

beforeAll(preloadText);

/** What people write who want to run something in somebody else's page. */
const CORPUS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=javascript:alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<body onload=alert(1)>",
  "<details open ontoggle=alert(1)>",
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<a href="javascript:alert(1)">x</a>',
  "<form action=javascript:alert(1)><button>x",
  "<base href=https://evil.example/>",
  "<meta http-equiv=refresh content=0;url=https://evil.example>",
  "<link rel=stylesheet href=https://evil.example>",
  "<style>*{background:url(https://evil.example)}</style>",
  "<template><script>alert(1)</script></template>",
  "<input autofocus onfocus=alert(1)>",
  "<object data=javascript:alert(1)>",
  "<embed src=javascript:alert(1)>",
  "<!--><script>alert(1)</script>-->",
  "<![CDATA[<script>alert(1)</script>]]>",
  '"><script>alert(1)</script>',
  "'-alert(1)-'",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](java&#10;script:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](javascript&colon;alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x]( javascript:alert(1))",
  "[x](<javascript:alert(1)>)",
  "[x](vbscript:msgbox(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
  "[x](data:image/svg+xml;base64,PHN2Zz4=)",
  "[x](file:///etc/passwd)",
  "[x](blob:https://a.example/1)",
  "[x](view-source:https://a.example)",
  "[x](//evil.example)",
  "[x](/logout)",
  "[x](#top)",
  "[x](?a=b)",
  "[x](https://bank.example@evil.example/)",
  "[x](https:evil)",
  "[x](http://)",
  "<javascript:alert(1)>",
  "<data:text/html,x>",
  "![x](javascript:alert(1))",
  "![x](https://evil.example/track.png)",
  '![" onerror="alert(1)](https://evil.example/x.png)',
  '[x](https://a.example "onmouseover=alert(1)")',
  '[x](https://a.example/"onmouseover="alert(1))',
  "[<img src=x onerror=alert(1)>](https://a.example)",
  "[x]: javascript:alert(1)\n\n[x]",
  "```<script>\nalert(1)\n```",
  '```"onclick="alert(1)\nx\n```',
  "`<img src=x onerror=alert(1)>`",
  "> <script>alert(1)</script>",
  "- <script>alert(1)</script>",
  "# <script>alert(1)</script>",
  "a|b\n-|-\n<img src=x onerror=alert(1)>|[x](javascript:alert(1))",
  "javascript:alert(1)",
  'www.evil.example" onclick="alert(1)',
  'https://a.example/"><img src=x onerror=alert(1)>',
  "{{constructor.constructor('alert(1)')()}}",
  "$\u007balert(1)}",
  "\u202ehttps://moc.live/",
  "\u0000<script>alert(1)</script>",
  "<scr\u0000ipt>alert(1)</script>",
  "\ud800 lone",
];

const ELEMENTS = new Set(
  "A BDI BLOCKQUOTE BR BUTTON CODE DIV EM FIGCAPTION FIGURE HR LI OL P PRE S SPAN STRONG TABLE TBODY TD TH TR UL".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(
  "aria-label aria-level aria-live class dir href rel role scope start tabindex target title type".split(" "),
);

function draw(content: string): HTMLElement {
  const root = document.createElement("div");
  render(renderText(content), root);
  return root;
}

describe("hostile messages", () => {
  it.each(CORPUS)("become no other elements and attributes than a message has: %j", (content) => {
    const root = draw(content);

    for (const element of root.querySelectorAll("*")) {
      expect(ELEMENTS).toContain(element.tagName);
      for (const { name } of element.attributes) expect(ATTRIBUTES).toContain(name);
    }
  });

  it.each(CORPUS)("link to http, https and mailto only: %j", (content) => {
    for (const link of draw(content).querySelectorAll("a")) {
      expect(link.getAttribute("href")).toMatch(/^(?:https?:\/\/[^/@]+\/|mailto:[^:]+@)/);
      expect(link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
      expect(link.getAttribute("target")).toBe("_blank");
    }
  });

  it.each(CORPUS)("are one line in the summary: %j", (content) => {
    expect(summarize(content)).not.toMatch(/[\n\r\t]/);
  });

  it("that are addresses of scripts stay text", () => {
    expect(draw("[x](javascript:alert(1))").querySelector("a")).toBeNull();
    expect(draw("[x](javascript:alert(1))").textContent).toBe("[x](javascript:alert(1))");
  });
});

/** Eight KiB of what makes parsers slow or deep. */
const EIGHT_KIB = 8_192;
const PATHOLOGICAL: readonly (readonly [string, string])[] = [
  ["stars", "*".repeat(EIGHT_KIB)],
  ["stars in pairs around a letter", `${"**".repeat(2_000)}a${"**".repeat(2_000)}`],
  ["open emphasis", "*a **a ".repeat(1_170)],
  ["closing emphasis", "a** b* ".repeat(1_170)],
  ["alternating emphasis", "*_".repeat(4_096)],
  ["underscores", "_a ".repeat(2_730)],
  ["tildes", "~~a".repeat(2_730)],
  ["open brackets", "[".repeat(EIGHT_KIB)],
  ["nested links", `${"[".repeat(2_700)}a${"](b)".repeat(1_300)}`],
  ["open pictures", "![".repeat(4_096)],
  ["links without end", "[a](".repeat(2_048)],
  ["backticks of all lengths", Array.from({ length: 126 }, (_, n) => "`".repeat(n + 1)).join(" ")],
  ["quotes in quotes", ">".repeat(EIGHT_KIB)],
  ["lists in lists", `${"- ".repeat(4_000)}a`],
  ["indented lists", Array.from({ length: 88 }, (_, n) => `${"  ".repeat(n)}- a`).join("\n")],
  ["list markers", "1. \n".repeat(2_048)],
  ["angle brackets", "<".repeat(EIGHT_KIB)],
  ["open comments", "<!--".repeat(2_048)],
  ["backslashes", "\\".repeat(EIGHT_KIB)],
  ["entities", "&".repeat(EIGHT_KIB)],
  ["table columns", `${"a|".repeat(2_000)}\n${"-|".repeat(2_000)}`],
  ["addresses", "http://a.bc ".repeat(680)],
  ["schemes", "http:".repeat(1_638)],
  ["slashes", "://".repeat(2_730)],
  ["at signs", "a@".repeat(4_096)],
  ["www", "www.".repeat(2_048)],
  ["line breaks", "\n".repeat(EIGHT_KIB)],
  ["spaces", `a${" ".repeat(EIGHT_KIB)}b`],
  ["zero-width joiners", "\u200d".repeat(2_730)],
  ["combining marks", `a${"\u0301".repeat(4_000)}`],
];

function depthOf(element: Element): number {
  let deepest = 0;
  for (const child of element.children) deepest = Math.max(deepest, 1 + depthOf(child));
  return deepest;
}

describe("pathological messages", () => {
  it.each(PATHOLOGICAL)("keep within the bounds of nodes and depth: %s", (_name, content) => {
    const root = draw(content);

    expect(root.querySelectorAll("*").length).toBeLessThanOrEqual(4_200);
    expect(depthOf(root)).toBeLessThanOrEqual(3 * MAX_NESTING);
  });

  it("lose nothing when they are too deep", () => {
    expect(draw(`${">".repeat(500)} the end`).textContent).toContain("the end");
    expect(draw(`${"- ".repeat(500)}the end`).textContent).toContain("the end");
    expect(draw(`${"**".repeat(500)}the end${"**".repeat(500)}`).textContent).toContain("the end");
  });

  it.each(PATHOLOGICAL)("are short in the summary: %s", (_name, content) => {
    expect(summarize(content).length).toBeLessThanOrEqual(201);
  });
});
