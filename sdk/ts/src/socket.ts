/** One WebSocket, from the token to the close: frames out, frames in, answers to their askers. */

import type { WebSocketInstance } from "./api.js";
import type { Ended } from "./backoff.js";
import { LINE_BROKE } from "./backoff.js";
import { TOKEN_CODES, unreachable } from "./errors.js";
import type { AuthOk, ClientFrame, Line, ServerFrame } from "./frames.js";
import { decodeFrame, PROTOCOL_VERSION } from "./frames.js";

const OPEN_TIMEOUT_MS = 10_000;
/** After 10 s without an answer the outcome is unknown (docs/guarantees.md). */
export const ANSWER_TIMEOUT_MS = 10_000;
/** A browser cannot send WebSocket pings: `ping` frames find a line that is dead without anybody noticing. */
const PING_EVERY_MS = 20_000;
/** Answers that are on their way when the server drains. */
const LEAVE_WITHIN_MS = 2_000;
const NORMAL = 1000;
const VIOLATION = 4400;

interface Waiting {
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export interface SocketEvents {
  onOpen(line: Socket, hello: AuthOk): void;
  onFrame(frame: ServerFrame): void;
}

/** A WebSocket that authenticates itself: `onOpen` is called when that has worked, `ended` resolves at the end. */
export class Socket implements Line {
  readonly #ws: WebSocketInstance;
  readonly #waiting = new Map<string, Waiting>();
  readonly #openedMs = performance.now();
  #hello: AuthOk | null = null;
  #lastHeardMs = performance.now();
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #nextId = 1;
  #afterMs: number | undefined;
  #tokenRefused = false;
  #isEnded = false;
  /** The server asked to come back later: nothing new is sent. */
  isLeaving = false;
  readonly ended: Promise<Ended>;
  #end: (ended: Ended) => void = () => undefined;

  constructor(
    ws: WebSocketInstance,
    token: string,
    private readonly idPrefix: string,
    private readonly events: SocketEvents,
  ) {
    this.#ws = ws;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#pingTimer = setTimeout(() => this.#finish(LINE_BROKE), OPEN_TIMEOUT_MS);
    ws.onopen = () => this.post({ type: "auth", payload: { token, protocol: PROTOCOL_VERSION } });
    ws.onmessage = (event: { data: unknown }) => this.#receive(event.data);
    ws.onclose = (event: { code?: number }) => this.#finish(event.code || LINE_BROKE);
    ws.onerror = () => undefined; // a close follows
  }

  request(frame: ClientFrame, a: { id?: string; timeoutMs?: number } = {}): Promise<ServerFrame> {
    const id = a.id ?? frame.id ?? `${this.idPrefix}${this.#nextId++}`;
    return new Promise((resolve, reject) => {
      if (this.#isEnded) {
        reject(unreachable("the connection has ended"));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(unreachable("no answer in time"));
      }, a.timeoutMs ?? ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.post({ ...frame, id });
    });
  }

  post(frame: ClientFrame): void {
    if (!this.#isEnded) this.#ws.send(JSON.stringify(frame));
  }

  /** Asks for a sign of life: without one within this time the line counts as broken. */
  check(withinMs: number): void {
    if (this.#hello === null || this.#isEnded) return;
    const asked = performance.now();
    this.post({ type: "ping" });
    setTimeout(() => {
      if (this.#lastHeardMs < asked) this.#finish(LINE_BROKE);
    }, withinMs);
  }

  close(code = NORMAL): void {
    this.#finish(code);
  }

  #receive(data: unknown): void {
    if (this.#isEnded) return;
    this.#lastHeardMs = performance.now();
    let frame: ServerFrame;
    try {
      frame = decodeFrame(data);
    } catch {
      this.#finish(VIOLATION);
      return;
    }
    if (this.#hello === null) this.#open(frame);
    else this.#handle(frame);
  }

  #open(frame: ServerFrame): void {
    if (frame.type === "auth_ok") {
      this.#hello = frame.payload;
      clearTimeout(this.#pingTimer);
      this.#schedulePing();
      this.events.onOpen(this, frame.payload);
    } else if (frame.type === "auth_fail" || frame.type === "error") {
      this.#tokenRefused = TOKEN_CODES.has(frame.payload.code);
      this.#finish(LINE_BROKE);
    } else if (frame.type !== "reconnect") {
      this.#finish(VIOLATION);
    }
  }

  #handle(frame: ServerFrame): void {
    if (frame.type === "reconnect") {
      this.#afterMs = frame.payload.after_ms;
      this.isLeaving = true;
      setTimeout(() => this.#finish(NORMAL), LEAVE_WITHIN_MS);
    }
    this.events.onFrame(frame);
    const waiting = frame.id === undefined ? undefined : this.#waiting.get(frame.id);
    if (frame.id !== undefined && waiting !== undefined && frame.type !== "sync_page") {
      clearTimeout(waiting.timer);
      this.#waiting.delete(frame.id);
      waiting.resolve(frame);
    }
    if (this.isLeaving && this.#waiting.size === 0) this.#finish(NORMAL);
  }

  #schedulePing(): void {
    this.#pingTimer = setTimeout(() => {
      if (performance.now() - this.#lastHeardMs >= PING_EVERY_MS) this.check(PING_EVERY_MS);
      this.#schedulePing();
    }, PING_EVERY_MS);
  }

  #finish(code: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#pingTimer);
    this.#ws.onclose = null;
    this.#ws.onmessage = null;
    this.#ws.onopen = null;
    try {
      this.#ws.close(code >= 4000 || code === NORMAL ? code : NORMAL);
    } catch {
      // An implementation that has no close while it connects: there is nothing left to do.
    }
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(unreachable("the connection ended before the answer"));
    }
    this.#waiting.clear();
    const lived_ms = this.#hello === null ? 0 : performance.now() - this.#openedMs;
    const after = this.#afterMs === undefined ? {} : { after_ms: this.#afterMs };
    this.#end({ code, lived_ms, token_refused: this.#tokenRefused, ...after });
  }
}

/** The WebSocket address of a server: `http://host` becomes `ws://host/ws`. */
export function socketUrl(baseUrl: string): string {
  const base = baseUrl === "" ? location.origin : baseUrl;
  return `${base.replace(/^http/, "ws").replace(/\/+$/, "")}/ws`;
}
