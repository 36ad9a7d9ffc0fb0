/** The frames of the WebSocket (docs/protocol.md, "WebSocket frames"). */

import type { PingMeError } from "./errors.js";
import { errorOf } from "./errors.js";
import type { ConversationInfo, Item, Limits, Presence } from "./wire.js";

export const PROTOCOL_VERSION = 1;

export interface SendPayload {
  msg_id: string;
  conversation_id?: string;
  to_user_id?: string;
  group_id?: string;
  content: string;
  content_type?: string;
  client_ts?: number;
  reply_to?: number;
  mentions?: readonly string[];
}

/** What stores something. */
export type Operation =
  | { type: "send"; payload: SendPayload }
  | { type: "edit"; payload: { msg_id: string; conversation_id: string; seq: number; content: string } }
  | { type: "recall"; payload: { msg_id: string; conversation_id: string; seq: number } }
  | {
      type: "react";
      payload: { msg_id: string; conversation_id: string; seq: number; emoji: string; remove?: boolean };
    };

export type AckType = "delivered" | "read";

/** A frame that a client sends; its `id` comes back in the answer. */
export type ClientFrame = (
  | Operation
  | { type: "auth"; payload: { token: string; protocol: number } }
  | { type: "ping" }
  | { type: "ack"; payload: { conversation_id: string; seq: number; ack_type: AckType } }
  | { type: "sync"; payload: { since?: string; limit?: number } }
  | {
      type: "history";
      payload: { conversation_id: string; before_seq?: number; after_seq?: number; limit?: number };
    }
  | { type: "typing"; payload: { conversation_id: string; active: boolean } }
  | { type: "presence_set"; payload: { status: "online" | "away" } }
  | { type: "presence_watch"; payload: { user_ids: readonly string[] } }
) & { id?: string };

export interface AuthOk {
  user_id: string;
  username: string;
  device_id: string;
  server_ts: number;
  epoch: string;
  ping_interval: number;
  limits: Limits;
}

export interface MessageAck {
  msg_id: string;
  conversation_id: string;
  seq: number;
  server_ts: number;
  duplicate: boolean;
}

export interface SyncEntry {
  conversation: ConversationInfo;
  last_seq: number;
  last_hash: string;
  delivered_seq: number;
  read_seq: number;
  unread: number;
  peer_delivered_seq?: number;
  peer_read_seq?: number;
  prev_hash: string;
  events: Item[];
  events_complete: boolean;
}

export interface HistoryPage {
  conversation_id: string;
  prev_hash: string;
  events: Item[];
  has_more: boolean;
}

export interface Receipt {
  conversation_id: string;
  user_id?: string;
  delivered_seq?: number;
  read_seq?: number;
  seq?: number;
  delivered?: number;
  read?: number;
}

export interface ErrorPayload {
  code: number;
  message: string;
  outcome: "refused" | "unknown";
  retryable: boolean;
  retry_after_ms?: number;
  msg_id?: string;
}

interface Payloads {
  auth_ok: AuthOk;
  auth_fail: { code: number; message: string };
  pong: { timestamp: number };
  message_ack: MessageAck;
  error: ErrorPayload;
  ack_response: { conversation_id: string; delivered_seq: number; read_seq: number };
  sync_page: { conversations: SyncEntry[] };
  sync_done: { since: string; epoch: string };
  history_page: HistoryPage;
  message: Item;
  event: Item;
  receipt: Receipt;
  typing: { conversation_id: string; user_id: string; active: boolean };
  presence: Presence;
  resync: Record<string, never>;
  reconnect: { after_ms: number; reason: string };
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
export function itemOf(wire: Item): Item {
  if (wire.kind === undefined || wire.kind === "message") {
    return { ...(wire as Item & { kind: "message" }), kind: "message", content: wire.content ?? "" };
  }
  return wire;
}

/** Returns the payload of the answer that was hoped for; throws what the server said instead. */
export function answerOf<T extends FrameType>(frame: ServerFrame, type: T): Payloads[T] {
  if (frame.type === type) return frame.payload as Payloads[T];
  if (frame.type === "error") throw errorOfPayload(frame.payload);
  throw new TypeError(`expected ${type}, got ${frame.type}`);
}

export const errorOfPayload = (error: ErrorPayload): PingMeError =>
  errorOf(error.code, error.message, error.outcome, error.retry_after_ms);
