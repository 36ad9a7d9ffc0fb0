/** Catching up over a line: one sync after connecting, others when asked for, and the holes in every log. */

import { asError, ErrorCode } from "./errors.js";
import type { Line } from "./frames.js";
import { answerOf } from "./frames.js";
import type { Replica } from "./replica.js";
import { Bell, sleep } from "./timing.js";

/** Many conversations in pages, paced by the server. */
const SYNC_TIMEOUT_MS = 60_000;
const RETRY_MS = 1_000;
const HOLE_PAGE = 200;
/** Answers that say: this conversation is not for this user. Others pass. */
export const NOT_OURS: ReadonlySet<number> = new Set([
  ErrorCode.CONVERSATION_NOT_FOUND,
  ErrorCode.GROUP_NOT_FOUND,
  ErrorCode.NOT_A_MEMBER,
  ErrorCode.FORBIDDEN,
  ErrorCode.INVALID_PARAMETERS,
]);

export class CatchUp {
  /** The token of the last sync; undefined before the first. */
  since: string | undefined;
  readonly #bell = new Bell();

  constructor(
    private readonly replica: Replica,
    private readonly synced: (first: boolean) => void,
  ) {}

  /** There is something to fetch, at once or later. */
  touch(): void {
    this.#bell.set();
  }

  /** Syncs, then keeps up until the line ends. */
  async run(line: Line, signal: AbortSignal): Promise<void> {
    this.replica.needsSync = true;
    while (!signal.aborted) {
      if (this.replica.needsSync) await this.#sync(line, signal);
      else if (!(await this.#fillOne(line))) await this.#bell.wait(this.replica.nextDueMs(), signal);
    }
  }

  async #sync(line: Line, signal: AbortSignal): Promise<void> {
    this.replica.needsSync = false;
    const since = this.since;
    try {
      const payload = since === undefined ? {} : { since };
      const frame = await line.request({ type: "sync", payload }, { timeoutMs: SYNC_TIMEOUT_MS });
      this.since = answerOf(frame, "sync_done").since;
    } catch (thrown) {
      this.replica.needsSync = true;
      await sleep(Math.max(asError(thrown).retry_after_ms ?? 0, RETRY_MS), signal);
      return;
    }
    this.synced(since === undefined);
  }

  /** Fetches one page of one hole; returns whether there was something to do. */
  async #fillOne(line: Line): Promise<boolean> {
    const due = this.replica.due();
    if (due === undefined) return false;
    try {
      const frame = await line.request({ type: "history", payload: { ...due, limit: HOLE_PAGE } });
      this.replica.page(due.after_seq, answerOf(frame, "history_page"));
    } catch (thrown) {
      const error = asError(thrown);
      const waitMs = NOT_OURS.has(error.code) ? null : Math.max(error.retry_after_ms ?? 0, RETRY_MS);
      this.replica.holeFailed(due.conversation_id, waitMs);
    }
    return true;
  }
}
