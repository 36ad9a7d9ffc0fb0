// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { formatNames, initLanguage, isKey, isolate, setLanguage, t, tx } from "../../src/i18n";
import { fromBrowser } from "../../src/i18n/language";

beforeEach(async () => {
  localStorage.clear();
  await setLanguage("en");
});

describe("t()", () => {
  it("chooses the form by the count", () => {
    expect(t("list.unread", { count: 1 })).toBe("1 unread message");
    expect(t("list.unread", { count: 2 })).toBe("2 unread messages");
  });

  it("writes numbers in groups", () => {
    expect(t("list.unread", { count: 12_345 })).toMatch(/^12.345 unread messages$/);
  });

  it("uses the language that was chosen last", async () => {
    await setLanguage("zh");

    expect(t("list.unread", { count: 1 })).toBe("1 条未读消息");
  });

  it("shows a parameter as it is, whatever stands in it", () => {
    expect(t("event.joined", { name: "{count} $& <b>" })).toBe("{count} $& <b> joined");
  });

  it("does not look for parameters in the prototype", () => {
    expect(isKey("toString")).toBe(false);
    expect(isKey("error.40001")).toBe(true);
  });

  it("ends the direction of a name where the name ends", () => {
    expect(t("event.joined", { name: "שרה" })).toBe("\u2068שרה\u2069 joined");
    expect(t("event.joined", { name: "\u202egpj.exe" })).toBe("\u2068gpj.exe\u2069 joined");
  });
});

describe("tx()", () => {
  it("puts nodes where the parameters stand", () => {
    const name = { type: "bdi" } as never;

    expect(tx("event.added", { name, others: "Bob" })).toEqual([name, " added ", "Bob"]);
  });
});

describe("the language", () => {
  it("is the first of the browser's that has a catalogue", () => {
    expect(fromBrowser(["fr-CH", "zh-TW", "en"])).toBe("zh");
    expect(fromBrowser(["fr"])).toBe("en");
    expect(fromBrowser([])).toBe("en");
  });

  it("stands on the root element, with its direction", async () => {
    await setLanguage("zh");

    expect(document.documentElement.lang).toBe("zh-Hans");
    expect(document.documentElement.dir).toBe("ltr");
  });

  it("is kept for the next visit", async () => {
    await setLanguage("zh");
    const kept = localStorage.getItem("pingme.language") ?? "";
    await setLanguage("en");
    localStorage.setItem("pingme.language", kept);

    await initLanguage();

    expect(t("common.cancel")).toBe("取消");
  });

  it("is the browser's when what is kept is not a language", async () => {
    localStorage.setItem("pingme.language", "constructor");

    await initLanguage();

    expect(t("common.cancel")).toBe("Cancel");
  });
});

describe("isolate()", () => {
  it("leaves a text without right-to-left letters as it is", () => {
    expect(isolate("Ada 🙂 李")).toBe("Ada 🙂 李");
  });
});

describe("formatNames()", () => {
  it("joins names as the language does", async () => {
    expect(formatNames(["Ada", "Bob", "Cleo"])).toMatch(/^Ada, Bob,? and Cleo$/);
    await setLanguage("zh");
    expect(formatNames(["Ada", "Bob", "Cleo"])).toBe("Ada、Bob和Cleo");
  });
});
