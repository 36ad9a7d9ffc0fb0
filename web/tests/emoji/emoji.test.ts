// @vitest-environment happy-dom
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { loadDataset, makeData } from "../../scripts/emoji.mjs";
import { type EmojiData, GROUPS, loadEmoji, searchEmoji, withTone } from "../../src/emoji/data";
import { chooseTone, memory, remember } from "../../src/emoji/memory";
import { toned } from "../../src/emoji/tones";

const MAX_BYTES = 32; // of UTF-8: what the server takes as a reaction (docs/protocol.md)

async function firstFound(language: "en" | "zh", query: string, count = 3): Promise<string[]> {
  return searchEmoji(await loadEmoji(language), query)
    .slice(0, count)
    .map(({ emoji }) => emoji);
}

function all(data: EmojiData) {
  return GROUPS.flatMap((group) => data.groups[group]);
}

describe("the generated data", () => {
  it("is what the script makes of the dataset", () => {
    for (const [name, text] of Object.entries(makeData(loadDataset))) {
      const file = resolve(import.meta.dirname, "../../src/emoji/generated", name);
      expect(readFileSync(file, "utf8")).toBe(text);
    }
  });

  it("has a name for each emoji in both languages", async () => {
    for (const language of ["en", "zh"] as const) {
      const data = await loadEmoji(language);
      expect(all(data).length).toBeGreaterThan(1_800);
      for (const { emoji, name } of all(data)) expect(name, emoji).not.toBe("");
    }
  });

  it("has no emoji twice, and none that the server refuses as a reaction", async () => {
    const data = await loadEmoji("en");
    expect(data.byEmoji.size).toBe(all(data).length);
    for (const entry of all(data)) {
      for (const tone of [0, 1, 5]) {
        expect(new TextEncoder().encode(withTone(entry, tone)).length).toBeLessThanOrEqual(MAX_BYTES);
      }
    }
  });

  it("has each emoji, with and without a skin tone, in the form that Unicode recommends", async () => {
    const emoji = new RegExp("^\\p{RGI_Emoji}$", ["v"].join(""));
    for (const entry of all(await loadEmoji("en"))) {
      for (const tone of [0, 1, 2, 3, 4, 5]) expect(withTone(entry, tone)).toMatch(emoji);
    }
  });
});

describe("the search", () => {
  it("finds by name, the best first", async () => {
    expect(await firstFound("en", "thumbs up", 1)).toEqual(["👍"]);
    expect(await firstFound("en", "pizza", 1)).toEqual(["🍕"]);
    expect(await firstFound("en", "rocket", 1)).toEqual(["🚀"]);
  });

  it("finds by the words of the language", async () => {
    expect(await firstFound("zh", "披萨", 1)).toEqual(["🍕"]);
    expect(await firstFound("zh", "火箭", 1)).toEqual(["🚀"]);
  });

  it("takes no notice of case and spaces, and wants all words met", async () => {
    expect(await firstFound("en", "  RED   heart ", 1)).toEqual(["❤️"]);
    expect(await firstFound("en", "heart xyzzy")).toEqual([]);
    expect(await firstFound("en", "   ")).toEqual([]);
  });
});

describe("skin tones", () => {
  it("stand behind the first person", () => {
    expect(toned("👋", 0)).toBe("👋");
    expect(toned("👋", 3)).toBe("👋🏽");
    expect(toned("☝️", 1)).toBe("☝🏻");
    expect(toned("👩‍🚀", 5)).toBe("👩🏿‍🚀");
  });

  it("leave alone what has none", async () => {
    const pizza = (await loadEmoji("en")).byEmoji.get("🍕");
    expect(pizza && withTone(pizza, 4)).toBe("🍕");
  });
});

describe("what the picker remembers", () => {
  beforeEach(() => {
    localStorage.clear();
    memory.value = { recent: [], tone: 0 };
  });

  it("is the newest first, each once, and no more than three rows", () => {
    for (let n = 0; n < 40; n++) remember(String.fromCodePoint(0x1f600 + n));
    remember("👍");
    remember("👍");

    expect(memory.value.recent[0]).toBe("👍");
    expect(memory.value.recent).toHaveLength(24);
    expect(new Set(memory.value.recent).size).toBe(24);
  });

  it("is kept in this browser", () => {
    remember("👍");
    chooseTone(2);

    expect(JSON.parse(localStorage.getItem("pingme.emoji") ?? "")).toEqual({ recent: ["👍"], tone: 2 });
  });
});
