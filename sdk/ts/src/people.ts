/** Users by id: remembered, kept, and asked for in batches. */

import { asError } from "./errors.js";
import type { Http } from "./http.js";
import type { LocalStore } from "./store.js";
import { sleep } from "./timing.js";
import type { User } from "./wire.js";

/** Requests for users of one turn, and of a moment more, go together. */
const GATHER_MS = 10;
/** Ids in one request: the server's bound. */
const BATCH = 100;
/** Nobody tells when somebody else changes a name: what is older is asked for again when it is looked at. */
const STALE_MS = 15 * 60_000;
const MAX_REMEMBERED = 5_000;
/** After a failed request nobody is asked for again before this. */
const RETRY_MS = 5_000;

interface Known {
  user: User;
  asked_ts: number;
}

export class People {
  readonly #known = new Map<string, Known>();
  readonly #wanted = new Set<string>();
  readonly #missing = new Map<string, number>();
  #fetching: Promise<void> | null = null;

  constructor(
    private readonly http: Http,
    private readonly store: LocalStore,
    private readonly changed: (userId: string) => void,
  ) {}

  async load(): Promise<void> {
    for (const [userId, known] of await this.store.all("users")) {
      if (!this.#known.has(userId)) this.#known.set(userId, known as Known);
    }
  }

  /** Returns what is known; what is not, or is old, is asked for. */
  get(userId: string): User | undefined {
    const known = this.#known.get(userId);
    if (known === undefined || Date.now() - known.asked_ts > STALE_MS) this.#want(userId);
    return known?.user;
  }

  /** Returns these users, asking for those that are not known; unknown ones are left out. */
  async all(userIds: readonly string[]): Promise<User[]> {
    for (const userId of userIds) if (!this.#known.has(userId)) this.#want(userId);
    while (this.#fetching !== null && userIds.some((userId) => this.#wanted.has(userId)))
      await this.#fetching;
    return userIds.flatMap((userId) => this.#known.get(userId)?.user ?? []);
  }

  /** Remembers users that came by another way. */
  remember(users: readonly User[]): void {
    const now = Date.now();
    for (const user of users) {
      const old = this.#known.get(user.user_id)?.user;
      this.#known.delete(user.user_id); // and to the end: the map is in the order of asking
      this.#known.set(user.user_id, { user, asked_ts: now });
      if (JSON.stringify(old) !== JSON.stringify(user)) this.changed(user.user_id);
    }
    const rows = users.map((user) => ({
      table: "users" as const,
      key: user.user_id,
      value: { user, asked_ts: now },
    }));
    const excess = [...this.#known.keys()].slice(0, Math.max(this.#known.size - MAX_REMEMBERED, 0));
    for (const userId of excess) this.#known.delete(userId);
    const gone = excess.map((key) => ({ table: "users" as const, key }));
    void this.store.write([...rows, ...gone]).catch(() => undefined); // they can be asked for again
  }

  clear(): void {
    this.#known.clear();
    this.#wanted.clear();
    this.#missing.clear();
  }

  #want(userId: string): void {
    if (Date.now() < (this.#missing.get(userId) ?? 0)) return;
    this.#wanted.add(userId);
    this.#fetching ??= this.#fetch();
  }

  async #fetch(): Promise<void> {
    while (this.#wanted.size > 0) {
      await sleep(GATHER_MS);
      const ids = [...this.#wanted].slice(0, BATCH);
      for (const userId of ids) this.#missing.set(userId, Date.now() + RETRY_MS);
      try {
        const query = { ids: ids.join(",") };
        const { items } = await this.http.call<{ items: User[] }>("GET", "/users", { query });
        for (const { user_id } of items) this.#missing.delete(user_id);
        this.remember(items);
      } catch (thrown) {
        asError(thrown); // shown as unknown, and asked for again when somebody looks again
      }
      for (const userId of ids) this.#wanted.delete(userId);
    }
    this.#fetching = null; // in one step with the look that found nothing: who wants somebody now begins anew
  }
}
