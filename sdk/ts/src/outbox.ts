/**
 * What was asked for and has no final answer yet, in order, kept in the store.
 *
 * An operation leaves the outbox when it is stored or definitely refused, never before; until then it is sent again
 * under the same msg_id, which the server stores once. Operations of one conversation go one after the other, so a
 * refused or repeated one cannot change their order.
 */

import type { Pending, Stored } from "./api.js";
import { backoffMs } from "./backoff.js";
import { ErrorCode, errorOf, PingMeError } from "./errors.js";
import type { Operation, SendPayload, ServerFrame } from "./frames.js";
import { errorOfPayload } from "./frames.js";
import { newMsgId } from "./ids.js";
import type { LocalStore } from "./store.js";

export const MAX_PENDING = 10_000;

/** The server keeps it as a dead letter: an operator may still let it through, sending again does not help. */
const DEAD_LETTERS: ReadonlySet<number> = new Set([
  ErrorCode.DEAD_LETTERED,
  ErrorCode.MESSAGE_PROCESSING_ERROR,
]);

/** What is kept of an operation. */
export interface Kept {
  /** Its place among all: keys ascend in the order of asking. */
  key: string;
  conversation_id: string;
  operation: Operation;
  client_ts: number;
  /** The server's final no. */
  failed?: { kind: PingMeError["kind"]; code: number; message: string };
}

export interface Entry extends Kept {
  attempts: number;
  /** It goes out once it is kept. */
  isKept: boolean;
}

export type Answer = { sent: Stored } | { again_ms: number } | { failed: PingMeError };

/** Decides what an answer means for an operation; undefined is no answer in time. `attempts` counts from 1. */
export function decideAnswer(frame: ServerFrame | undefined, attempts: number, jitter: number): Answer {
  if (frame?.type === "message_ack") return { sent: frame.payload };
  if (frame?.type !== "error") return { again_ms: backoffMs(attempts, jitter) };
  const { code, message, retryable, outcome, retry_after_ms = 0 } = frame.payload;
  if (DEAD_LETTERS.has(code)) return { failed: errorOf(code, message, "unknown") };
  if (retryable || outcome === "unknown")
    return { again_ms: Math.max(backoffMs(attempts, jitter), retry_after_ms) };
  return { failed: errorOfPayload(frame.payload) };
}

interface Waiter {
  resolve(stored: Stored): void;
  reject(error: PingMeError): void;
}

/** Who hears of changes. */
export interface OutboxListener {
  changed(conversationId: string): void;
  /** Something may be sent. */
  filled(): void;
  /** Other tabs should know. */
  tell(message: OutboxMessage): void;
}

/** What tabs tell each other about the outbox they share. */
export type OutboxMessage = { t: "outbox_put"; kept: Kept } | { t: "outbox_gone"; msg_id: string };

export class Outbox {
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, Entry[]>();
  readonly #waiters = new Map<string, Waiter[]>();
  #lastPlace = 0;

