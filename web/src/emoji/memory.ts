import { type Signal, signal } from "@preact/signals";

/** What the picker remembers in this browser. */
export interface EmojiMemory {
  /** The newest first, with their skin tones. */
  readonly recent: readonly string[];
  /** 0 to 5: none, light to dark. */
  readonly tone: number;
}

const STORED = "pingme.emoji";
const MAX_RECENT = 24; // three rows

/** What is remembered. Change it by `remember` and `chooseTone`. */
export const memory: Signal<EmojiMemory> = signal(read());

/** Puts an emoji in front of the recent ones. */
export function remember(emoji: string): void {
  const others = memory.peek().recent.filter((each) => each !== emoji);
  keep({ ...memory.peek(), recent: [emoji, ...others].slice(0, MAX_RECENT) });
}

/** Chooses the skin tone that people get from now on. */
export function chooseTone(tone: number): void {
  keep({ ...memory.peek(), tone });
}

function keep(next: EmojiMemory): void {
  memory.value = next;
  try {
    localStorage.setItem(STORED, JSON.stringify(next));
  } catch {
    // Storage is full or forbidden: it is remembered until the page is closed.
  }
}

function read(): EmojiMemory {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? "{}") as Partial<EmojiMemory>;
    const recent = Array.isArray(kept.recent) ? kept.recent.filter((each) => typeof each === "string") : [];
    const tone = Number.isInteger(kept.tone) ? Number(kept.tone) : 0;
    return { recent: recent.slice(0, MAX_RECENT), tone: Math.max(0, Math.min(tone, 5)) };
  } catch {
    return { recent: [], tone: 0 };
  }
}
