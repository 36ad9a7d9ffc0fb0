/** When to come back after a connection has ended, and when to stay away: pure decisions. */

import type { EndReason } from "./api.js";

const INITIAL_MS = 200;
const MAX_MS = 15_000;
/** A connection that lived this long starts the backoff anew. */
export const STABLE_MS = 10_000;
/** Closed without a close frame (RFC 6455 §7.1.5). */
export const LINE_BROKE = 1006;

const NOT_AUTHENTICATED = 4401;
const REVOKED = 4450;
const REPLACED = 4451;
const FAULTS: ReadonlySet<number> = new Set([1002, 1003, 1007, 1009, 4400]);

/** How a connection, or the attempt to make one, ended. */
export interface Ended {
  /** The close code; LINE_BROKE also when there never was a connection. */
  code: number;
  /** How long the server asked to wait. */
  after_ms?: number;
  token_refused?: boolean;
  lived_ms: number;
}

export type Decision = { stop: EndReason } | { delay_ms: number; refresh: boolean };

/**
 * Returns the wait before an attempt: a random part of 200 ms, doubled with each attempt up to 15 s ("full
 * jitter"), so that many clients do not come back together.
 *
 * @param attempt since the last connection that held, from 1
 * @param jitter 0 to 1
 */
export function backoffMs(attempt: number, jitter: number): number {
  return Math.round(Math.min(INITIAL_MS * 2 ** Math.min(attempt - 1, 32), MAX_MS) * jitter);
}

/** Decides what follows the end of a connection (docs/protocol.md, "Close codes"). */
export function decideReconnect(ended: Ended, attempt: number, jitter: number): Decision {
  if (ended.code === REVOKED) return { stop: "revoked" };
  if (ended.code === REPLACED) return { stop: "replaced" };
  if (FAULTS.has(ended.code)) return { stop: "protocol" };
  return {
    delay_ms: Math.max(backoffMs(attempt, jitter), ended.after_ms ?? 0),
    refresh: ended.token_refused === true || ended.code === NOT_AUTHENTICATED,
  };
}
