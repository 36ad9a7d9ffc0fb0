import { active, locale } from "./language";

// Making a formatter costs some 50 µs, using it 1 µs: each is made once per language.
const made = new Map<string, Intl.NumberFormat>();
const lists = new Map<string, Intl.ListFormat>();

/** A number in the digits and groups of the language in use. */
export function formatNumber(value: number): string {
  const tag = locale();
  let format = made.get(tag);
  if (!format) {
    format = new Intl.NumberFormat(tag);
    made.set(tag, format);
  }
  return format.format(value);
}

/** "Ada, Bob and Cleo" in the language in use. */
export function formatNames(names: readonly string[]): string {
  const { language } = active.value;
  let format = lists.get(language);
  if (!format) {
    format = new Intl.ListFormat(language, { style: "long", type: "conjunction" });
    lists.set(language, format);
  }
  return format.format(names);
}
