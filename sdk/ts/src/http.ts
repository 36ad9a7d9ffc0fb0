/** One HTTP call: envelope, errors, and repeating what is safe to repeat. */

import { backoffMs } from "./backoff.js";
import type { PingMeError } from "./errors.js";
import { asError, ErrorCode, errorOf, TOKEN_CODES, unreachable } from "./errors.js";
import { sleep } from "./timing.js";

const API = "/api/v1";
/** The server answers 10009 after 10 s at the latest. */
const TIMEOUT_MS = 15_000;
const MAX_ATTEMPTS = 4;
const REPEATED: ReadonlySet<number> = new Set([
  ErrorCode.TOO_MANY_REQUESTS,
  ErrorCode.OVERLOADED,
  ErrorCode.OUTCOME_UNKNOWN,
  ErrorCode.DATABASE_ERROR,
]);

type Values = Record<string, unknown>;

export interface CallOptions {
  body?: Values;
  query?: Record<string, string | number | undefined>;
  /** A repeat does no harm: GET, and what carries a msg_id. Such calls are made up to MAX_ATTEMPTS times. */
  safe?: boolean;
  /** Send the access token, and renew it once when it has run out; default: true. */
  auth?: boolean;
  /** Of one attempt; default: TIMEOUT_MS. */
  timeout_ms?: number;
}

interface Envelope<T> {
  code: number;
  message: string;
  data: T;
}

interface Failure {
  retry_after_ms?: number;
  outcome?: "refused" | "unknown";
}

/** Where the access token comes from. */
export interface TokenSource {
  token(): string | undefined;
  renew(): Promise<unknown>;
}

/** Calls to `/api/v1` of one server. */
export class Http {
  tokens: TokenSource | null = null;

  constructor(
    private readonly baseUrl: string,
    private readonly fetcher: typeof fetch,
  ) {}

  /** Returns the `data` of an answer; throws PingMeError. */
  async call<T>(method: string, path: string, a: CallOptions = {}): Promise<T> {
    const repeatable = a.safe ?? method === "GET";
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once<T>(method, path, a);
      } catch (thrown) {
        const error = asError(thrown);
        if (a.auth !== false && TOKEN_CODES.has(error.code) && this.tokens !== null && !renewed) {
          renewed = true;
          await this.tokens.renew();
        } else if (repeatable && attempt < MAX_ATTEMPTS && mayRepeat(error)) {
          await sleep(Math.max(backoffMs(attempt, Math.random()), error.retry_after_ms ?? 0));
        } else {
          throw error;
        }
      }
    }
  }

  /** Returns all items of a list, page after page. */
  async all<T>(path: string, query: CallOptions["query"] = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.call<{ items: T[]; next_cursor?: string | null }>("GET", path, {
        query: { ...query, cursor },
      });
      items.push(...page.items);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return items;
  }

  async #once<T>(method: string, path: string, a: CallOptions): Promise<T> {
    const headers: Record<string, string> = {};
    const token = a.auth === false ? undefined : this.tokens?.token();
    if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
    const init: RequestInit = {
      method,
      headers,
      signal: AbortSignal.timeout(a.timeout_ms ?? TIMEOUT_MS),
      cache: "no-store",
    };
    if (a.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(a.body);
    }
    const response = await this.fetcher(
      `${this.baseUrl.replace(/\/+$/, "")}${API}${path}${search(a.query)}`,
      init,
    );
    return dataOf<T>(response);
  }
}

function search(query: CallOptions["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

async function dataOf<T>(response: Response): Promise<T> {
  let envelope: Envelope<T & (Failure | null)>;
  try {
    envelope = (await response.json()) as typeof envelope;
    if (typeof envelope.code !== "number") throw new TypeError("no code");
  } catch {
    throw unreachable(`expected an answer of PingMe, got HTTP ${response.status}`);
  }
  if (envelope.code === 0) return envelope.data;
  const waitS = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const waitMs = envelope.data?.retry_after_ms ?? (Number.isFinite(waitS) ? waitS * 1000 : undefined);
  throw errorOf(envelope.code, envelope.message, envelope.data?.outcome, waitMs);
}

const mayRepeat = (error: PingMeError): boolean => error.kind === "unreachable" || REPEATED.has(error.code);
