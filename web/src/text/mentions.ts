/** Somebody whom a message mentions, and what stands for them after the @. */
export interface Mention {
  readonly id: string;
  readonly names: readonly string[];
}

/** What `@…` at a place of a text stands for. */
export interface Found {
  readonly id: string;
  /** The characters after the @. */
  readonly length: number;
}

const WORD = /[\p{L}\p{N}_]/u;
const LATIN = /[A-Za-z0-9_]/;

/** The id by which a message mentions every member. */
export const EVERYONE = "all";
/** What is written for everyone, in any language of the page: messages are read in all of them. */
export const EVERYONE_NAMES: readonly string[] = ["all", "everyone", "所有人"];

/**
 * The mention that begins with the @ at `at`, if one of `mentions` does; the longest name wins.
 *
 * An @ inside a word ("ada@example.org") is none, and neither is a name that goes on ("@ada" in "@adam").
 */
export function mentionAt(text: string, at: number, mentions: readonly Mention[]): Found | undefined {
  if (text[at] !== "@" || (at > 0 && LATIN.test(text[at - 1] ?? ""))) return undefined;
  let best: Found | undefined;
  for (const { id, names } of mentions) {
    for (const name of names) {
      if (name.length > (best?.length ?? 0) && standsAt(text, at + 1, name))
        best = { id, length: name.length };
    }
  }
  return best;
}

/**
 * Ids of those whom a text mentions, each once: whoever would be drawn as mentioned in it is told of it, and nobody else.
 *
 * Of several who have the same name each is mentioned, since nobody can say which one is meant.
 */
export function mentionedIn(text: string, candidates: readonly Mention[]): string[] {
  const ids = new Set<string>();
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const found = mentionAt(text, at, candidates);
    if (!found) continue;
    const end = at + 1 + found.length;
    const written = text.slice(at + 1, end).toLowerCase();
    for (const { id, names } of candidates)
      if (names.some((name) => name.toLowerCase() === written)) ids.add(id);
    at = end - 1;
  }
  return [...ids];
}

function standsAt(text: string, start: number, name: string): boolean {
  const written = text.slice(start, start + name.length);
  if (written.toLowerCase() !== name.toLowerCase()) return false;
  const next = text.slice(start + name.length, start + name.length + 1);
  const last = name.slice(-1);
  // Languages without spaces go on at once ("@小明你好"); a Latin word that goes on is another name.
  return !(LATIN.test(last) ? LATIN.test(next) : next !== "" && WORD.test(last) && LATIN.test(next));
}
