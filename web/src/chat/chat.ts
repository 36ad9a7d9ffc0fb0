import type { Conversation, Message, Timeline } from "@pingme/sdk";
import { type Signal, signal } from "@preact/signals";
import { client, onFrame } from "../state/client";
import { explain } from "../state/errors";
import { conversation } from "../state/store";
import { toast } from "../ui";

/** What the composer is about. */
export type Mode =
  | { readonly kind: "write" }
  | { readonly kind: "reply"; readonly to: Message }
  | { readonly kind: "edit"; readonly message: Message };

/** Where the list is to go next: a message in the middle and lit up, the first unread, or the end. */
export type Target =
  | { readonly kind: "seq"; readonly seq: number; readonly lit: boolean }
  | { readonly kind: "unread" }
  | { readonly kind: "end" };

/** The conversation that is open: its timeline, and what the views of it share. */
export class Chat {
  readonly timeline = signal<Timeline | null>(null);
  /** Counts changes of the timeline, once per frame. */
  readonly version = signal(0);
  readonly failed = signal<unknown>(null);
  readonly mode = signal<Mode>({ kind: "write" });
  /** The row under the pointer. */
  readonly hovered = signal<number | null>(null);
  readonly lit = signal<number | null>(null);
  /** The key of the row at which Tab stops: the one that had the focus last, else the newest. */
  readonly tabStop = signal<string | null>(null);
  /** Where the list goes when it is drawn next. */
  target: Target | null = null;
  /** What was read when it was opened: the line "new messages" stands after it, whatever is read meanwhile. */
  readonly readAtOpen: number;
  private readonly quotes = new Map<number, Signal<Message | null | undefined>>();
  private asking: Promise<void> = Promise.resolve();
  private stop: (() => void) | undefined;
  private closed = false;
  private focusedRow: string | undefined;
  private jumps = 0;
  private scheduled = false;

  /**
   * @param id - of the conversation, which may not exist yet.
   * @param peerId - whom the first message is to, where it does not exist.
   */
  constructor(
    readonly id: string,
    readonly peerId: string | undefined,
  ) {
    const one = client().conversation(id);
    this.readAtOpen = one && one.unread > 0 ? one.read_seq : Number.POSITIVE_INFINITY;
  }

  /** The conversation as it stands now; who reads it follows it. */
  get now(): Conversation | undefined {
    return conversation(this.id);
  }

  get isGroup(): boolean {
    return this.now?.info.type === "group";
  }

  /** Loads the timeline: at a message, at the first unread one, or at the end. */
  async open(seq?: number): Promise<void> {
    const one = client().conversation(this.id);
    if (!one) return;
    const unread = one.unread > 0;
    this.target =
      seq !== undefined ? { kind: "seq", seq, lit: true } : unread ? { kind: "unread" } : { kind: "end" };
    const around = seq ?? (unread ? one.read_seq + 1 : undefined);
    try {
      this.failed.value = null;
      const timeline = await client().timeline(this.id, around === undefined ? {} : { around_seq: around });
      if (this.closed) return timeline.close();
      this.stop = timeline.onChange(() => this.changed());
      this.timeline.value = timeline;
    } catch (error) {
      this.failed.value = error;
    }
  }

  close(): void {
    this.closed = true;
    this.stop?.();
    this.timeline.peek()?.close();
  }

  /** Goes to a message, loading what is around it where it is not there; where the entry has no row, to the next one. */
  async goTo(seq: number): Promise<void> {
    await this.go({ kind: "seq", seq, lit: true }, (timeline) => bring(timeline, seq));
  }

  async goToEnd(): Promise<void> {
    await this.go({ kind: "end" }, async (timeline) => timeline.atEnd || timeline.toEnd());
  }

  private async go(target: Target, load: (timeline: Timeline) => Promise<unknown>): Promise<void> {
    const timeline = this.timeline.peek();
    const jump = ++this.jumps;
    try {
      if (timeline) await load(timeline);
    } catch (error) {
      if (!this.closed) toast(explain(error), { kind: "error" });
      return;
    }
    if (jump !== this.jumps) return; // a later one has taken its place
    // Not before: what is drawn while it loads has no such row, and would use the target up.
    this.target = target;
    this.version.value++;
  }

  /** A row has got the focus. */
  focused(row: string): void {
    this.focusedRow = row;
    this.tabStop.value = row;
  }

  /** Rows have been drawn, in this order: one of them is where Tab stops. */
  drawn(rows: readonly string[]): void {
    const { focusedRow } = this;
    this.tabStop.value =
      focusedRow !== undefined && rows.includes(focusedRow) ? focusedRow : (rows.at(-1) ?? null);
  }

  /** Lights a message up for a moment. */
  light(seq: number): void {
    this.lit.value = seq;
    setTimeout(() => {
      if (this.lit.value === seq) this.lit.value = null;
    }, 2_000);
  }

  /** The message that another one answers: undefined while it is not known, null when it is not there to be read. */
  quoted(seq: number): Message | null | undefined {
    this.version.value;
    const here = this.timeline.value?.items.find((item) => item.seq === seq);
    if (here) return here.kind === "message" ? here : null;
    let quote = this.quotes.get(seq);
    if (!quote) {
      quote = signal<Message | null | undefined>(undefined);
      this.quotes.set(seq, quote);
      // One after the other: a page of answers must not ask for fifty pages at once.
      this.asking = this.asking.then(() => this.ask(seq));
    }
    return quote.value;
  }

  private async ask(seq: number): Promise<void> {
    const quote = this.quotes.get(seq);
    if (this.closed || !quote) return;
    try {
      const timeline = await client().timeline(this.id, { around_seq: seq });
      const found = timeline.items.find((item) => item.seq === seq);
      timeline.close();
      quote.value = found?.kind === "message" ? found : null;
    } catch {
      this.quotes.delete(seq); // offline: whoever draws it next asks again
    }
  }

  private changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    onFrame(() => {
      this.scheduled = false;
      this.version.value++;
    });
  }
}

/** Has an entry in the range of a timeline, and one that has a row at or after it, as far as there is any. */
async function bring(timeline: Timeline, seq: number): Promise<void> {
  const has = (): boolean => timeline.items.some((item) => item.seq >= seq);
  if (!has() || (timeline.items[0]?.seq ?? 0) > seq) await timeline.around(seq);
  // Nothing but reactions and edits in the page after it.
  if (!has() && !timeline.atEnd) await timeline.loadNewer();
}
