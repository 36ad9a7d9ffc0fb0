/** Empties the outbox over a line: conversations side by side, one after the other inside each. */

import { ErrorCode } from "./errors.js";
import type { Line, ServerFrame } from "./frames.js";
import type { Entry, Outbox } from "./outbox.js";
import { decideAnswer } from "./outbox.js";
import { sleep } from "./timing.js";

/** Half of what the server answers before it pauses reading. */
const MAX_UNANSWERED = 32;

export class Sender {
  readonly #running = new Set<string>();
  readonly #queue: (() => void)[] = [];
  #unanswered = 0;

  constructor(
    private readonly outbox: Outbox,
    private readonly line: Line & { readonly isLeaving: boolean },
    private readonly signal: AbortSignal,
    /** Bytes of a frame: four times those of a content (docs/protocol.md, "Limits"). */
    private readonly maxFrame: number,
  ) {}

  /** Sends what waits; to be called whenever there may be something. */
  run(): void {
    if (this.signal.aborted) return;
    for (const lane of this.outbox.lanes()) {
      if (this.#running.has(lane) || this.outbox.first(lane) === undefined) continue;
      this.#running.add(lane);
      void this.#send(lane);
    }
  }

  /** Sends the operations of one conversation in order, each until it has its final answer. */
  async #send(lane: string): Promise<void> {
    try {
      for (let entry = this.outbox.first(lane); entry !== undefined; entry = this.outbox.first(lane)) {
        await this.#slot();
        const frame =
          this.line.isLeaving || this.signal.aborted
            ? null
            : (this.#tooLarge(entry) ?? (await this.#ask(entry)));
        this.#release();
        if (frame === null || this.signal.aborted) return;
        entry.attempts++;
        const answer = decideAnswer(frame, entry.attempts, Math.random());
        if ("again_ms" in answer) await sleep(answer.again_ms, this.signal);
        // What is stored has left the outbox already: every tab takes it out when it sees the frame.
        else if ("failed" in answer) await this.outbox.fail(entry.operation.payload.msg_id, answer.failed);
      }
    } finally {
      // In one step with the look that found nothing: what is kept a microtask later finds nobody at work, and is sent.
      this.#running.delete(lane);
    }
  }

  /** Answers what the server would close the line for (1009), every time again. */
  #tooLarge({ operation }: Entry): ServerFrame | undefined {
    const { msg_id } = operation.payload;
    const size = new TextEncoder().encode(JSON.stringify({ ...operation, id: msg_id })).length;
    if (size <= this.maxFrame) return undefined;
    const message = `content: its frame has ${size} bytes, at most ${this.maxFrame} are taken`;
    const code = ErrorCode.MESSAGE_TOO_LARGE;
    return { type: "error", payload: { code, message, outcome: "refused", retryable: false, msg_id } };
  }

  async #ask(entry: Entry): Promise<ServerFrame | undefined> {
    try {
      return await this.line.request(entry.operation, { id: entry.operation.payload.msg_id });
    } catch {
      return undefined; // nobody knows the outcome: the same again, later
    }
  }

  async #slot(): Promise<void> {
    if (this.#unanswered >= MAX_UNANSWERED) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#unanswered++;
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#unanswered--;
    else next();
  }
}
