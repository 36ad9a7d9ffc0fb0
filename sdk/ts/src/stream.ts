/** For programs that want every entry of every conversation: bots, bridges, archives. */

import { NOT_OURS } from "./catchup.js";
import type { Client } from "./client.js";
import { asError } from "./errors.js";
import type { How } from "./replica.js";
import type { Change, LocalStore } from "./store.js";
import { Bell, sleep } from "./timing.js";
import type { Item } from "./wire.js";

/** Entries that wait for a slow program; beyond, they stay on the server until there is room. */
const MAX_QUEUED = 2_000;
const PAGE = 200;
const RETRY_MS = 1_000;
/** Places are kept together, a moment later: what was dealt with in the last half second may come again. */
const KEEP_MS = 500;
/** A place in the store is `place:<epoch>:<conversation>`: one of another epoch is never taken for one of this. */
const PREFIX = "place:";

/**
 * Yields the entries of all conversations: in order per conversation, nothing twice, nothing left out.
 *
 * Begins, on a device that knows nothing, with what none of the user's devices has got; afterwards where it was, when
 * it is given the client's store. After a restore of the server it begins anew, like a device that knows nothing. To be
 * called before `login` or `resume`. Ends when the client has stopped.
 */
export function events(client: Client, a: { store?: LocalStore } = {}): AsyncGenerator<Item, void> {
  return new Reader(client, a.store).run();
}

