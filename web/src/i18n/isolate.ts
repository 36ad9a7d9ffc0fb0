// Letters of scripts written from right to left, and the marks that turn the direction (Unicode Standard Annex #9).
const TURNS =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]|[\ud802-\ud803\ud83a-\ud83b]/;
const MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Makes a foreign text safe inside a sentence: its direction ends where it ends.
 *
 * A name may hold marks that turn all that follows ("‮"); they are taken out. Where a script runs from right to
 * left, the text stands between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE; other texts stay as they are.
 *
 * @param text - a name, a title, a search term: whatever somebody typed.
 */
export function isolate(text: string): string {
  return TURNS.test(text) ? `\u2068${text.replace(MARKS, "")}\u2069` : text;
}