  constructor(
    private readonly store: LocalStore,
    private readonly listener: OutboxListener,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** Takes up what the store holds and this tab does not know yet. */
  async load(): Promise<void> {
    for (const [, value] of await this.store.all("outbox")) this.#insert(value as Kept);
    this.listener.filled();
  }

  /** Takes an operation; it is sent when it is kept. The same msg_id again gives the pending one, if it says the same. */
  add(conversationId: string, operation: Operation): Promise<Stored> {
    const msgId = operation.payload.msg_id;
    const known = this.#entries.get(msgId);
    if (
      known !== undefined &&
      (known.conversation_id !== conversationId || gist(known.operation) !== gist(operation))
    ) {
      const refused = Promise.reject<Stored>(
        new PingMeError("refused", ErrorCode.MSG_ID_CONFLICT, "msg_id is in use"),
      );
      refused.catch(() => undefined);
      return refused;
    }
    const done = this.#wait(msgId);
    if (known !== undefined) return done;
    if (this.#entries.size >= MAX_PENDING) {
      const message = `${MAX_PENDING} operations wait for the server already`;
      this.#settle(msgId, new PingMeError("refused", ErrorCode.LIMIT_REACHED, message));
      return done;
    }
    const kept = { key: this.#place(), conversation_id: conversationId, operation, client_ts: Date.now() };
    void this.#keep(this.#insert(kept, false));
    return done;
  }

  /** What waits in a conversation, in order. */
  pending(conversationId: string): readonly Pending[] {
    return (this.#lanes.get(conversationId) ?? []).map(pendingOf);
  }

  find(msgId: string): Entry | undefined {
    return this.#entries.get(msgId);
  }

  /** The conversations in which something waits. */
  lanes(): string[] {
    return [...this.#lanes.keys()];
  }

  /** The operation whose turn it is in a conversation; undefined until it is kept. Failed ones stand aside. */
  first(conversationId: string): Entry | undefined {
    const entry = this.#lanes.get(conversationId)?.find((one) => one.failed === undefined);
    return entry?.isKept ? entry : undefined;
  }

  /**
   * The operation is stored. It leaves the store when the copy that shows it instead has been written (`copied`; null:
   * another tab sees to that): whoever reloads in between sees it. A crash before that sends it once more: a duplicate.
   */
  sent(stored: Stored, copied: Promise<void> | null): void {
    const entry = this.#remove(stored.msg_id);
    this.#settle(stored.msg_id, stored);
    if (entry === undefined || copied === null) return;
    void copied.then(() => this.store.write([{ table: "outbox", key: entry.key }])).catch(() => undefined); // sent again: a duplicate
  }

  /** The server's final no: it stays, to be seen, until somebody retries or discards it. */
  async fail(msgId: string, error: PingMeError): Promise<void> {
    const entry = this.#entries.get(msgId);
    if (entry === undefined) return;
    entry.failed = { kind: error.kind, code: error.code, message: error.message };
    this.#settle(msgId, error);
    this.listener.changed(entry.conversation_id);
    await this.#keep(entry);
  }

  /** Sends a failed operation again, as the newest; after a final no under a new msg_id. */
  retry(msgId: string): void {
    const entry = this.#entries.get(msgId);
    if (entry?.failed === undefined) return;
    const fresh = entry.failed.kind === "unknown" ? msgId : newMsgId();
    const payload = { ...entry.operation.payload, msg_id: fresh };
    if (entry.operation.type === "send" && entry.failed.code === ErrorCode.CONFLICT) {
      // What it answers was lost in a restore; what it says need not be.
      delete (payload as SendPayload).reply_to;
      delete payload.epoch;
    }
    const operation = { ...entry.operation, payload } as Operation;
    void this.discard(msgId);
    void this.add(entry.conversation_id, operation).catch(() => undefined); // a refusal stands in `pending`
  }

  /** Forgets an operation. One that is on its way may still be stored. */
  async discard(msgId: string): Promise<void> {
    const entry = this.#remove(msgId);
    if (entry === undefined) return;
    this.#settle(msgId, new PingMeError("closed", ErrorCode.CONFLICT, "discarded"));
    this.listener.tell({ t: "outbox_gone", msg_id: msgId });
    await this.store.write([{ table: "outbox", key: entry.key }]);
  }

  /** Takes what another tab tells. */
  hear(message: OutboxMessage): void {
    if (message.t === "outbox_put") {
      const known = this.#entries.get(message.kept.operation.payload.msg_id);
      if (known === undefined) this.#insert(message.kept);
      else if (message.kept.failed !== undefined) this.#hearFailure(known, message.kept.failed);
      this.listener.filled();
    } else {
      this.#remove(message.msg_id);
      this.#settle(message.msg_id, new PingMeError("closed", ErrorCode.CONFLICT, "discarded"));
    }
  }

  /** Tells a new leader of everything that waits here; it may have missed some. */
  announce(): void {
    for (const entry of this.#entries.values()) {
      if (entry.isKept) this.listener.tell({ t: "outbox_put", kept: keptOf(entry) });
    }
  }

  /** Nothing is sent any more: everybody who waits is told. */
  end(error: PingMeError): void {
    for (const msgId of [...this.#waiters.keys()]) this.#settle(msgId, error);
  }

  /** Forgets everything, without touching the store. */
  clear(): void {
    for (const msgId of [...this.#entries.keys()]) this.#remove(msgId);
  }

  #wait(msgId: string): Promise<Stored> {
    const done = new Promise<Stored>((resolve, reject) => {
      this.#waiters.set(msgId, [...(this.#waiters.get(msgId) ?? []), { resolve, reject }]);
    });
    done.catch(() => undefined); // whoever does not wait sees the failure in `pending`
    return done;
  }

  #settle(msgId: string, result: Stored | PingMeError): void {
    const waiters = this.#waiters.get(msgId) ?? [];
    this.#waiters.delete(msgId);
    for (const waiter of waiters) {
      if (result instanceof PingMeError) waiter.reject(result);
      else waiter.resolve(result);
    }
  }

  async #keep(entry: Entry): Promise<void> {
    try {
      await this.store.write([{ table: "outbox", key: entry.key, value: keptOf(entry) }]);
    } catch {
      // A full disk, or private browsing: it is sent from memory, and lost with the page.
    }
    if (this.#entries.get(entry.operation.payload.msg_id) !== entry) return; // discarded meanwhile
    entry.isKept = true;
    this.listener.tell({ t: "outbox_put", kept: keptOf(entry) });
    this.listener.filled();
  }

  #hearFailure(entry: Entry, failed: NonNullable<Kept["failed"]>): void {
    entry.failed = failed;
    this.#settle(entry.operation.payload.msg_id, new PingMeError(failed.kind, failed.code, failed.message));
    this.listener.changed(entry.conversation_id);
  }

  #insert(kept: Kept, isKept = true): Entry {
    const msgId = kept.operation.payload.msg_id;
    const known = this.#entries.get(msgId);
    if (known !== undefined) return known;
    const entry: Entry = { ...kept, attempts: 0, isKept };
    this.#entries.set(msgId, entry);
    const lane = this.#lanes.get(kept.conversation_id) ?? [];
    const place = lane.findLastIndex((one) => one.key < kept.key) + 1;
    this.#lanes.set(kept.conversation_id, lane.toSpliced(place, 0, entry));
    this.listener.changed(kept.conversation_id);
    return entry;
  }

  #remove(msgId: string): Entry | undefined {
    const entry = this.#entries.get(msgId);
    if (entry === undefined) return undefined;
    this.#entries.delete(msgId);
    const lane = (this.#lanes.get(entry.conversation_id) ?? []).filter((one) => one !== entry);
    if (lane.length > 0) this.#lanes.set(entry.conversation_id, lane);
    else this.#lanes.delete(entry.conversation_id);
    this.listener.changed(entry.conversation_id);
    return entry;
  }

  /** A key that sorts by time, also among tabs; a clock that goes back does not reorder one's own. */
  #place(): string {
    this.#lastPlace = Math.max(Date.now() * 1000, this.#lastPlace + 1);
    return `${this.#lastPlace.toString(36).padStart(11, "0")}-${newMsgId().slice(-6)}`;
  }
}

/** What a msg_id stands for: not the moment of asking, nor the epoch, nor how the conversation is named. */
function gist({ type, payload }: Operation): string {
  const fields: Record<string, unknown> = { ...payload };
  for (const name of ["client_ts", "epoch", "conversation_id", "to_user_id", "group_id"]) delete fields[name];
  return JSON.stringify([type, Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function keptOf({ key, conversation_id, operation, client_ts, failed }: Entry): Kept {
  return { key, conversation_id, operation, client_ts, ...(failed && { failed }) };
}

/** As programs see it: what an operation is about is its `target_seq`. */
function pendingOf({ operation, conversation_id, client_ts, failed }: Entry): Pending {
  const { type: kind, payload } = operation;
  const { msg_id } = payload;
  const common = {
    msg_id,
    conversation_id,
    kind,
    client_ts,
    state: failed === undefined ? ("waiting" as const) : ("failed" as const),
    ...(failed && { error: new PingMeError(failed.kind, failed.code, failed.message) }),
  };
  if (operation.type === "send") {
    const { group_id: _, conversation_id: __, epoch: ___, ...fields } = operation.payload;
    return { ...fields, ...common };
  }
  const { seq: target_seq, epoch: _, ...fields } = operation.payload;
  return { ...fields, ...common, target_seq };
}
