import { signal } from "@preact/signals";
import { en } from "./en";
import type { Text } from "./types";

/** Languages with a catalogue. */
export type Language = "en" | "zh";

/** What a person chose: a language, or the browser's. */
export type LanguageChoice = Language | "auto";

/** Every key of the catalogues. */
export type Key = keyof typeof en;

export type Catalogue = Readonly<Record<Key, Text>>;

/** How each language calls itself, in the order of the settings. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", zh: "简体中文" };

const STORED = "pingme.language";
const RTL: readonly string[] = ["ar", "fa", "he", "ur"]; // none has a catalogue yet; the page is ready for one

interface Active {
  readonly language: Language;
  readonly texts: Catalogue;
  readonly plural: Intl.PluralRules;
}

/** The language in use. Components that call `t()` are drawn anew when it changes. */
export const active = signal<Active>(make("en", en));

/** What the person chose. */
export const languageChoice = signal<LanguageChoice>("auto");

/** The tag for `Intl`: the browser's own variant of the language in use ("en-GB"), where it has one. */
export function locale(): string {
  const { language } = active.value;
  const variants = globalThis.navigator?.languages ?? [];
  return variants.find((tag) => baseOf(tag) === language) ?? (language === "zh" ? "zh-CN" : "en-GB");
}

/**
 * Loads the language that was chosen before, or the browser's. Call it once, before the first drawing.
 *
 * A catalogue that can't be loaded leaves English in use.
 */
export async function initLanguage(): Promise<void> {
  const stored = readChoice();
  languageChoice.value = stored;
  await use(stored === "auto" ? fromBrowser() : stored).catch(() => apply("en", en));
}

/** Uses another language from now on and keeps the choice. Rejects when the catalogue can't be loaded. */
export async function setLanguage(choice: LanguageChoice): Promise<void> {
  await use(choice === "auto" ? fromBrowser() : choice);
  languageChoice.value = choice;
  try {
    localStorage.setItem(STORED, choice);
  } catch {
    // Storage may be refused (private windows): the choice then holds for this visit.
  }
}

/** The first of the browser's languages that has a catalogue. */
export function fromBrowser(tags: readonly string[] = globalThis.navigator?.languages ?? []): Language {
  return tags.map(baseOf).find(isLanguage) ?? "en";
}

async function use(language: Language): Promise<void> {
  apply(language, language === "zh" ? (await import("./zh")).zh : en);
}

function apply(language: Language, texts: Catalogue): void {
  active.value = make(language, texts);
  const root = globalThis.document?.documentElement;
  if (!root) return;
  root.lang = language === "zh" ? "zh-Hans" : language;
  root.dir = RTL.includes(language) ? "rtl" : "ltr";
}

function make(language: Language, texts: Catalogue): Active {
  return { language, texts, plural: new Intl.PluralRules(language) };
}

function baseOf(tag: string): string {
  return tag.toLowerCase().split("-", 1)[0] ?? "";
}

function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(LANGUAGES, tag);
}

function readChoice(): LanguageChoice {
  try {
    const stored = localStorage.getItem(STORED);
    return stored !== null && isLanguage(stored) ? stored : "auto";
  } catch {
    return "auto";
  }
}
