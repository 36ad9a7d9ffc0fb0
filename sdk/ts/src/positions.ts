/**
 * The user's own delivered and read positions: told to the server in groups, and again after every reconnect.
 *
 * An `ack_response` may be half a second ahead of the server's disk, so the last ones are repeated.
 */

import type { AckType, Line } from "./frames.js";

/** Conversations whose positions are repeated; older ones have long been stored. */
const MAX_REMEMBERED = 200;
/** A burst of messages is acknowledged once. */
const GATHER_MS = 100;

interface Marks {
  delivered: number;
  read: number;
}

export class Positions {
  readonly #marks = new Map<string, Marks>();
  readonly #dirty = new Set<string>();
  #line: Line | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Remembers that everything up to `seq` is delivered, or read. */
  mark(conversationId: string, kind: AckType, seq: number): void {
    const old = this.#marks.get(conversationId) ?? { delivered: 0, read: 0 };
    if (seq <= old[kind]) return;
    this.#marks.delete(conversationId); // and to the end: the map is in the order of use
    this.#marks.set(conversationId, { ...old, [kind]: seq });
    this.#dirty.add(conversationId);
    this.#shrink();
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Tells every remembered position over a new line, and later ones as they come. */
  open(line: Line): void {
    this.#line = line;
    for (const conversationId of this.#marks.keys()) this.#dirty.add(conversationId);
    this.flush();
  }

  shut(): void {
    this.#line = null;
  }

  /** Tells what is new now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#line === null) return;
    for (const conversation_id of this.#dirty) {
      const { delivered, read } = this.#marks.get(conversation_id) ?? { delivered: 0, read: 0 };
      if (delivered > read) this.#tell(this.#line, conversation_id, "delivered", delivered);
      if (read > 0) this.#tell(this.#line, conversation_id, "read", read);
    }
    this.#dirty.clear();
  }

  /** Drops all marks: the numbers mean something else now. */
  forget(): void {
    this.#marks.clear();
    this.#dirty.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(line: Line, conversation_id: string, ack_type: AckType, seq: number): void {
    line.post({ type: "ack", payload: { conversation_id, seq, ack_type } });
  }

  #shrink(): void {
    if (this.#marks.size <= MAX_REMEMBERED) return;
    for (const conversationId of this.#marks.keys()) {
      if (this.#dirty.has(conversationId)) continue;
      this.#marks.delete(conversationId);
      return;
    }
  }
}
