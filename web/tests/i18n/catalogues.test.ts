import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "../../src/i18n/en";
import { dialogs } from "../../src/i18n/en/dialogs";
import { text } from "../../src/i18n/en/text";
import type { Text } from "../../src/i18n/types";
import { zh } from "../../src/i18n/zh";

const keys = Object.keys(en) as (keyof typeof en)[];

/** The parameters of a text; the form `other` has them all. */
function names(text: Text): string[] {
  const form = typeof text === "string" ? text : text.other;
  return [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();
}

function forms(text: Text): string[] {
  return typeof text === "string" ? [text] : Object.values(text);
}

describe("the catalogues", () => {
  it("have the same keys", () => {
    expect(Object.keys(zh).sort()).toEqual([...keys].sort());
  });

  it.each(keys)("take the same parameters in %s", (key) => {
    expect(new Set(names(zh[key]))).toEqual(new Set(names(en[key])));
  });

  it.each(keys)("leave no form of %s empty or with spaces around", (key) => {
    for (const form of [...forms(en[key]), ...forms(zh[key])]) {
      expect(form.trim()).toBe(form);
      expect(form).not.toBe("");
    }
  });

  it("have exactly the plural forms that their language uses", () => {
    const used = (language: string) =>
      new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort();
    for (const key of keys) {
      const [english, chinese] = [en[key] as Text, zh[key]];
      if (typeof english !== "string") expect(Object.keys(english).sort()).toEqual(used("en"));
      if (typeof chinese !== "string") expect(Object.keys(chinese).sort()).toEqual(used("zh"));
    }
  });

  it("have a text for every error that the server documents", () => {
    const documented = readFileSync(resolve(import.meta.dirname, "../../../docs/errors.md"), "utf8");
    const codes = [...documented.matchAll(/^\|\s*`?(\d{5})`?\s*\|/gm)].map(([, code]) => `error.${code}`);

    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((key) => !Object.hasOwn(en, key))).toEqual([]);
  });

  it("have no text of dialogs and messages that nothing shows", () => {
    const source = sources(resolve(import.meta.dirname, "../../src"));
    const begun = [...source.matchAll(/`(\w+\.\w*)\$\{/g)].map(([, start = ""]) => start);
    const shown = (key: string): boolean =>
      source.includes(`"${key}"`) || begun.some((start) => key.startsWith(start));

    expect(Object.keys({ ...dialogs, ...text }).filter((key) => !shown(key))).toEqual([]);
  });
});

/** The sources of the page without the catalogues, in one. */
function sources(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !/^i18n.(?:en|zh)/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}
