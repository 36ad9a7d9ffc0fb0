/** Conversations as programs see them: a new object whenever something changes, the same one otherwise. */

import type { Conversation } from "./api.js";
import type { Replica } from "./replica.js";
import type { Settings } from "./settings.js";
import type { Snapshot } from "./state.js";

interface Cached {
  snapshot: Snapshot;
  view: Conversation;
}

export class Views {
  readonly #cached = new Map<string, Cached>();
  #list: readonly Conversation[] | null = null;

  constructor(
    private readonly replica: Replica,
    private readonly settings: (conversationId: string) => Settings | undefined,
  ) {}

  /** A conversation has changed, or all may have. */
  touch(conversationId?: string): void {
    this.#list = null;
    if (conversationId === undefined) this.#cached.clear();
    else this.#cached.delete(conversationId);
  }

  get(id: string): Conversation | undefined {
    const snapshot = this.replica.snapshots.get(id);
    if (snapshot === undefined) return undefined;
    const cached = this.#cached.get(id);
    if (cached?.snapshot === snapshot) return cached.view;
    const view = viewOf(snapshot, this.settings(id));
    this.#cached.set(id, { snapshot, view });
    return view;
  }

  /** Pinned first, then newest first; without the user's own log. */
  list(): readonly Conversation[] {
    this.#list ??= [...this.replica.snapshots.keys()]
      .flatMap((id) => this.get(id) ?? [])
      .filter((one) => one.info.type !== "self")
      .sort(byPlace);
    return this.#list;
  }
}

function byPlace(a: Conversation, b: Conversation): number {
  const pinned = Number(b.info.pinned ?? false) - Number(a.info.pinned ?? false);
  return pinned || b.newest_ts - a.newest_ts || (a.id < b.id ? -1 : 1);
}

function viewOf(snapshot: Snapshot, settings: Settings | undefined): Conversation {
  const { info, items: _, window_from: __, last_message, ...positions } = snapshot;
  return {
    ...positions,
    id: info.conversation_id,
    info: settings === undefined ? info : { ...info, ...settings },
    ...(last_message && { last_message }),
  };
}
