/** Presence and typing: hints that are worth nothing later, so nothing of it is kept. */

import type { ChangeKey } from "./api.js";
import type { Line } from "./frames.js";
import type { Presence } from "./wire.js";

/** Whoever types says so again before this; who vanished stops typing by itself. */
const TYPING_FOR_MS = 6_000;
/** Typing is told at most this often. */
const TYPING_EVERY_MS = 3_000;
/** The server's bound (docs/protocol.md, "What clients send"). */
const MAX_WATCHED = 500;

export class Hints {
  readonly #presence = new Map<string, Presence>();
  readonly #typing = new Map<string, Map<string, ReturnType<typeof setTimeout>>>();
  readonly #told = new Map<string, number>();
  readonly #met = new Set<string>();
  #watched: readonly string[] = [];
  #status: "online" | "away" | null = null;
  #line: Line | null = null;

  constructor(private readonly changed: (key: ChangeKey) => void) {}

  /** Tells again what the server does not keep over a reconnect. */
  open(line: Line): void {
    this.#line = line;
    this.#told.clear();
    if (this.#status !== null) line.post({ type: "presence_set", payload: { status: this.#status } });
    if (this.#watched.length > 0) line.post({ type: "presence_watch", payload: { user_ids: this.#watched } });
  }

  /** Without a line nobody knows where the others are. */
  shut(): void {
    this.#line = null;
    for (const userId of [...this.#presence.keys()]) this.setPresence({ user_id: userId, status: "unknown" });
    for (const conversationId of [...this.#typing.keys()]) this.#stopAll(conversationId);
  }

  presence(userId: string): Presence | undefined {
    return this.#presence.get(userId);
  }

  setPresence(presence: Presence): void {
    this.#presence.set(presence.user_id, presence);
    this.changed(`presence:${presence.user_id}`);
  }

  watch(userIds: readonly string[]): void {
    const ids = [...new Set(userIds)].slice(0, MAX_WATCHED);
    if (ids.join() === this.#watched.join()) return;
    for (const userId of this.#watched) if (!ids.includes(userId)) this.#presence.delete(userId);
    this.#watched = ids;
    this.#line?.post({ type: "presence_watch", payload: { user_ids: ids } });
  }

  /**
   * A private chat with somebody is there. The server tells nobody where a stranger is, and does not come back to it:
   * who was watched before the first message is asked for once more.
   */
  met(userId: string): void {
    if (this.#met.has(userId)) return;
    this.#met.add(userId);
    if (this.#watched.includes(userId) && (this.#presence.get(userId)?.status ?? "unknown") === "unknown")
      this.#line?.post({ type: "presence_watch", payload: { user_ids: this.#watched } });
  }

  setStatus(status: "online" | "away"): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#line?.post({ type: "presence_set", payload: { status } });
  }

  typingIn(conversationId: string): readonly string[] {
    return [...(this.#typing.get(conversationId)?.keys() ?? [])];
  }

  /** Somebody else is, or is no longer, typing. */
  heardTyping(conversationId: string, userId: string, active: boolean): void {
    const typing = this.#typing.get(conversationId) ?? new Map<string, ReturnType<typeof setTimeout>>();
    this.#typing.set(conversationId, typing);
    const before = typing.has(userId);
    clearTimeout(typing.get(userId));
    typing.delete(userId);
    if (active) {
      const end = (): void => this.heardTyping(conversationId, userId, false);
      typing.set(userId, setTimeout(end, TYPING_FOR_MS));
    }
    if (typing.size === 0) this.#typing.delete(conversationId);
    if (before !== active) this.changed(`typing:${conversationId}`);
  }

  /** Tells the others that one is, or is no longer, typing. */
  typing(conversationId: string, active: boolean): void {
    const now = performance.now();
    const told = this.#told.get(conversationId);
    if (active ? told !== undefined && now - told < TYPING_EVERY_MS : told === undefined) return;
    if (active) this.#told.set(conversationId, now);
    else this.#told.delete(conversationId);
    this.#line?.post({ type: "typing", payload: { conversation_id: conversationId, active } });
  }

  /** Forgets everything: somebody else uses the client. */
  clear(): void {
    this.shut();
    this.#presence.clear();
    this.#met.clear();
    this.#watched = [];
    this.#status = null;
  }

  #stopAll(conversationId: string): void {
    for (const userId of this.typingIn(conversationId)) this.heardTyping(conversationId, userId, false);
  }
}
