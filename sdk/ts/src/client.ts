/** One user on one device, connected whenever that is possible (README.md). */

import type {
  ChangeKey,
  ClientApi,
  ClientOptions,
  Conversation,
  EndReason,
  Status,
  WebSocketLike,
} from "./api.js";
import { Changes } from "./changes.js";
import { Engine } from "./engine.js";
import { ErrorCode, PingMeError } from "./errors.js";
import { Http } from "./http.js";
import { People } from "./people.js";
import type { How } from "./replica.js";
import { type Login, Session } from "./session.js";
import { SettingsQueue } from "./settings.js";
import { type LocalStore, memoryStore } from "./store.js";
import { canShare, type TabMessage, Tabs } from "./tabs.js";
import { Talk } from "./talk.js";
import { Views } from "./views.js";
import type { Item, Limits, Message, User } from "./wire.js";

/** Hears entries in order; an empty list: the log jumped, what lies between is in the history. */
export type LogListener = (conversationId: string, items: readonly Item[], how: How) => void;
type OnMessage = (message: Message, conversation: Conversation) => void;

/** This device, for the next login of the same user. */
interface KnownDevice {
  username: string;
  device_id: string;
}

export class Client extends Talk implements ClientApi {
  readonly #store: LocalStore;
  readonly #deviceName: string | undefined;
  readonly #changes = new Changes();
  readonly #session: Session;
  readonly #people: People;
  readonly #tabs: Tabs;
  protected readonly engine: Engine;
  protected readonly wishes: SettingsQueue;
  protected readonly views: Views;
  readonly #onMessage = new Set<OnMessage>();
  readonly #onLog = new Set<LogListener>();
  readonly #unlisten: () => void;

  constructor(options: ClientOptions) {
    const http = new Http(options.baseUrl, options.fetch ?? ((...args) => fetch(...args)));
    const store = options.storage ?? memoryStore();
    const changes = new Changes();
    const people = new People(http, store, (id) => changes.add(`user:${id}`));
    super(http, (users) => people.remember(users));
    this.#changes = changes;
    this.#store = store;
    this.#people = people;
    this.#deviceName = options.deviceName;
    const isShared = (options.coordinate ?? true) && canShare();
    this.#tabs = new Tabs(isShared ? store.name : null, (message, from) => this.#hear(message, from));
    this.#session = new Session(http, store, options.baseUrl, (work) => this.#tabs.alone("refresh", work));
    this.engine = new Engine({
      baseUrl: options.baseUrl,
      WebSocket: webSocketOf(options),
      http,
      store,
      session: this.#session,
      tabs: this.#tabs,
      changes,
      onChanged: (id) => this.#touched(id),
      onReceipt: (id) => {
        for (const view of this.timelines.get(id) ?? []) view.touch();
        changes.add(`receipts:${id}`);
      },
      onNews: (id, items, how) => this.#news(id, items, how),
      onReset: () => this.#reset(),
      onOnline: () => this.wishes.open(),
      onEnd: (reason) => void this.#end(reason),
    });
    this.wishes = new SettingsQueue(http, store, {
      changed: (id) => this.#touched(id),
      done: (id, values, seq) => this.engine.replica.settings(id, values, seq),
    });
    this.views = new Views(this.engine.replica, (id) => this.wishes.of(id));
    this.#unlisten = this.#listenToBrowser();
  }

  // The session

  get me(): User | null {
    return this.#session.tokens?.user ?? null;
  }

  get status(): Status {
    return this.engine.status;
  }

  get limits(): Limits {
    return this.engine.limits;
  }

  /** Names the store that the server's numbers are of; another one after a restore. Undefined before a connection. */
  get epoch(): string | undefined {
    return this.engine.epoch;
  }

  async resume(): Promise<User | null> {
    const tokens = await this.#session.load();
    if (tokens === null || this.engine.isRunning) return this.me;
    await this.#start(tokens.user);
    return tokens.user;
  }

  async register(a: {
    username: string;
    password: string;
    nickname?: string;
    email?: string;
  }): Promise<User> {
    await this.http.call("POST", "/auth/register", { body: { ...a }, auth: false });
    return this.login(a);
  }

