/**
 * One's own settings of conversations: shown at once, kept, and told to the server as soon as that is possible.
 *
 * What is set while an earlier change of the same conversation is under way is gathered into one call. A call that was
 * begun may have been stored, whatever became of it: it is repeated as it was, under its msg_id, also by the next page,
 * and what is set later goes out behind it under another one.
 */

import { ErrorCode, PingMeError } from "./errors.js";
import type { Http } from "./http.js";
import { newMsgId } from "./ids.js";
import type { Change, LocalStore } from "./store.js";

export interface Settings {
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
}

interface Wish {
  readonly msg_id: string;
  /** Fixed from the first attempt on: the server knows the msg_id with these. */
  values: Settings;
  isAttempted: boolean;
  isSending: boolean;
  readonly waiters: { resolve(): void; reject(error: unknown): void }[];
}

/** A wish in the store, as `settings:<conversation>:<msg_id>`. */
type Kept = Pick<Wish, "values" | "isAttempted">;

const PREFIX = "settings:";

export class SettingsQueue {
  /** Per conversation, in order: what is being told to the server, and what comes after. */
  readonly #wishes = new Map<string, Wish[]>();
  #openings = 0;

  constructor(
    private readonly http: Http,
    private readonly store: LocalStore,
    private readonly events: {
      changed(conversationId: string): void;
      /** The server has taken them, as entry `seq` of one's own log. */
      done(conversationId: string, values: Settings, seq: number): void;
    },
  ) {}

  /** Takes up what an earlier page left, before anything else is set; `open` sends it. */
  async load(): Promise<void> {
    for (const [key, value] of await this.store.all("meta")) {
      if (!key.startsWith(PREFIX)) continue;
      const [conversationId, msgId] = key.slice(PREFIX.length).split(":");
      if (conversationId && msgId) this.#takeUp(conversationId, msgId, value as Kept);
    }
  }

  put(conversationId: string, values: Settings): Promise<void> {
    const last = this.#wishes.get(conversationId)?.at(-1);
    const wish = last === undefined || last.isAttempted ? this.#push(conversationId, newMsgId()) : last;
    wish.values = { ...wish.values, ...values };
    const done = new Promise<void>((resolve, reject) => wish.waiters.push({ resolve, reject }));
    done.catch(() => undefined); // nobody has to wait for it
    this.#write(keptRow(conversationId, wish));
    this.events.changed(conversationId);
    void this.#send(conversationId);
    return done;
  }

  /** What the server does not know yet. */
  of(conversationId: string): Settings | undefined {
    const wishes = this.#wishes.get(conversationId);
    return wishes && Object.assign({}, ...wishes.map((wish) => wish.values));
  }

  /** There is a connection: what failed for want of one is tried again. */
  open(): void {
    this.#openings++;
    for (const conversationId of this.#wishes.keys()) void this.#send(conversationId);
  }

  clear(): void {
    for (const wishes of this.#wishes.values()) {
      for (const wish of wishes)
        this.#settle(wish, new PingMeError("closed", ErrorCode.WEBSOCKET_ERROR, "closed"));
    }
    this.#wishes.clear();
  }

  #push(conversationId: string, msg_id: string): Wish {
    const wish: Wish = { msg_id, values: {}, isAttempted: false, isSending: false, waiters: [] };
    this.#wishes.set(conversationId, [...(this.#wishes.get(conversationId) ?? []), wish]);
    return wish;
  }

  #takeUp(conversationId: string, msgId: string, { values, isAttempted }: Kept): void {
    if (this.#wishes.get(conversationId)?.some(({ msg_id }) => msg_id === msgId)) return;
    // Another tab may still add to a wish that nobody has sent: its msg_id stays with that tab.
    const wish = this.#push(conversationId, isAttempted ? msgId : newMsgId());
    Object.assign(wish, { values, isAttempted });
    if (!isAttempted) this.#write(rowOf(conversationId, msgId), keptRow(conversationId, wish));
  }

  async #send(conversationId: string): Promise<void> {
    const wish = this.#wishes.get(conversationId)?.[0];
    if (wish === undefined || wish.isSending) return;
    const openings = this.#openings;
    wish.isSending = true;
    wish.isAttempted = true;
    this.#write(keptRow(conversationId, wish));
    let refusal: PingMeError | undefined;
    let seq = 0;
    try {
      const body = { ...wish.values, msg_id: wish.msg_id };
      const path = `/conversations/${conversationId}/settings`;
      seq = (await this.http.call<{ seq: number }>("PATCH", path, { body, safe: true })).seq;
    } catch (thrown) {
      if (!(thrown instanceof PingMeError) || thrown.kind !== "refused") {
        wish.isSending = false; // `open` tries again; if it was called meanwhile, it has passed by
        if (openings !== this.#openings) void this.#send(conversationId);
        return;
      }
      refusal = thrown;
    }
    const [first, ...left] = this.#wishes.get(conversationId) ?? [];
    if (first !== wish) return; // cleared meanwhile
    if (refusal === undefined) this.events.done(conversationId, wish.values, seq);
    if (left.length > 0) this.#wishes.set(conversationId, left);
    else this.#wishes.delete(conversationId);
    this.#write(rowOf(conversationId, wish.msg_id));
    this.#settle(wish, refusal);
    this.events.changed(conversationId);
    void this.#send(conversationId);
  }

  #settle(wish: Wish, refusal: PingMeError | undefined): void {
    for (const { resolve, reject } of wish.waiters) {
      if (refusal === undefined) resolve();
      else reject(refusal);
    }
  }

  #write(...changes: Change[]): void {
    void this.store.write(changes).catch(() => undefined); // told to the server from memory all the same
  }
}

/** Where a wish is kept; written without a value the row goes away. */
const rowOf = (conversationId: string, msgId: string): Change => ({
  table: "meta",
  key: `${PREFIX}${conversationId}:${msgId}`,
});

const keptRow = (conversationId: string, { msg_id, values, isAttempted }: Wish): Change => ({
  ...rowOf(conversationId, msg_id),
  value: { values, isAttempted } satisfies Kept,
});
