/** Everything behind `Client`, put together: what arrives goes to the replica, what is asked goes to the outbox. */

import type { EndReason, Status, WebSocketLike } from "./api.js";
import { CatchUp } from "./catchup.js";
import type { Changes } from "./changes.js";
import { ErrorCode, PingMeError } from "./errors.js";
import type { AuthOk, ClientFrame, HistoryPage, Line, MessageAck, ServerFrame, SyncEntry } from "./frames.js";
import { answerOf } from "./frames.js";
import { Hints } from "./hints.js";
import type { Http } from "./http.js";
import { Keeper } from "./keeper.js";
import { Leader } from "./leader.js";
import { Outbox, type OutboxMessage } from "./outbox.js";
import { ownItem } from "./own.js";
import { Positions } from "./positions.js";
import { type How, Replica } from "./replica.js";
import type { Session } from "./session.js";
import type { LocalStore } from "./store.js";
import { TabLine, type TabMessage, type Tabs } from "./tabs.js";
import type { Item, Limits } from "./wire.js";

const DEFAULT_LIMITS: Limits = {
  max_message_size: 8192,
  sends_per_s: 20,
  unanswered_sends: 64,
  page_events: 200,
};

/** Conversations whose read position is told again after a start. */
const MAX_REMARKED = 50;

export interface EngineOptions {
  baseUrl: string;
  WebSocket: WebSocketLike;
  http: Http;
  store: LocalStore;
  session: Session;
  tabs: Tabs;
  changes: Changes;
  onChanged(conversationId: string): void;
  onReceipt(conversationId: string): void;
  /** New entries of a conversation, contiguous with what was known; none: its log jumped. */
  onNews(conversationId: string, items: readonly Item[], how: How): void;
  /** Everything known of all conversations is void. */
  onReset(): void;
  /** The line is open, and everything new is here. */
  onOnline(): void;
  /** The client has stopped for good. */
  onEnd(reason: EndReason): void;
}

export class Engine {
  readonly changes: Changes;
  readonly replica: Replica;
  readonly outbox: Outbox;
  readonly positions = new Positions();
  readonly hints: Hints;
  readonly keeper: Keeper;
  status: Status = { state: "idle", since_ts: Date.now() };
  limits = DEFAULT_LIMITS;
  /** The server's, as the last connection named it; undefined before the first. */
  epoch: string | undefined;
  readonly #o: EngineOptions;
  readonly #catchUp: CatchUp;
  /** The one that the copy is of. */
  #epoch: string | undefined;
  #leader: Leader | null = null;
  #line: Line | null = null;
  #lineEnd = new AbortController();
  #run = 0;

  constructor(options: EngineOptions) {
    this.#o = options;
    this.changes = options.changes;
    this.hints = new Hints((key) => this.changes.add(key));
    this.replica = new Replica({
      changed: (id) => this.#conversationChanged(id),
      news: (id, items, how) => this.#news(id, items, how),
      touched: () => this.#catchUp.touch(),
    });
    this.keeper = new Keeper(options.store, this.replica);
    this.#catchUp = new CatchUp(this.replica, (first) => this.#synced(first));
    this.outbox = new Outbox(options.store, {
      changed: (id) => this.changes.add(`pending:${id}`),
      filled: () => this.#leader?.send(),
      tell: (message) => options.tabs.tell(message),
    });
  }

  /** What the seqs that the program sees are of; undefined before the first connection. */
  get copyEpoch(): string | undefined {
    return this.#epoch;
  }

  /** Whether this tab holds the connection. */
  get isLeader(): boolean {
    return this.#leader !== null;
  }

  get isRunning(): boolean {
    return !["idle", "ended"].includes(this.status.state);
  }

  /** Takes up what the store holds. */
  async load(me: string): Promise<void> {
    this.replica.me = me;
    const { since, epoch } = await this.keeper.load();
    this.#catchUp.since = since;
    this.#epoch = epoch;
    await this.outbox.load();
    this.#remark();
    this.changes.add("conversations");
  }

