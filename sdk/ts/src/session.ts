/**
 * The tokens of one device: kept in the store, renewed before they run out.
 *
 * Tabs share the store: whoever renews holds a lock, looks first whether another tab has done it, and writes the new
 * pair at once. Tokens travel in the Authorization header and in the first frame only, never in an address.
 */

import { ErrorCode, PingMeError, TOKEN_CODES } from "./errors.js";
import type { Http } from "./http.js";
import type { LocalStore } from "./store.js";
import type { User } from "./wire.js";

/** Of a token's life: leaves a fifth of it for failed attempts. */
const RENEW_AT = 0.8;
/** Three attempts fit into the 10 s in which the server gives the same successor again. */
const REFRESH_TIMEOUT_MS = 3_000;

/** The answer to login and refresh; expires_in in seconds. */
export interface Login {
  token: string;
  expires_in: number;
  refresh_token: string;
  device_id: string;
  user: User;
}

/** What a session consists of. */
export interface Tokens {
  server: string;
  user: User;
  token: string;
  refresh_token: string;
  renew_at_ts: number;
  device_id: string;
}

export class Session {
  tokens: Tokens | null = null;
  #renewing: Promise<Tokens> | null = null;

  constructor(
    private readonly http: Http,
    private readonly store: LocalStore,
    private readonly server: string,
    private readonly withLock: <T>(work: () => Promise<T>) => Promise<T>,
  ) {
    http.tokens = { token: () => this.tokens?.token, renew: () => this.renew() };
  }

  /** Reads what is kept; null: nobody is logged in to this server. */
  async load(): Promise<Tokens | null> {
    const kept = (await this.store.get("meta", "session")) as Tokens | undefined;
    this.tokens = kept?.server === this.server ? kept : null;
    return this.tokens;
  }

  /** Takes the answer to a login. */
  async begin(login: Login): Promise<void> {
    await this.#keep(login);
  }

  /** Shows a changed profile from now on. */
  async setUser(user: User): Promise<void> {
    if (this.tokens !== null) await this.#write({ ...this.tokens, user });
  }

  /** Returns fresh tokens; calls at the same time share one renewal. Throws `ended` when the session is over. */
  renew(): Promise<Tokens> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(): Promise<Tokens> {
    const used = this.tokens;
    if (used === null) throw new PingMeError("closed", ErrorCode.UNAUTHORIZED, "log in first");
    return this.withLock(async () => {
      const kept = await this.load();
      if (kept === null) throw new PingMeError("ended", ErrorCode.UNAUTHORIZED, "logged out meanwhile");
      if (kept.token !== used.token) return kept;
      try {
        const body = { refresh_token: kept.refresh_token };
        const options = { body, auth: false, safe: true, timeout_ms: REFRESH_TIMEOUT_MS };
        const login = await this.http.call<Login>("POST", "/auth/refresh", options);
        return await this.#keep(login);
      } catch (thrown) {
        if (thrown instanceof PingMeError && TOKEN_CODES.has(thrown.code)) {
          throw new PingMeError("ended", thrown.code, "this session is over: log in again");
        }
        throw thrown;
      }
    });
  }

  #keep({ token, refresh_token, device_id, user, expires_in }: Login): Promise<Tokens> {
    const renew_at_ts = Date.now() + expires_in * 1000 * RENEW_AT;
    return this.#write({ server: this.server, user, token, refresh_token, renew_at_ts, device_id });
  }

  async #write(tokens: Tokens): Promise<Tokens> {
    this.tokens = tokens;
    await this.store.write([{ table: "meta", key: "session", value: tokens }]);
    return tokens;
  }
}
