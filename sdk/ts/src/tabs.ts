/**
 * Tabs that share a store share one connection: one of them leads, holds the WebSocket and sends what the outbox holds;
 * the others hear every frame from it and ask through it.
 *
 * Who leads is decided by a Web Lock: when the leading tab closes, or crashes, the browser hands it to the next one.
 */

import type { EndReason, Status } from "./api.js";
import { unreachable } from "./errors.js";
import type { AuthOk, ClientFrame, Line, ServerFrame } from "./frames.js";
import type { OutboxMessage } from "./outbox.js";
import { ANSWER_TIMEOUT_MS } from "./socket.js";

/** What the hop to the leading tab may take on top. */
const HOP_MS = 2_000;

export type TabMessage =
  | OutboxMessage
  | { t: "hello" }
  | { t: "leader" }
  | { t: "open"; hello: AuthOk }
  | { t: "shut" }
  | { t: "status"; status: Status }
  | { t: "frame"; frame: ServerFrame }
  | { t: "ask"; frame: ClientFrame; timeoutMs: number }
  | { t: "failed"; id: string; message: string }
  | { t: "hurry" }
  | { t: "bye" }
  | { t: "session" }
  | { t: "settings" }
  | { t: "end"; reason: EndReason };

/** Who hears what tabs say; `from` is the name of the tab. */
export type HearTab = (message: TabMessage, from: string) => void;

export class Tabs {
  /** This tab's name; ids of its frames begin with it. */
  readonly name = Math.random().toString(36).slice(2, 10);
  #channel: BroadcastChannel | null = null;
  #release: (() => void) | null = null;
  #queued: AbortController | null = null;

  constructor(
    private readonly shared: string | null,
    private readonly hear: HearTab,
  ) {
    if (shared === null) return;
    this.#channel = new BroadcastChannel(`pingme:${shared}`);
    this.#channel.onmessage = (event: MessageEvent) => {
      const { from, message } = event.data as { from: string; message: TabMessage };
      this.hear(message, from);
    };
  }

  /** Whether there may be other tabs. */
  get isShared(): boolean {
    return this.#channel !== null;
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage({ from: this.name, message });
  }

  /** Queues for leading; calls `lead` when it is this tab's turn, at once when there are no others. */
  elect(lead: () => void): void {
    if (this.shared === null) {
      lead();
      return;
    }
    const queued = new AbortController();
    this.#queued = queued;
    const hold = (): Promise<void> | undefined => {
      if (queued.signal.aborted) return undefined;
      lead();
      return new Promise((resolve) => {
        this.#release = resolve;
      });
    };
    navigator.locks
      .request(`pingme:${this.shared}:leader`, { signal: queued.signal }, hold)
      .catch(() => undefined);
  }

  /** Leads no longer, and waits no longer for it. */
  resign(): void {
    this.#queued?.abort();
    this.#queued = null;
    this.#release?.();
    this.#release = null;
  }

  /** Runs work that only one tab may do at a time. */
  async alone<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.shared === null) return work();
    return navigator.locks.request(`pingme:${this.shared}:${what}`, work) as Promise<T>;
  }

  close(): void {
    this.tell({ t: "bye" });
    this.resign();
    this.#channel?.close();
    this.#channel = null;
  }
}

/** Whether this environment lets tabs find each other. */
export const canShare = (): boolean =>
  typeof BroadcastChannel === "function" && typeof navigator === "object" && navigator.locks !== undefined;

interface Waiting {
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

/** The line of a tab that does not lead: through the one that does. */
export class TabLine implements Line {
  readonly #waiting = new Map<string, Waiting>();
  #nextId = 1;
  #isShut = false;

  constructor(private readonly tabs: Tabs) {}

  request(frame: ClientFrame, a: { timeoutMs?: number } = {}): Promise<ServerFrame> {
    const id = `${this.tabs.name}.${this.#nextId++}`;
    const timeoutMs = a.timeoutMs ?? ANSWER_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      if (this.#isShut) {
        reject(unreachable("the connection has ended"));
        return;
      }
      const timer = setTimeout(() => this.failed(id, "no answer in time"), timeoutMs + HOP_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.tabs.tell({ t: "ask", frame: { ...frame, id }, timeoutMs });
    });
  }

  post(frame: ClientFrame): void {
    if (!this.#isShut) this.tabs.tell({ t: "ask", frame, timeoutMs: 0 });
  }

  /** Takes a frame that the leading tab has heard. */
  hear(frame: ServerFrame): void {
    if (frame.id === undefined || frame.type === "sync_page") return;
    this.#take(frame.id)?.resolve(frame);
  }

  failed(id: string, message: string): void {
    this.#take(id)?.reject(unreachable(message));
  }

  shut(): void {
    this.#isShut = true;
    for (const id of [...this.#waiting.keys()]) this.failed(id, "the connection ended before the answer");
  }

  #take(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** What several tabs want of the one connection: the union of whom they watch, and whether anybody is there. */
export class Wishes {
  readonly #watched = new Map<string, readonly string[]>();
  readonly #statuses = new Map<string, "online" | "away">();

  /** Returns the frame with every tab's wish in it. */
  merge(tab: string, frame: ClientFrame): ClientFrame {
    if (frame.type === "presence_watch") {
      this.#watched.set(tab, frame.payload.user_ids);
      const ids = new Set([...this.#watched.values()].reverse().flat());
      return { ...frame, payload: { user_ids: [...ids].slice(0, 500) } };
    }
    if (frame.type === "presence_set") {
      this.#statuses.set(tab, frame.payload.status);
      const isHere = [...this.#statuses.values()].includes("online");
      return { ...frame, payload: { status: isHere ? "online" : "away" } };
    }
    return frame;
  }

  /** A tab is gone; returns the state of those that are left, if it has changed. */
  forget(tab: string): ClientFrame | undefined {
    this.#watched.delete(tab);
    const was = [...this.#statuses.values()].includes("online");
    this.#statuses.delete(tab);
    if (this.#statuses.size === 0 || !was || [...this.#statuses.values()].includes("online"))
      return undefined;
    return { type: "presence_set", payload: { status: "away" } };
  }
}
