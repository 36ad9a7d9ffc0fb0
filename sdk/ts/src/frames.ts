/** The frames of the WebSocket (docs/protocol.md, "WebSocket frames"). */

import type { PingMeError } from "./errors.js";
import { errorOf } from "./errors.js";
import type * as wire from "./generated/socket.js";
import type { Item, Message } from "./wire.js";

export const PROTOCOL_VERSION = 1;

export type SendPayload = wire.SendPayload;
export type AuthOk = wire.AuthOk;
export type MessageAck = wire.MessageAck;
export type Receipt = wire.Receipt;
export type ErrorPayload = wire.ErrorPayload;
export type AckType = wire.AckPayload["ack_type"];

/** The wire's, with entries as this SDK shows them. */
export type SyncEntry = Omit<wire.SyncEntry, "events"> & { events: Item[] };
export type HistoryPage = Omit<wire.HistoryPage, "events"> & { events: Item[] };

/** What stores something. */
export type Operation =
  | { type: "send"; payload: SendPayload }
  | { type: "edit"; payload: wire.EditPayload }
  | { type: "recall"; payload: wire.RecallPayload }
  | { type: "react"; payload: wire.ReactPayload };

/** A frame that a client sends; its `id` comes back in the answer. */
export type ClientFrame = (
  | Operation
  | { type: "auth"; payload: wire.AuthPayload }
  | { type: "ping" }
  | { type: "ack"; payload: wire.AckPayload }
  | { type: "sync"; payload: wire.SyncPayload }
  | { type: "history"; payload: wire.HistoryPayload }
  | { type: "typing"; payload: wire.TypingPayload }
  | { type: "presence_set"; payload: wire.PresenceSetPayload }
  | { type: "presence_watch"; payload: wire.PresenceWatchPayload }
) & { id?: string };

interface Payloads {
  auth_ok: AuthOk;
  auth_fail: wire.Failure;
  pong: wire.Pong;
  message_ack: MessageAck;
  error: ErrorPayload;
  ack_response: wire.AckResponse;
  sync_page: { conversations: SyncEntry[] };
  sync_done: wire.SyncDone;
  history_page: HistoryPage;
  message: Item;
  event: Item;
  receipt: Receipt;
  typing: wire.Typing;
  presence: wire.Presence;
  resync: wire.Resync;
  reconnect: wire.Reconnect;
}

export type FrameType = keyof Payloads;

/** A frame that the server sends. */
export type ServerFrame = { [T in FrameType]: { type: T; payload: Payloads[T]; id?: string } }[FrameType];

/** Where frames go: the WebSocket, or the tab that holds it. */
export interface Line {
  /** Resolves with the answer, which may be an `error` frame; rejects when there is none. */
  request(frame: ClientFrame, a?: { id?: string; timeoutMs?: number }): Promise<ServerFrame>;
  /** Sends what has no answer, or one that nobody waits for. */
  post(frame: ClientFrame): void;
}

/** Returns a server's frame; throws when the text is none. Types that this version does not know pass. */
export function decodeFrame(text: unknown): ServerFrame {
  const frame: unknown = JSON.parse(String(text));
  if (typeof frame !== "object" || frame === null || typeof (frame as ServerFrame).type !== "string") {
    throw new TypeError("a frame is an object with a type");
  }
  (frame as { payload: unknown }).payload ??= {};
  return frame as ServerFrame;
}

/** Returns a log entry as this SDK shows it: live messages have no `kind`, later versions may have other ones. */
export function itemOf(got: Item): Item {
  if (got.kind === undefined || got.kind === "message") {
    return { ...(got as Message), kind: "message", content: got.content ?? "" };
  }
  return got;
}

/** Returns the payload of the answer that was hoped for; throws what the server said instead. */
export function answerOf<T extends FrameType>(frame: ServerFrame, type: T): Payloads[T] {
  if (frame.type === type) return frame.payload as Payloads[T];
  if (frame.type === "error") throw errorOfPayload(frame.payload);
  throw new TypeError(`expected ${type}, got ${frame.type}`);
}

export const errorOfPayload = (error: ErrorPayload): PingMeError =>
  errorOf(error.code, error.message, error.outcome, error.retry_after_ms);