  async login(a: { username: string; password: string }): Promise<User> {
    const device = (await this.#store.get("meta", "device")) as KnownDevice | undefined;
    const body = {
      username: a.username,
      password: a.password,
      ...(device?.username === a.username && { device_id: device.device_id }),
      ...(this.#deviceName !== undefined && { device_name: this.#deviceName }),
    };
    const login = await this.http.call<Login>("POST", "/auth/login", { body, auth: false });
    const { user, device_id } = login;
    await this.engine.stop(true);
    if ((await this.#store.get("meta", "user_id")) !== user.user_id) {
      this.wishes.clear(); // somebody else's
      await this.#store.clear();
    }
    await this.#session.begin(login);
    await this.#store.write([
      { table: "meta", key: "user_id", value: user.user_id },
      { table: "meta", key: "device", value: { username: a.username, device_id } satisfies KnownDevice },
    ]);
    this.#tabs.tell({ t: "session" });
    await this.#start(user);
    return user;
  }

  async logout(): Promise<void> {
    if (this.#session.tokens !== null) {
      await this.http.call("POST", "/auth/logout").catch(() => undefined); // it runs out by itself
    }
    await this.#end("logged_out");
    this.#tabs.tell({ t: "end", reason: "logged_out" });
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.engine.positions.flush();
    await this.engine.stop(false);
    this.engine.setStatus({ state: "idle" });
    this.wishes.clear();
    this.#tabs.close();
    this.#store.close();
  }

  reconnect(): void {
    if (this.status.state === "ended" && this.#session.tokens !== null) this.engine.start();
    else this.engine.hurry();
  }

  // People

  user(id: string): User | undefined {
    return id === this.me?.user_id ? (this.me ?? undefined) : this.#people.get(id);
  }

  users(ids: readonly string[]): Promise<User[]> {
    return this.#people.all(ids);
  }

  override async profile(): Promise<User> {
    return this.#setMe(await super.profile());
  }

  override async updateProfile(values: {
    nickname?: string;
    email?: string;
    avatar?: string;
  }): Promise<User> {
    return this.#setMe(await super.updateProfile(values));
  }

  // What changed

  onChange(listener: (changed: ReadonlySet<ChangeKey>) => void): () => void {
    return this.#changes.listen(listener);
  }

  onMessage(listener: OnMessage): () => void {
    this.#onMessage.add(listener);
    return () => this.#onMessage.delete(listener);
  }

  /** Hears every new entry of every log; for programs that want all of them there is `events`. */
  onLog(listener: LogListener): () => void {
    this.#onLog.add(listener);
    return () => this.#onLog.delete(listener);
  }

  // What goes on inside

  async #start(user: User): Promise<void> {
    await this.wishes.load();
    await this.engine.load(user.user_id);
    await this.#people.load();
    this.views.touch();
    this.#changes.add("me");
    this.engine.start();
    this.wishes.open();
  }

  async #setMe(user: User): Promise<User> {
    await this.#session.setUser(user);
    this.#people.remember([user]);
    this.#changes.add("me");
    return user;
  }

  #hear(message: TabMessage, from: string): void {
    if (message.t === "session" && !this.engine.isRunning) void this.resume();
    else if (message.t === "end") void this.#stopped(message.reason);
    else this.engine.hear(message, from);
  }

  /** The client has stopped for good: tells the other tabs, and forgets what must not be used again. */
  async #end(reason: EndReason): Promise<void> {
    await this.#stopped(reason);
    if (reason === "logged_out") await this.#store.clear();
    else if (reason === "revoked") await this.#store.write([{ table: "meta", key: "session" }]);
    this.#tabs.tell({ t: "end", reason });
  }

  async #stopped(reason: EndReason): Promise<void> {
    const forget = reason === "logged_out";
    if (forget || reason === "revoked") this.#session.tokens = null;
    await this.engine.stop(forget);
    if (forget) {
      this.wishes.clear();
      this.#people.clear();
      this.#reset();
    }
    this.engine.setStatus({ state: "ended", reason });
    this.#changes.add("me");
  }

  #touched(id: string): void {
    this.views.touch(id);
    this.#changes.add("conversations", `conversation:${id}`);
  }

  #news(id: string, items: readonly Item[], how: How): void {
    for (const view of this.timelines.get(id) ?? []) view.news(items);
    for (const listener of [...this.#onLog]) listener(id, items, how);
    for (const item of items) {
      if (item.kind === "profile_updated" && id === this.me?.user_id)
        void this.profile().catch(() => undefined);
      const isNotable = how === "live" && item.kind === "message" && item.sender_id !== this.me?.user_id;
      const conversation = isNotable && this.engine.isLeader ? this.conversation(id) : undefined;
      if (conversation === undefined || item.kind !== "message" || item.seq <= conversation.read_seq)
        continue;
      for (const listener of [...this.#onMessage]) listener(item, conversation);
    }
  }

  #reset(): void {
    this.views.touch();
    for (const views of this.timelines.values()) for (const view of views) view.reset();
    this.#changes.add("conversations");
  }

  /** A change of network, or a page that comes to the front, is a moment to look whether the line lives. */
  #listenToBrowser(): () => void {
    if (typeof addEventListener !== "function" || typeof document === "undefined") return () => undefined;
    const look = (): void => {
      if (document.visibilityState === "visible" || !navigator.onLine) this.engine.hurry();
    };
    const leave = (): void => {
      this.engine.positions.flush();
      void this.engine.keeper.save();
    };
    const stop = new AbortController();
    const { signal } = stop;
    addEventListener("online", look, { signal });
    addEventListener("offline", look, { signal });
    document.addEventListener("visibilitychange", look, { signal });
    addEventListener("pagehide", leave, { signal });
    return () => stop.abort();
  }
}

function webSocketOf(options: ClientOptions): WebSocketLike {
  const found = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketLike }).WebSocket;
  if (found !== undefined) return found;
  throw new PingMeError(
    "closed",
    ErrorCode.WEBSOCKET_ERROR,
    "give ClientOptions.WebSocket: this Node has none",
  );
}
