/**
 * One's own settings of conversations: shown at once, kept, and told to the server as soon as that is possible.
 *
 * What is set while an earlier change of the same conversation is under way is gathered into one call.
 */

import { ErrorCode, PingMeError } from "./errors.js";
import type { Http } from "./http.js";
import { newMsgId } from "./ids.js";
import type { LocalStore } from "./store.js";

export interface Settings {
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
}

interface Wish {
  values: Settings;
  msg_id: string;
  isSending: boolean;
  waiters: { resolve(): void; reject(error: unknown): void }[];
}

const PREFIX = "settings:";

export class SettingsQueue {
  /** Per conversation: what is being told to the server, and what comes after. */
  readonly #wishes = new Map<string, Wish[]>();

  constructor(
    private readonly http: Http,
    private readonly store: LocalStore,
    private readonly events: {
      changed(conversationId: string): void;
      /** The server has taken them. */
      done(conversationId: string, values: Settings): void;
    },
  ) {}

  /** Takes up what an earlier page left. */
  async load(): Promise<void> {
    for (const [key, values] of await this.store.all("meta")) {
      if (key.startsWith(PREFIX))
        void this.put(key.slice(PREFIX.length), values as Settings).catch(() => undefined);
    }
  }

  put(conversationId: string, values: Settings): Promise<void> {
    const wishes = this.#wishes.get(conversationId) ?? [];
    this.#wishes.set(conversationId, wishes);
    const last = wishes.at(-1);
    const done = new Promise<void>((resolve, reject) => {
      if (last !== undefined && !last.isSending) {
        last.values = { ...last.values, ...values };
        last.waiters.push({ resolve, reject });
      } else {
        wishes.push({ values, msg_id: newMsgId(), isSending: false, waiters: [{ resolve, reject }] });
      }
    });
    done.catch(() => undefined); // nobody has to wait for it
    this.#keep(conversationId);
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
    for (const conversationId of this.#wishes.keys()) void this.#send(conversationId);
  }

  clear(): void {
    for (const wishes of this.#wishes.values()) {
      for (const wish of wishes)
        this.#settle(wish, new PingMeError("closed", ErrorCode.WEBSOCKET_ERROR, "closed"));
    }
    this.#wishes.clear();
  }

  async #send(conversationId: string): Promise<void> {
    const wish = this.#wishes.get(conversationId)?.[0];
    if (wish === undefined || wish.isSending) return;
    wish.isSending = true;
    let refusal: PingMeError | undefined;
    try {
      const body = { ...wish.values, msg_id: wish.msg_id };
      await this.http.call("PATCH", `/conversations/${conversationId}/settings`, { body, safe: true });
      this.events.done(conversationId, wish.values);
    } catch (thrown) {
      if (!(thrown instanceof PingMeError) || thrown.kind !== "refused") {
        wish.isSending = false; // `open` tries again
        return;
      }
      refusal = thrown;
    }
    const wishes = this.#wishes.get(conversationId);
    if (wishes?.[0] !== wish) return; // cleared meanwhile
    wishes.shift();
    if (wishes.length === 0) this.#wishes.delete(conversationId);
    this.#keep(conversationId);
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

  #keep(conversationId: string): void {
    const row = { table: "meta" as const, key: `${PREFIX}${conversationId}`, value: this.of(conversationId) };
    void this.store.write([row]).catch(() => undefined); // told to the server from memory all the same
  }
}
