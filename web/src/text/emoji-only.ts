/** Emoji of a message that is shown big; more than these are read like a text. */
const BIG_AT_MOST = 6;
const LONGEST = 120; // UTF-16 units: six of the longest sequences (families, flags of regions)
const FIRST = 0xa9; // no emoji begins before © but the keys (1️⃣), which are read like a text

/** One emoji as Unicode recommends them for interchange (UTS #51), where the engine knows them. */
function makePattern(): RegExp {
  const repeated = (one: string): string => `^(?:${one}\\s*){1,${BIG_AT_MOST}}$`;
  for (const flag of ["v"]) {
    try {
      return new RegExp(repeated("\\p{RGI_Emoji}"), flag);
    } catch {
      // An engine before 2023 has no sets in patterns; a literal would stop it from reading this file.
    }
  }
  const part = "\\p{Extended_Pictographic}(?:\\p{Emoji_Modifier}|\ufe0f)?";
  return new RegExp(repeated(`${part}(?:\u200d${part})*`), "u");
}

const EMOJI = makePattern();

/** True when a message is nothing but one to six emoji. */
export function isEmojiOnly(content: string): boolean {
  const text = content.trim();
  // The engine's pattern is large: most messages are told apart by their length or first character.
  return text.length > 0 && text.length <= LONGEST && text.charCodeAt(0) >= FIRST && EMOJI.test(text);
}
