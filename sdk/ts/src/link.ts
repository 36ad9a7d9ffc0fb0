/** Keeps a connection: connects, hands it over while it lives, comes back with backoff, or stops. */

import type { EndReason, WebSocketLike } from "./api.js";
import { decideReconnect, type Ended, STABLE_MS } from "./backoff.js";
import { asError } from "./errors.js";
import type { Session } from "./session.js";
import { Socket, type SocketEvents, socketUrl } from "./socket.js";
import { Bell } from "./timing.js";

/** After a change of network or visibility: how long a line may take to show that it lives. */
const PROOF_WITHIN_MS = 4_000;

export interface LinkEvents extends SocketEvents {
  onConnecting(): void;
  onShut(): void;
  onWaiting(retryAtTs: number): void;
}

export interface LinkOptions {
  baseUrl: string;
  WebSocket: WebSocketLike;
  session: Session;
  idPrefix: string;
}

export class Link {
  readonly #hurry = new Bell();
  readonly #stop = new AbortController();
  #socket: Socket | null = null;

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {}

  /** Stays connected until there is a reason to stop for good, and returns it; undefined after `close`. */
  async run(): Promise<EndReason | undefined> {
    let attempt = 0;
    let refreshed = false;
    while (!this.#stop.signal.aborted) {
      const ended = await this.#attempt();
      if (this.#stop.signal.aborted) return undefined;
      attempt = ended.lived_ms >= STABLE_MS ? 1 : attempt + 1;
      const decision = decideReconnect(ended, attempt, Math.random());
      if ("stop" in decision) return decision.stop;
      if (decision.refresh) {
        if (refreshed && ended.token_refused) return "revoked";
        const error = await this.options.session.renew().then(
          () => undefined,
          (thrown: unknown) => asError(thrown),
        );
        if (error?.kind === "ended") return "revoked";
        refreshed = error === undefined;
      } else {
        refreshed = false;
      }
      this.events.onWaiting(Date.now() + decision.delay_ms);
      await this.#hurry.wait(decision.delay_ms, this.#stop.signal);
    }
    return undefined;
  }

  /** Tries again now instead of at the end of the pause; asks an open line for a sign of life. */
  hurry(): void {
    if (this.#socket === null) this.#hurry.set();
    else this.#socket.check(PROOF_WITHIN_MS);
  }

  close(): void {
    this.#stop.abort();
    this.#socket?.close();
  }

  async #attempt(): Promise<Ended> {
    this.events.onConnecting();
    const { WebSocket, baseUrl, session, idPrefix } = this.options;
    const token = session.tokens?.token ?? "";
    const socket = new Socket(new WebSocket(socketUrl(baseUrl)), token, idPrefix, this.events);
    this.#socket = socket;
    const ended = await socket.ended;
    this.#socket = null;
    this.events.onShut();
    return ended;
  }
}
