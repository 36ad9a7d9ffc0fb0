/** What one does with conversations: look, write, read back. */

import { Account } from "./account.js";
import type { Conversation, OnMessage, Pending, SendArgs, Sending, Timeline } from "./api.js";
import type { Engine } from "./engine.js";
import { ErrorCode, PingMeError } from "./errors.js";
import { itemOf, type Operation } from "./frames.js";
import { newMsgId, privateConversationId } from "./ids.js";
import type { Settings, SettingsQueue } from "./settings.js";
import { TimelineView } from "./timeline.js";
import type { Views } from "./views.js";
import type { Item, Presence, User } from "./wire.js";

export abstract class Talk extends Account {
  protected readonly timelines = new Map<string, Set<TimelineView>>();
  protected abstract readonly engine: Engine;
  protected abstract readonly wishes: SettingsQueue;
  protected abstract readonly views: Views;
  abstract readonly me: User | null;

  // Conversations

  conversations(): readonly Conversation[] {
    return this.views.list();
  }

  conversation(id: string): Conversation | undefined {
    return this.views.get(id);
  }

  async conversationWith(userId: string): Promise<string> {
    return privateConversationId(this.engine.replica.me, userId);
  }

  // Writing

  send(a: SendArgs): Sending {
    const { conversation_id, to_user_id, group_id, msg_id = newMsgId(), mentions, epoch, ...rest } = a;
    const where =
      conversation_id ??
      group_id ??
      (to_user_id && privateConversationId(this.engine.replica.me, to_user_id));
    if (!where) throw new PingMeError("refused", ErrorCode.INVALID_PARAMETERS, "say where to");
    const payload = {
      ...rest,
      msg_id,
      client_ts: Date.now(),
      ...(rest.reply_to !== undefined && this.#epoch(epoch)),
      ...(mentions !== undefined && mentions.length > 0 && { mentions }),
      ...(conversation_id !== undefined
        ? { conversation_id }
        : group_id !== undefined
          ? { group_id }
          : { to_user_id }),
    };
    return this.#ask(where, { type: "send", payload } as Operation);
  }

  edit({ content, ...a }: OnMessage & { content: string }): Sending {
    const payload = { ...this.#target(a), content };
    return this.#ask(a.conversation_id, { type: "edit", payload });
  }

  recall(a: OnMessage): Sending {
    return this.#ask(a.conversation_id, { type: "recall", payload: this.#target(a) });
  }

  react({ emoji, remove, ...a }: OnMessage & { emoji: string; remove?: boolean }): Sending {
    const payload = { ...this.#target(a), emoji, ...(remove && { remove }) };
    return this.#ask(a.conversation_id, { type: "react", payload });
  }

  pending(conversationId: string): readonly Pending[] {
    return this.engine.outbox.pending(conversationId);
  }

  retry(msgId: string): void {
    this.engine.outbox.retry(msgId);
  }

  discard(msgId: string): Promise<void> {
    return this.engine.outbox.discard(msgId);
  }

  markRead(conversationId: string, seq?: number): void {
    const snapshot = this.engine.replica.snapshots.get(conversationId);
    const upto = Math.min(seq ?? snapshot?.last_seq ?? 0, snapshot?.last_seq ?? 0);
    if (snapshot === undefined || upto <= snapshot.read_seq) return;
    this.engine.replica.mark(conversationId, "read", upto);
    this.engine.positions.mark(conversationId, "read", upto);
  }

  typing(conversationId: string, active: boolean): void {
    this.engine.hints.typing(conversationId, active);
  }

  setPresence(status: "online" | "away"): void {
    this.engine.hints.setStatus(status);
  }

  watch(userIds: readonly string[]): void {
    this.engine.hints.watch(userIds);
  }

  presence(userId: string): Presence | undefined {
    return this.engine.hints.presence(userId);
  }

  typingIn(conversationId: string): readonly string[] {
    return this.engine.hints.typingIn(conversationId);
  }

  settings(conversationId: string, values: Settings): Promise<void> {
    return this.wishes.put(conversationId, values);
  }

  // Reading

  async timeline(conversationId: string, a: { around_seq?: number } = {}): Promise<Timeline> {
    const { replica, keeper } = this.engine;
    await keeper.hydrate(conversationId);
    const views = this.timelines.get(conversationId) ?? new Set();
    this.timelines.set(conversationId, views);
    const view = new TimelineView(conversationId, {
      snapshot: () => replica.snapshots.get(conversationId),
      counts: () => replica.counts.get(conversationId) ?? new Map(),
      history: (range) => this.engine.history({ conversation_id: conversationId, ...range }),
      closed: (closed) => views.delete(closed),
    });
    views.add(view);
    view.reset();
    if (a.around_seq !== undefined) await view.around(a.around_seq);
    else if (view.items.length === 0) await view.loadOlder().catch(() => undefined); // offline: empty for now
    return view;
  }

  async seqAt(conversationId: string, ts: number): Promise<number> {
    let low = 0; // everything up to here is older
    let high = (this.engine.replica.snapshots.get(conversationId)?.last_seq ?? 0) + 1;
    let found = high;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      const range = { conversation_id: conversationId, after_seq: middle - 1, limit: 1 };
      const first = (await this.engine.history(range)).events[0];
      if (first !== undefined && first.server_ts < ts) {
        low = first.seq;
        continue;
      }
      high = middle;
      found = Math.min(first?.seq ?? found, found);
    }
    return found;
  }

  /** One page of a conversation's log, as the server sends it: ascending, messages as they stand now. */
  history(a: { conversation_id: string; before_seq?: number; after_seq?: number; limit?: number }): Promise<{
    items: readonly Item[];
    has_more: boolean;
  }> {
    const page = this.engine.history({ limit: 50, ...a });
    return page.then(({ events, has_more }) => ({ items: events.map(itemOf), has_more }));
  }

  #target({ conversation_id, seq, msg_id = newMsgId(), epoch }: OnMessage) {
    return { msg_id, conversation_id, seq, ...this.#epoch(epoch) };
  }

  /** Names the store that a seq is of: after a restore the server refuses it (10006). */
  #epoch(epoch = this.engine.copyEpoch): { epoch?: string } {
    return epoch === undefined ? {} : { epoch };
  }

  #ask(conversation_id: string, operation: Operation): Sending {
    if (this.me === null) throw new PingMeError("closed", ErrorCode.UNAUTHORIZED, "log in first");
    const done = this.engine.outbox.add(conversation_id, operation);
    if (this.engine.status.state === "offline") this.engine.hurry(); // somebody waits
    return { msg_id: operation.payload.msg_id, conversation_id, done };
  }
}
