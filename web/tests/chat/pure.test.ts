import { describe, expect, it } from "vitest";
import { mentionBegunAt } from "../../src/chat/mention";
import { metaWidth } from "../../src/chat/meta";
import { firstWith } from "../../src/chat/scroller";

describe("a mention that is being typed", () => {
  it.each([
    ["@", 1, { from: 0, query: "" }],
    ["hi @an", 6, { from: 3, query: "an" }],
    ["hi @Ada Lo", 10, { from: 3, query: "Ada Lo" }],
    ["(@小林", 4, { from: 1, query: "小林" }],
  ])("%s at %i", (text, caret, found) => {
    expect(mentionBegunAt(text, caret)).toEqual(found);
  });

  it.each([
    ["mail@example", 12],
    ["@ada, hello", 11],
    ["@one two three", 14],
  ])("is not in %s", (text, caret) => {
    expect(mentionBegunAt(text, caret)).toBeUndefined();
  });
});

describe("looking for the first of an ordered list", () => {
  it("finds it, and the end where there is none", () => {
    const all = [1, 3, 5, 7];

    expect(firstWith(all, (one) => one >= 4)).toBe(2);
    expect(firstWith(all, (one) => one >= 1)).toBe(0);
    expect(firstWith(all, (one) => one > 7)).toBe(4);
    expect(firstWith([], () => true)).toBe(0);
  });
});

describe("the room for the time", () => {
  it("grows with the time's length and with the marks", () => {
    const width = (text: string, mine: boolean): number =>
      Number.parseFloat(metaWidth(text, { mine, counted: false }));

    expect(width("01:49 AM", false)).toBeGreaterThan(width("01:49", false));
    expect(width("01:49", true)).toBeGreaterThan(width("01:49", false));
    expect(width("上午01:49", false)).toBeGreaterThan(width("AM01:49", false));
  });
});
