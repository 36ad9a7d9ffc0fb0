/** Codes of the project's table (docs/errors.md) that a client meets. */
export const ErrorCode = {
  SERVER_ERROR: 10001,
  INVALID_PARAMETERS: 10002,
  UNAUTHORIZED: 10003,
  FORBIDDEN: 10004,
  NOT_FOUND: 10005,
  CONFLICT: 10006,
  TOO_MANY_REQUESTS: 10007,
  OVERLOADED: 10008,
  OUTCOME_UNKNOWN: 10009,
  DATABASE_ERROR: 20001,
  CACHE_ERROR: 20002,
  MESSAGE_PROCESSING_ERROR: 20003,
  WEBSOCKET_ERROR: 20004,
  USER_NOT_FOUND: 30001,
  USER_EXISTS: 30002,
  INVALID_CREDENTIALS: 30003,
  TOKEN_EXPIRED: 30004,
  INVALID_TOKEN: 30005,
  CONVERSATION_NOT_FOUND: 40001,
  GROUP_NOT_FOUND: 40002,
  NOT_A_MEMBER: 40003,
  MSG_ID_CONFLICT: 40004,
  NOT_ALLOWED_TO_WRITE: 40005,
  MESSAGE_TOO_LARGE: 40006,
  TOO_LATE: 40007,
  LIMIT_REACHED: 40008,
  PERSIST_FAILED: 50003,
  DEAD_LETTERED: 50006,
} as const;

/**
 * What became of what was asked for: `refused`: it has not happened and will not; `unknown`: nobody can say;
 * `unreachable`: no answer; `ended`: the session is over; `closed`: the client was closed, or nobody is logged in.
 */
export type ErrorKind = "refused" | "unknown" | "unreachable" | "ended" | "closed";

/** Everything that the SDK throws. */
export class PingMeError extends Error {
  override readonly name = "PingMeError";

  constructor(
    readonly kind: ErrorKind,
    readonly code: number,
    message: string,
    readonly retry_after_ms?: number,
  ) {
    super(message);
  }
}

/** Nothing came back. */
export const unreachable = (message: string): PingMeError =>
  new PingMeError("unreachable", ErrorCode.WEBSOCKET_ERROR, message);

/** What the server said, as an error. */
export const errorOf = (
  code: number,
  message: string,
  outcome?: "refused" | "unknown",
  retryAfterMs?: number,
): PingMeError => new PingMeError(outcome === "unknown" ? "unknown" : "refused", code, message, retryAfterMs);

/** Returns whatever was thrown as a PingMeError; what is none is taken for a broken line. */
export const asError = (thrown: unknown): PingMeError =>
  thrown instanceof PingMeError
    ? thrown
    : unreachable(thrown instanceof Error ? thrown.message : String(thrown));

/** Codes that say: the access token is missing, has run out, or is not valid. */
export const TOKEN_CODES: ReadonlySet<number> = new Set([
  ErrorCode.UNAUTHORIZED,
  ErrorCode.TOKEN_EXPIRED,
  ErrorCode.INVALID_TOKEN,
]);
