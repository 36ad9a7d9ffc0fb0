/** No tone, then the five of Unicode (Fitzpatrick scale, UTS #51). */
export const TONES: readonly string[] = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];

/** Puts a skin tone behind the first person of an emoji that takes one; 0 leaves it as it is. */
export function toned(emoji: string, tone: number): string {
  const mark = TONES[tone] ?? "";
  if (mark === "") return emoji;
  const [first = "", ...rest] = [...emoji];
  // A tone says already that this is a picture: the sign that does so elsewhere goes.
  return first + mark + rest.join("").replace(/^\ufe0f/, "");
}
