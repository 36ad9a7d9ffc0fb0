// @vitest-environment happy-dom
import { render } from "preact";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { isEmojiOnly, preloadText, renderText, summarize, type TextContext } from "../../src/text";
import { Cache } from "../../src/text/cache";

function draw(content: string, context?: TextContext): HTMLElement {
  const root = document.createElement("div");
  render(renderText(content, context), root);
  return root;
}

describe("before the parser is loaded", () => {
  it("a message is drawn as plain text, and anew when the parser has come", async () => {
    expect(draw("**b**").textContent).toBe("**b**");

    await preloadText();

    expect(draw("**b**").querySelector("strong")?.textContent).toBe("b");
  });
});

describe("a drawn message", () => {
  beforeAll(preloadText);

  it("has mentions that open the person", () => {
    const opened: string[] = [];
    const root = draw("hi @ada", {
      mentions: ["u1"],
      user: () => ({ username: "ada", nickname: "Ada" }),
      onMention: (id) => opened.push(id),
    });

    root.querySelector("button")?.click();

    expect(opened).toEqual(["u1"]);
  });

  it("marks a mention of the reader and of everyone", () => {
    const context = { mentions: ["u1", "all"], me: "u1", user: () => ({ username: "ada", nickname: "" }) };

    expect(draw("@ada @everyone @所有人", context).querySelectorAll(".mention-me")).toHaveLength(3);
  });

  it("shows a name that nobody is mentioned by as text", () => {
    expect(draw("@ada", { mentions: [] }).querySelector(".mention")).toBeNull();
  });

  it("loads no picture from elsewhere", () => {
    const root = draw("![cat](https://a.example/cat.png)");

    expect(root.querySelector("img")).toBeNull();
    expect(root.querySelector("a")?.getAttribute("href")).toBe("https://a.example/cat.png");
  });

  it("copies code with its button and says so", async () => {
    const writeText = vi.fn(async () => undefined);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText }, languages: ["en"] });
    const root = draw("```js\nlet a = 1;\n```");

    root.querySelector("button")?.click();

    await vi.waitFor(() => expect(root.querySelector("button")?.textContent).toBe("Copied"));
    expect(writeText).toHaveBeenCalledWith("let a = 1;");
    vi.unstubAllGlobals();
  });

  it("is big when it is nothing but a few emoji", () => {
    expect(draw("👍").querySelector(".text-big")?.textContent).toBe("👍");
    expect(draw("👍 ok").querySelector(".text-big")).toBeNull();
  });
});

describe("isEmojiOnly()", () => {
  it.each(["👍", "👩‍👩‍👧‍👦", "❤️", "🇩🇪🇨🇳", "👋🏽 👋🏿", " 🙂\n", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🙂🙂🙂🙂🙂🙂"])(
    "knows %j",
    (content) => {
      expect(isEmojiOnly(content)).toBe(true);
    },
  );

  it.each(["", " ", "1", "#", "12", "©a", "🙂🙂🙂🙂🙂🙂🙂", "a🙂", "🙂a", "\u200d", "你好"])(
    "refuses %j",
    (content) => {
      expect(isEmojiOnly(content)).toBe(false);
    },
  );
});

describe("summarize()", () => {
  it.each([
    ["**bold** and _it_ ~~gone~~ `code`", "bold and it gone code"],
    ["# Title\n\n- a\n- b\n1. c", "Title a b c"],
    ["> quoted\nanswer", "quoted answer"],
    ["```py\nprint(1)\n```", "print(1)"],
    ["[docs](https://a.example/x_(y)) ![cat](https://b.example)", "docs cat"],
    ["<https://a.example>", "https://a.example"],
    ["snake_case_name __init__ 2 * 3 * 4", "snake_case_name init 2 * 3 * 4"],
    ["\\*not bold\\*", "*not bold*"],
    ["a\n\n\n  b\tc", "a b c"],
    ["", ""],
  ])("says %j as %j", (content, line) => {
    expect(summarize(content)).toBe(line);
  });

  it("cuts between characters, not inside one", () => {
    const line = summarize("🙂".repeat(400));

    expect(line.endsWith("…")).toBe(true);
    expect(line).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  });
});

describe("the cache", () => {
  it("forgets what was not asked for longest", () => {
    const cache = new Cache<number>(2);
    let made = 0;
    const ask = (key: string): number => cache.get(key, () => ++made);

    ask("a");
    ask("b");
    ask("a");
    ask("c");

    expect(cache.size).toBe(2);
    expect(ask("a")).toBe(1);
    expect(ask("b")).toBe(4);
  });
});
