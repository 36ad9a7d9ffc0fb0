/** Keeps the copy in the store: what has changed is written together, a moment later, by the tab that leads. */

import type { Replica, StoredWindow } from "./replica.js";
import type { Snapshot } from "./state.js";
import type { Change, LocalStore } from "./store.js";

/** A burst of changes is one transaction. */
const GATHER_MS = 100;
/** Entries of a conversation that are kept: more than a screen shows. */
const KEPT_ITEMS = 60;

export class Keeper {
  readonly #dirty = new Set<string>();
  readonly #meta = new Map<string, unknown>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #wipe = false;
  /** Counts how often everything that was to be written became void. */
  #age = 0;
  /** Only the tab that leads writes; the others remember what they would have written. */
  isWriting = false;

  constructor(
    private readonly store: LocalStore,
    private readonly replica: Replica,
  ) {}

  /** Puts what is kept into the replica; returns the token of the last sync and the epoch it belongs to. */
  async load(): Promise<{ since: string | undefined; epoch: string | undefined }> {
    for (const [, snapshot] of await this.store.all("conversations"))
      this.replica.restore(snapshot as Snapshot);
    const since = (await this.store.get("meta", "since")) as string | undefined;
    const epoch = (await this.store.get("meta", "epoch")) as string | undefined;
    return { since, epoch };
  }

  /** Brings the newest entries of a conversation back into memory. */
  async hydrate(conversationId: string): Promise<void> {
    if (!this.replica.isCold(conversationId)) return;
    const stored = (await this.store.get("items", conversationId)) as StoredWindow | undefined;
    this.replica.hydrate(conversationId, stored);
  }

  /** A conversation has changed. */
  touch(conversationId: string): void {
    this.#dirty.add(conversationId);
    this.#schedule();
  }

  set(key: string, value: unknown): void {
    this.#meta.set(key, value);
    this.#schedule();
  }

  /** Everything that is kept is of another epoch: the next save begins anew. */
  reset(): void {
    this.#drop();
    this.#meta.set("since", undefined);
    this.#wipe = true;
  }

  /** Drops what is still to be written. */
  forget(): void {
    this.#drop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Writes now; one transaction, so that the token never runs ahead of what it stands for. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#save()).catch(() => undefined); // what cannot be read now: later
    return this.#saving;
  }

  async #save(): Promise<void> {
    if (!this.isWriting || (this.#dirty.size === 0 && this.#meta.size === 0)) return;
    for (const id of this.#dirty) await this.hydrate(id);
    const changes: Change[] = this.#wipe ? await this.#old() : [];
    for (const id of this.#dirty) changes.push(...this.#rows(id));
    for (const [key, value] of this.#meta) changes.push({ table: "meta", key, value });
    const putBack = this.#take();
    await this.store.write(changes).catch(putBack); // a full disk: less to start from
  }

  /** Nothing is to be written any more; returns what makes it so again. */
  #take(): () => void {
    const [dirty, meta, wipe] = [[...this.#dirty], [...this.#meta], this.#wipe];
    this.#drop();
    const age = this.#age;
    return () => {
      if (age !== this.#age) return;
      for (const id of dirty) this.#dirty.add(id);
      for (const [key, value] of meta) if (!this.#meta.has(key)) this.#meta.set(key, value);
      this.#wipe = wipe;
    };
  }

  #drop(): void {
    this.#dirty.clear();
    this.#meta.clear();
    this.#wipe = false;
    this.#age++;
  }

  #rows(id: string): Change[] {
    const snapshot = this.replica.snapshots.get(id);
    if (snapshot === undefined) return [];
    const kept = snapshot.items.slice(-KEPT_ITEMS);
    const isWhole = kept.length === snapshot.items.length;
    const window_from = isWhole ? snapshot.window_from : (kept[0]?.seq ?? snapshot.window_from);
    const window: StoredWindow = { items: kept, window_from, last_seq: snapshot.last_seq };
    const row: Snapshot = { ...snapshot, items: [] };
    return [
      { table: "conversations", key: id, value: row },
      { table: "items", key: id, value: window },
    ];
  }

  async #old(): Promise<Change[]> {
    const ids = (await this.store.all("conversations")).map(([key]) => key);
    return ids.flatMap((key): Change[] => [
      { table: "conversations", key },
      { table: "items", key },
    ]);
  }

  #schedule(): void {
    if (this.isWriting) this.#timer ??= setTimeout(() => void this.save(), GATHER_MS);
  }
}
