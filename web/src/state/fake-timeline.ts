import type { Item, Timeline, TimelineChange } from "@pingme/sdk";

/** A timeline over a log that is in memory whole. */
export class FakeTimeline implements Timeline {
  readonly counts = new Map<number, { delivered: number; read: number }>();
  items: readonly Item[] = [];
  private readonly listeners = new Set<(what: TimelineChange) => void>();
  private from = 0;
  private to = 0;

  constructor(
    readonly conversation_id: string,
    private readonly log: readonly Item[],
    aroundSeq?: number,
    private readonly delayMs = 0,
    private readonly onEnd: () => void = () => undefined,
  ) {
    this.to = log.length;
    this.from = Math.max(0, this.to - 50);
    if (aroundSeq !== undefined) this.aim(aroundSeq);
    this.cut();
  }

  get atStart(): boolean {
    return this.from === 0;
  }

  get atEnd(): boolean {
    return this.to >= this.log.length;
  }

  async loadOlder(limit = 50): Promise<boolean> {
    await this.wait();
    if (this.atStart) return false;
    this.from = Math.max(0, this.from - limit);
    this.tell("prepend");
    return true;
  }

  async loadNewer(limit = 50): Promise<boolean> {
    await this.wait();
    if (this.atEnd) return false;
    this.to = Math.min(this.log.length, this.to + limit);
    this.tell("append");
    return true;
  }

  async toEnd(): Promise<void> {
    await this.wait();
    this.to = this.log.length;
    this.from = Math.max(0, this.to - 50);
    this.tell("reset");
  }

  async around(seq: number): Promise<void> {
    await this.wait();
    this.aim(seq);
    this.tell("reset");
  }

  trim(side: "start" | "end", keep: number): void {
    if (side === "start") this.from = Math.max(this.from, this.to - keep);
    else this.to = Math.min(this.to, this.from + keep);
    this.tell("change");
  }

  onChange(listener: (what: TimelineChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.listeners.clear();
    this.onEnd();
  }

  /** The log has one more entry; `followed`: this range reached the head before. */
  grown(): void {
    if (this.to !== this.log.length - 1) return;
    this.to = this.log.length;
    this.tell("append");
  }

  /** Entries were replaced by what they are now. */
  changed(): void {
    this.tell("change");
  }

  private tell(what: TimelineChange): void {
    this.cut();
    for (const listener of this.listeners) listener(what);
  }

  private cut(): void {
    this.items = this.log
      .slice(this.from, this.to)
      .filter(({ kind }) => kind !== "edit" && kind !== "recall" && kind !== "reaction");
  }

  private aim(seq: number): void {
    this.from = Math.max(0, seq - 25);
    this.to = Math.min(this.log.length, seq + 25);
  }

  private async wait(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.delayMs));
  }
}
