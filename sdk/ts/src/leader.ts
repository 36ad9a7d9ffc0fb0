/** What only the tab that leads does: it holds the connection, empties the outbox, and serves the other tabs. */

import type { EndReason, Status, WebSocketLike } from "./api.js";
import type { AuthOk, ClientFrame, Line, ServerFrame } from "./frames.js";
import { PROTOCOL_VERSION } from "./frames.js";
import { Link } from "./link.js";
import type { Outbox } from "./outbox.js";
import { Sender } from "./sender.js";
import type { Session } from "./session.js";
import type { Socket } from "./socket.js";
import { type TabMessage, type Tabs, Wishes } from "./tabs.js";
import { sleep } from "./timing.js";

/** The longest wait of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const RENEW_RETRY_MS = 1_000;

export interface LeaderOptions {
  baseUrl: string;
  WebSocket: WebSocketLike;
  session: Session;
  tabs: Tabs;
}

/** What this tab makes of it, like every other tab. */
export interface LeaderEvents {
  status(status: Omit<Status, "since_ts">): void;
  open(line: Line, hello: AuthOk): void;
  /** `isOwn`: it answers a frame of this tab. */
  frame(frame: ServerFrame, isOwn: boolean): void;
  shut(): void;
  currentStatus(): Status;
}

export class Leader {
  readonly #link: Link;
  readonly #wishes = new Wishes();
  #open: { socket: Socket; hello: AuthOk; sender: Sender; end: AbortController } | null = null;

  constructor(
    private readonly o: LeaderOptions,
    private readonly outbox: Outbox,
    private readonly events: LeaderEvents,
  ) {
    const { baseUrl, WebSocket, session, tabs } = o;
    this.#link = new Link(
      { baseUrl, WebSocket, session, idPrefix: `${tabs.name}.` },
      {
        onConnecting: () => events.status({ state: "connecting" }),
        onWaiting: (retry_at_ts) => events.status({ state: "offline", retry_at_ts }),
        onOpen: (socket, hello) => this.#connected(socket, hello),
        onFrame: (frame) => this.#heard(frame),
        onShut: () => this.#shut(),
      },
    );
  }

  /** Leads until there is a reason to stop for good, and returns it; undefined after `close`. */
  run(): Promise<EndReason | undefined> {
    this.o.tabs.tell({ t: "leader" });
    return this.#link.run();
  }

  /** Sends what the outbox holds. */
  send(): void {
    this.#open?.sender.run();
  }

  hurry(): void {
    this.#link.hurry();
  }

  close(): void {
    this.#open?.end.abort();
    this.#link.close();
  }

  /** Takes what another tab tells. */
  hear(message: TabMessage, from: string): void {
    const { tabs } = this.o;
    if (message.t === "hello") {
      tabs.tell({ t: "leader" });
      if (this.#open !== null) tabs.tell({ t: "open", hello: this.#open.hello });
      else tabs.tell({ t: "status", status: this.events.currentStatus() });
    } else if (message.t === "ask") {
      this.#forward(message.frame, message.timeoutMs, from);
    } else if (message.t === "hurry") {
      this.#link.hurry();
    } else if (message.t === "bye") {
      const frame = this.#wishes.forget(from);
      if (frame !== undefined) this.#open?.socket.post(frame);
    }
  }

  #connected(socket: Socket, hello: AuthOk): void {
    const end = new AbortController();
    const sender = new Sender(this.outbox, socket, end.signal, hello.limits.max_message_size * 4);
    this.#open = { socket, hello, sender, end };
    this.o.tabs.tell({ t: "open", hello });
    const post = (frame: ClientFrame): void => socket.post(this.#wishes.merge(this.o.tabs.name, frame));
    this.events.open({ request: (frame, a) => socket.request(frame, a), post }, hello);
    sender.run();
    void this.#renew(socket, end.signal);
  }

  #heard(frame: ServerFrame): void {
    const isOwn = frame.id?.startsWith(`${this.o.tabs.name}.`) ?? false;
    if (!isOwn) this.o.tabs.tell({ t: "frame", frame });
    this.events.frame(frame, isOwn);
  }

  #shut(): void {
    this.#open?.end.abort();
    this.#open = null;
    this.events.shut();
    this.o.tabs.tell({ t: "shut" });
  }

  #forward(frame: ClientFrame, timeoutMs: number, from: string): void {
    const { id } = frame;
    if (id === undefined) {
      this.#open?.socket.post(this.#wishes.merge(from, frame));
    } else if (this.#open === null) {
      this.o.tabs.tell({ t: "failed", id, message: "there is no connection" });
    } else {
      this.#open.socket.request(frame, { id, timeoutMs }).catch((error: Error) => {
        this.o.tabs.tell({ t: "failed", id, message: error.message });
      });
    }
  }

  /** Renews the token on the open connection before it runs out. */
  async #renew(socket: Socket, signal: AbortSignal): Promise<void> {
    const { session } = this.o;
    while (!signal.aborted) {
      const waitMs = (session.tokens?.renew_at_ts ?? 0) - Date.now();
      await sleep(Math.min(Math.max(waitMs, RENEW_RETRY_MS), MAX_TIMER_MS), signal);
      if (signal.aborted || Date.now() < (session.tokens?.renew_at_ts ?? 0)) continue;
      try {
        const { token } = await session.renew();
        socket.post({ type: "auth", payload: { token, protocol: PROTOCOL_VERSION } });
      } catch {
        // Again in a second; at the latest the server closes with 4401.
      }
    }
  }
}
