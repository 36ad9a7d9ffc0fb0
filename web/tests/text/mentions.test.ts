import { describe, expect, it } from "vitest";
import { EVERYONE_NAMES, type Mention, mentionedIn } from "../../src/text/mentions";

const PEOPLE: readonly Mention[] = [
  { id: "all", names: EVERYONE_NAMES },
  { id: "u1", names: ["Ann", "ann"] },
  { id: "u2", names: ["Ann Lee", "annlee"] },
  { id: "u3", names: ["小明", "xiaoming"] },
  { id: "u4", names: ["Sam", "sam1"] },
  { id: "u5", names: ["Sam", "sam2"] },
];

describe("whom a text mentions", () => {
  it.each([
    ["@Ann Lee, look", ["u2"]],
    ["@Ann, look", ["u1"]],
    ["x@ann.org", []],
    ["info@all.example", []],
    ["@小明你好", ["u3"]],
    ["你好@小明", ["u3"]],
    ["@anna", []],
    ["@Ann and @xiaoming, @ANN", ["u1", "u3"]],
    ["@everyone", ["all"]],
    ["@所有人 开会", ["all"]],
    ["@Sam", ["u4", "u5"]], // nobody can say which one
    ["@sam2", ["u5"]],
    ["@", []],
    ["", []],
  ])("in %j it is %j", (text, ids) => {
    expect(mentionedIn(text, PEOPLE)).toEqual(ids);
  });
});