  /** What was read without a connection has not been told yet. */
  #remark(): void {
    const newest = [...this.replica.snapshots.values()].sort((a, b) => b.newest_ts - a.newest_ts);
    for (const { info, read_seq } of newest.slice(0, MAX_REMARKED)) {
      this.positions.mark(info.conversation_id, "read", read_seq);
    }
  }

  /** Begins to connect, or to hear the tab that does. */
  start(): void {
    const run = ++this.#run;
    this.setStatus({ state: "connecting" });
    this.#o.tabs.tell({ t: "hello" });
    this.#o.tabs.elect(() => void this.#lead(run));
  }

  /** Stops; `forget` also empties the copy in memory. */
  async stop(forget: boolean): Promise<void> {
    this.#run++;
    this.#shut();
    this.#leader?.close();
    if (forget) this.keeper.forget();
    await this.keeper.save();
    this.keeper.isWriting = false;
    this.#leader = null;
    this.#o.tabs.resign();
    this.outbox.end(
      new PingMeError("closed", ErrorCode.WEBSOCKET_ERROR, "closed before the server answered"),
    );
    if (forget) this.forget();
  }

  /** Empties the copy in memory. */
  forget(): void {
    this.keeper.forget();
    this.replica.forget();
    this.outbox.clear();
    this.positions.forget();
    this.hints.clear();
    this.#catchUp.since = undefined;
    this.#epoch = undefined;
    this.epoch = undefined;
    this.changes.add("conversations");
  }

  hurry(): void {
    if (this.#leader !== null) this.#leader.hurry();
    else this.#o.tabs.tell({ t: "hurry" });
  }

  setStatus(status: Omit<Status, "since_ts">): void {
    const since_ts = status.state === this.status.state ? this.status.since_ts : Date.now();
    this.status = { ...status, since_ts };
    this.changes.add("status");
    if (this.isLeader && !["syncing", "online"].includes(status.state)) {
      this.#o.tabs.tell({ t: "status", status: this.status });
    }
  }

  /** Sends a frame that needs no answer; without a line it is dropped. */
  post(frame: ClientFrame): void {
    this.#line?.post(frame);
  }

  /** Returns a range of a conversation, over the line or, without one, over HTTP. */
  async history(payload: {
    conversation_id: string;
    before_seq?: number;
    after_seq?: number;
    limit: number;
  }): Promise<HistoryPage> {
    if (this.#line === null) return this.#o.http.call("GET", "/messages/history", { query: payload });
    return answerOf(await this.#line.request({ type: "history", payload }), "history_page");
  }

  /** Takes what another tab tells. */
  hear(message: TabMessage, from: string): void {
    if (this.#leader !== null) this.#leader.hear(message, from);
    else this.#hearLeader(message);
    if (message.t === "outbox_put" || message.t === "outbox_gone")
      this.outbox.hear(message satisfies OutboxMessage);
  }

  async #lead(run: number): Promise<void> {
    this.#shut();
    await this.#o.session.load();
    await this.outbox.load();
    if (run !== this.#run || this.#o.session.tokens === null) return;
    this.keeper.isWriting = true;
    this.#leader = new Leader(this.#o, this.outbox, {
      status: (status) => this.setStatus(status),
      open: (line, hello) => this.#open(line, hello),
      frame: (frame, isOwn) => this.#frame(frame, isOwn),
      shut: () => this.#shut(),
      currentStatus: () => this.status,
    });
    const reason = await this.#leader.run();
    if (run === this.#run && reason !== undefined) this.#o.onEnd(reason);
  }

  // The tabs that do not lead

  #hearLeader(message: TabMessage): void {
    switch (message.t) {
      case "leader":
        this.outbox.announce();
        break;
      case "open":
        if (!this.isRunning) return;
        this.#shut();
        this.#open(new TabLine(this.#o.tabs), message.hello);
        break;
      case "shut":
        this.#shut();
        break;
      case "status":
        if (this.isRunning) this.setStatus(message.status);
        break;
      case "frame":
        if (!(this.#line instanceof TabLine)) return;
        this.#frame(message.frame, message.frame.id?.startsWith(`${this.#o.tabs.name}.`) ?? false);
        this.#line.hear(message.frame);
        break;
      case "failed":
        if (this.#line instanceof TabLine) this.#line.failed(message.id, message.message);
        break;
    }
  }

  // Every tab

  #open(line: Line, hello: AuthOk): void {
    this.limits = hello.limits;
    this.epoch = hello.epoch;
    if (this.#epoch !== undefined && this.#epoch !== hello.epoch) {
      this.replica.forget();
      this.positions.forget();
      this.keeper.reset();
      this.#catchUp.since = undefined;
      this.#o.onReset();
    }
    this.#epoch = hello.epoch;
    this.keeper.set("epoch", hello.epoch); // no row of an epoch is kept without its name
    this.#line = line;
    this.#lineEnd = new AbortController();
    this.setStatus({ state: "syncing" });
    this.positions.open(line);
    this.hints.open(line);
    void this.#catchUp.run(line, this.#lineEnd.signal);
  }

  #shut(): void {
    if (this.#line === null) return;
    this.#lineEnd.abort();
    if (this.#line instanceof TabLine) this.#line.shut();
    this.#line = null;
    this.positions.shut();
    this.hints.shut();
    if (this.isRunning) this.setStatus({ state: "connecting" });
  }

  #frame(frame: ServerFrame, isOwn: boolean): void {
    switch (frame.type) {
      case "message":
        this.hints.heardTyping(frame.payload.conversation_id, frame.payload.sender_id, false);
        this.replica.push(frame.payload);
        break;
      case "event":
        this.replica.push(frame.payload);
        break;
      case "message_ack":
        this.#acknowledged(frame.payload);
        break;
      case "sync_page":
        if (isOwn) this.#synching(frame.payload.conversations);
        break;
      case "ack_response":
        this.replica.receipt({ ...frame.payload, user_id: this.replica.me });
        break;
      case "receipt":
        this.replica.receipt(frame.payload);
        this.#o.onReceipt(frame.payload.conversation_id);
        break;
      case "typing":
        this.hints.heardTyping(frame.payload.conversation_id, frame.payload.user_id, frame.payload.active);
        break;
      case "presence":
        this.hints.setPresence(frame.payload);
        break;
      case "resync":
        this.replica.askForSync();
        break;
      default: // answers reach their askers; frames of a later version mean nothing here
    }
  }

  /** One's own operation has a seq: the connection that sent it is not pushed it. */
  #acknowledged(ack: MessageAck): void {
    const entry = this.outbox.find(ack.msg_id);
    if (entry === undefined) return; // discarded, or a late ack: it comes with the hole that it fills
    const peer = this.replica.snapshots.get(ack.conversation_id)?.info.peer_id;
    this.replica.push(ownItem(entry.operation, ack, this.replica.me, peer));
    this.outbox.sent(ack, this.isLeader ? this.keeper.save() : null);
  }

  #conversationChanged(id: string): void {
    this.keeper.touch(id);
    const peer = this.replica.snapshots.get(id)?.info.peer_id;
    if (peer !== undefined) this.hints.met(peer);
    this.#o.onChanged(id);
  }

  #synching(entries: readonly SyncEntry[]): void {
    const how = this.#catchUp.since === undefined ? "first" : "sync";
    for (const entry of entries) this.replica.syncEntry(entry, how);
  }

  #news(id: string, items: readonly Item[], how: How): void {
    this.#o.onNews(id, items, how);
    if (this.isLeader) this.#markDelivered(id);
  }

  /** This device has got it: the senders may see two ticks. */
  #markDelivered(id: string): void {
    const at = this.replica.snapshots.get(id);
    if (at === undefined || at.info.type === "self" || at.info.former || at.last_seq <= at.delivered_seq)
      return;
    const newest = at.items.findLast((item) => item.kind === "message" && item.sender_id !== this.replica.me);
    const seq = newest?.seq ?? (at.unread > 0 ? at.last_seq : 0);
    if (seq <= at.delivered_seq) return;
    this.positions.mark(id, "delivered", seq);
    this.replica.mark(id, "delivered", seq);
  }

  #synced(first: boolean): void {
    this.setStatus({ state: "online" });
    this.#o.onOnline();
    this.keeper.set("since", this.#catchUp.since);
    if (this.isLeader) void this.keeper.save();
    if (first) void this.#fillLastMessages();
  }

  /** A first sync names the events of the newest conversations only; the list shows a line of each. */
  async #fillLastMessages(): Promise<void> {
    const lacks = [...this.replica.snapshots.values()].some(
      (one) => one.info.type !== "self" && one.last_seq > 0 && one.last_message === undefined,
    );
    if (!lacks) return;
    const epoch = this.#epoch;
    try {
      type Row = { conversation: { conversation_id: string }; last_message?: Item | null };
      for (const row of await this.#o.http.all<Row>("/conversations", { limit: 200 })) {
        if (row.last_message && epoch === this.#epoch)
          this.replica.fillLastMessage(row.conversation.conversation_id, row.last_message);
      }
    } catch {
      // The list is there without them; opening a conversation shows its messages.
    }
  }
}
