import type { Language } from "../i18n";
import { toned } from "./tones";

/** The groups of the picker, in order; their names stand in the catalogue (`emoji.…`). */
export const GROUPS = [
  "smileys",
  "people",
  "animals",
  "food",
  "travel",
  "activities",
  "objects",
  "symbols",
  "flags",
] as const;

export type Group = (typeof GROUPS)[number];

export interface Entry {
  readonly emoji: string;
  /** It takes a skin tone. */
  readonly tones: boolean;
  readonly name: string;
  /** What it is found by, in lower case: its name first. */
  readonly words: readonly string[];
}

/** All emoji of the picker, in the words of one language. */
export interface EmojiData {
  readonly groups: Readonly<Record<Group, readonly Entry[]>>;
  readonly byEmoji: ReadonlyMap<string, Entry>;
}

const loaded = new Map<Language, Promise<EmojiData>>();

/** Loads the emoji, and their words in a language. Rejects when that is not possible; the next call tries again. */
export function loadEmoji(language: Language): Promise<EmojiData> {
  let data = loaded.get(language);
  if (!data) {
    data = read(language);
    loaded.set(language, data);
    data.catch(() => loaded.delete(language));
  }
  return data;
}

async function read(language: Language): Promise<EmojiData> {
  const [{ emoji }, { words }] = await Promise.all([
    import("./generated/emoji"),
    language === "zh" ? import("./generated/words-zh") : import("./generated/words-en"),
  ]);
  const lines = words.split("\n");
  let at = 0;
  const byEmoji = new Map<string, Entry>();
  const groups = {} as Record<Group, Entry[]>;
  for (const group of GROUPS) {
    groups[group] = emoji[group].split(" ").map((item) => {
      const found = (lines[at++] ?? "").split("|");
      const tones = item.endsWith("+");
      const entry = {
        emoji: tones ? item.slice(0, -1) : item,
        tones,
        name: found[0] ?? "",
        words: found.map((word) => word.toLocaleLowerCase()),
      };
      byEmoji.set(entry.emoji, entry);
      return entry;
    });
  }
  return { groups, byEmoji };
}

const MAX_FOUND = 96; // twelve rows: who has not found it by then types another letter

/**
 * The emoji that a query means, the best first: whose name begins with it, then a word of the name, then any other
 * word, then those that only contain it. Several words must all be met.
 */
export function searchEmoji(data: EmojiData, query: string): readonly Entry[] {
  const wanted = query.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  const found: { entry: Entry; score: number }[] = [];
  for (const group of GROUPS) {
    for (const entry of data.groups[group]) {
      const scores = wanted.map((word) => scoreOf(entry, word));
      const worst = Math.max(...scores);
      if (worst < MISS) found.push({ entry, score: worst });
    }
  }
  // Sorting is stable: among equals the order of the groups stays.
  return found
    .sort((a, b) => a.score - b.score)
    .slice(0, MAX_FOUND)
    .map(({ entry }) => entry);
}

const MISS = 5;

function scoreOf({ emoji, words }: Entry, word: string): number {
  const [name = "", ...others] = words;
  if (name === word || emoji === word) return 0;
  if (name.startsWith(word)) return 1;
  if (name.includes(` ${word}`)) return 2;
  if (others.some((other) => other.startsWith(word))) return 3;
  return words.some((other) => other.includes(word)) ? 4 : MISS;
}

/** An entry as it is shown and picked with a skin tone. */
export function withTone({ emoji, tones }: Entry, tone: number): string {
  return tones ? toned(emoji, tone) : emoji;
}