class Reader {
  /** What the numbers below belong to; undefined before the first connection. */
  #epoch: string | undefined;
  /** Where an earlier program was is known. Until then nothing is handed out, and no place is written. */
  #isLoaded = false;
  /** Per conversation: up to here everything was handed out, or waits in the queue. */
  readonly #places = new Map<string, number>();
  readonly #behind = new Set<string>();
  /** Places that are still to be written: what was dealt with, and where a conversation began. */
  readonly #consumed = new Map<string, number>();
  #queue: Item[] = [];
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  readonly #unlisten: (() => void)[];
  #keepTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: Client,
    private readonly store: LocalStore | undefined,
  ) {
    this.#unlisten = [
      client.onLog((id, items, how) => this.#hear(id, items, how)),
      client.onChange((changed) => changed.has("status") && this.#bell.set()),
    ];
  }

  async *run(): AsyncGenerator<Item, void> {
    let hasBegun = false;
    try {
      while (true) {
        this.#meetEpoch();
        const epoch = this.#epoch;
        const { state } = this.client.status;
        hasBegun ||= state !== "idle";
        if (epoch !== undefined && !this.#isLoaded) {
          await this.#load(epoch);
          continue;
        }
        const item = this.#queue.shift();
        if (item !== undefined) {
          try {
            yield item;
          } finally {
            this.#finished(item, epoch); // dealt with when the next one is asked for, or the loop is left
          }
        } else if (this.#behind.size > 0 && state === "online") {
          await this.#fetch();
        } else if (state === "ended" || (state === "idle" && hasBegun)) {
          return;
        } else {
          await this.#bell.wait(undefined, this.#stop.signal);
        }
      }
    } finally {
      this.#stop.abort();
      for (const unlisten of this.#unlisten) unlisten();
      await this.#save();
    }
  }

  /** A server that was restored gives its numbers anew: what is known, and what waits, is of another history. */
  #meetEpoch(): void {
    const { epoch } = this.client;
    if (epoch === undefined || epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#isLoaded = false;
    this.#places.clear();
    this.#behind.clear();
    this.#consumed.clear();
    this.#queue = [];
  }

  /** Goes on where an earlier program was in this epoch, whatever was heard since; forgets the places of others. */
  async #load(epoch: string): Promise<void> {
    const rows = ((await this.store?.all("meta")) ?? []).filter(([key]) => key.startsWith(PREFIX));
    if (epoch !== this.#epoch) return; // another one has come
    const prefix = `${PREFIX}${epoch}:`;
    const kept = rows.filter(([key]) => key.startsWith(prefix));
    const places = new Map(kept.map(([key, seq]) => [key.slice(prefix.length), Number(seq)]));
    this.#queue = this.#queue.filter((item) => !places.has(item.conversation_id)); // fetched, in its turn
    for (const [id, seq] of places) {
      this.#places.set(id, seq);
      this.#behind.add(id);
      this.#consumed.delete(id);
    }
    this.#isLoaded = true;
    const old = rows
      .filter(([key]) => !key.startsWith(prefix))
      .map(([key]): Change => ({ table: "meta", key }));
    await this.store?.write(old).catch(() => undefined); // they mean nothing, whether they are there or not
    await this.#save();
  }

  #hear(id: string, items: readonly Item[], how: How): void {
    this.#meetEpoch();
    const place = this.#places.get(id) ?? this.#begin(id, items, how);
    const first = items[0];
    if (
      first === undefined ||
      first.seq > place + 1 ||
      this.#behind.has(id) ||
      this.#queue.length > MAX_QUEUED
    ) {
      this.#behind.add(id);
    } else {
      this.#take(id, items);
    }
    this.#bell.set();
  }

  #take(id: string, items: readonly Item[]): void {
    for (const item of items) {
      if (item.seq <= (this.#places.get(id) ?? 0)) continue;
      this.#queue.push(item);
      this.#places.set(id, item.seq);
    }
  }

  /** Where a conversation begins that was not known. */
  #begin(id: string, items: readonly Item[], how: How): number {
    const conversation = this.client.conversation(id);
    const floor = (items[0]?.seq ?? conversation?.info.from_seq ?? 1) - 1;
    const place = how === "first" ? Math.max(floor, conversation?.delivered_seq ?? 0) : floor;
    this.#places.set(id, place);
    this.#keep(id, place, 0); // at once: the client's copy, too, says from now on that it is known up to its head
    return place;
  }

  /** Fetches one page of one conversation that is behind. */
  async #fetch(): Promise<void> {
    const [id] = this.#behind;
    if (id === undefined) return;
    const epoch = this.#epoch;
    const after_seq = this.#places.get(id) ?? 0;
    const head = this.client.conversation(id)?.last_seq ?? 0;
    if (after_seq >= head) {
      this.#behind.delete(id);
      return;
    }
    const items = await this.#page(id, after_seq);
    if (epoch !== this.client.epoch) return;
    this.#take(id, items ?? []);
    this.#behind.delete(id);
    // To the end: others go on. What was heard while the answer was on its way is not in it.
    if (items?.length !== 0 || head !== this.client.conversation(id)?.last_seq) this.#behind.add(id);
  }

  /** Asks for what follows; none: nothing that this user sees. Undefined: there was no answer, and some time has passed. */
  async #page(conversation_id: string, after_seq: number): Promise<readonly Item[] | undefined> {
    try {
      return (await this.client.history({ conversation_id, after_seq, limit: PAGE })).items;
    } catch (thrown) {
      const error = asError(thrown);
      if (NOT_OURS.has(error.code)) return [];
      await sleep(Math.max(error.retry_after_ms ?? 0, RETRY_MS), this.#stop.signal);
      return undefined;
    }
  }

  #finished(item: Item, epoch: string | undefined): void {
    if (epoch === this.client.epoch) this.#keep(item.conversation_id, item.seq, KEEP_MS);
  }

  #keep(id: string, seq: number, withinMs: number): void {
    if (this.store === undefined) return;
    this.#consumed.set(id, seq);
    if (withinMs === 0) clearTimeout(this.#keepTimer);
    if (withinMs === 0 || this.#keepTimer === undefined)
      this.#keepTimer = setTimeout(() => void this.#save(), withinMs);
  }

  async #save(): Promise<void> {
    this.#meetEpoch();
    clearTimeout(this.#keepTimer);
    this.#keepTimer = undefined;
    if (!this.#isLoaded || this.#epoch !== this.client.epoch) return; // not yet, or no longer: after a logout
    const rows = [...this.#consumed].map(([id, seq]) => ({
      table: "meta" as const,
      key: `${PREFIX}${this.#epoch}:${id}`,
      value: seq,
    }));
    this.#consumed.clear();
    await this.store?.write(rows);
  }
}
