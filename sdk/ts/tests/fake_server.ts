/**
 * A PingMe server for tests: the wire as docs/protocol.md has it, in memory, with faults on request.
 *
 * Reachable by `server.fetch` and `server.WebSocket`; everything it sends arrives a task later, as from a network.
 */

import type { WebSocketLike } from "../src/api.js";
import { changeMessage } from "../src/fold.js";
import type { ClientFrame, HistoryPage, Operation, SyncEntry } from "../src/frames.js";
import { privateConversationId } from "../src/ids.js";
import type { ConversationInfo, Item, Limits, Message, User } from "../src/wire.js";

const LIMITS: Limits = { max_message_size: 8192, sends_per_s: 0, unanswered_sends: 64, page_events: 200 };

/** A conversation: its entries as first stored, and where its members are. */
export class Log {
  readonly items: Item[] = [];
  readonly positions = new Map<string, { delivered: number; read: number }>();
  readonly messageIds = new Map<string, Item>();

  constructor(
    readonly id: string,
    readonly type: ConversationInfo["type"],
    public members: string[],
  ) {}

  keep(item: Item): void {
    this.items.push(item);
    this.messageIds.set(`${item.sender_id} ${item.msg_id}`, item);
  }

  /** The entries between two seqs as pages show them: messages in their current state. */
  shown(from: number, upto: number): Item[] {
    return this.items
      .slice(Math.max(from - 1, 0), upto)
      .map((item) => (item.kind === "message" ? this.now(item) : item));
  }

  now(message: Message): Message {
    return this.items.reduce<Message>((shown, item) => {
      return item.kind !== "message" && item.target_seq === message.seq ? changeMessage(shown, item) : shown;
    }, message);
  }
}

/** One open WebSocket, seen from the server. */
export class Peer {
  userId = "";
  readonly received: ClientFrame[] = [];

  constructor(
    readonly server: FakeServer,
    readonly socket: FakeSocket,
  ) {}

  send(frame: object): void {
    setTimeout(() => this.socket.deliver(JSON.stringify(frame)));
  }

  close(code: number): void {
    this.server.peers.delete(this);
    setTimeout(() => this.socket.closed(code));
  }
}

/** The client's end. */
class FakeSocket {
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  readonly #peer: Peer | null;

  constructor(server: FakeServer) {
    this.#peer = server.isUp ? new Peer(server, this) : null;
    setTimeout(() => {
      if (this.#peer === null || !server.isUp) this.closed(1006);
      else {
        server.peers.add(this.#peer);
        this.onopen?.({} as never);
      }
    });
  }

  send(text: string): void {
    if (this.#peer !== null) this.#peer.server.receive(this.#peer, JSON.parse(text));
  }

  close(): void {
    if (this.#peer !== null) this.#peer.server.peers.delete(this.#peer);
  }

  deliver(data: string): void {
    this.onmessage?.({ data } as never);
  }

  closed(code: number): void {
    this.onclose?.({ code } as never);
  }
}

export class FakeServer {
  isUp = true;
  epoch = "e1";
  readonly peers = new Set<Peer>();
  readonly logs = new Map<string, Log>();
  readonly users = new Map<string, User>();
  /** Calls to the HTTP API, as `METHOD /path`. */
  readonly calls: string[] = [];
  /** Decides what happens to an operation instead of storing it: nothing, an error, or (undefined) the ordinary. */
  onOperation: (
    frame: Operation,
    peer: Peer,
  ) => "lost" | "stored_lost" | { code: number; retryable: boolean } | undefined = () => undefined;
  /** Decides what becomes of a change of settings: it, or its answer, is lost, or (undefined) the ordinary. */
  onSettings: () => "lost" | "stored_lost" | undefined = () => undefined;
  /** Whether a sync is answered to its end. */
  endsSync = true;
  /** Decides whether a push reaches a peer. */
  onPush: (item: Item, peer: Peer) => boolean = () => true;
  /** Tokens that are good; every login and refresh makes one. */
  readonly tokens = new Map<string, string>();
  refreshes = 0;
  #clock = 1_767_225_600_000;
  #count = 0;

  readonly fetch = (async (url: string, init: RequestInit = {}) => {
    const { pathname, searchParams } = new URL(String(url), "http://server");
    const path = pathname.replace("/api/v1", "");
    this.calls.push(`${init.method} ${path}`);
    if (!this.isUp) throw new TypeError("fetch failed");
    const body = init.body === undefined ? {} : JSON.parse(String(init.body));
    const bearer = new Headers(init.headers).get("Authorization")?.replace("Bearer ", "");
    return this.#answer(init.method ?? "GET", path, searchParams, body, bearer);
  }) as typeof fetch;

  get WebSocket(): WebSocketLike {
    const server = this;
    return class extends FakeSocket {
      constructor() {
        super(server);
      }
    };
  }

  user(username: string): User {
    const user_id = `u${username}`;
    const user = this.users.get(user_id) ?? { user_id, username, nickname: username, avatar: "" };
    this.users.set(user_id, user);
    return user;
  }

  /** The private conversation of two users. */
  private(one: string, other: string): Log {
    const members = [this.user(one).user_id, this.user(other).user_id] as [string, string];
    return this.#log(privateConversationId(...members), "private", members);
  }

  group(id: string, ...usernames: string[]): Log {
    const members = usernames.map((name) => this.user(name).user_id);
    const log = this.#log(id, "group", members);
    if (log.items.length === 0) {
      this.append(log, members[0] ?? "", {
        kind: "group_created",
        name: id,
        user_ids: members,
        history_policy: "full",
        join_policy: "invite",
      });
    }
    return log;
  }

  say(log: Log, username: string, content: string): Item {
    const sender = this.user(username).user_id;
    const to = log.type === "private" ? { to_user_id: log.members.find((one) => one !== sender) ?? "" } : {};
    return this.append(log, sender, { kind: "message", content, content_type: "text", ...to });
  }

  /** Stores an entry and pushes it to everybody but the connection that sent it. */
  append(log: Log, sender_id: string, body: Partial<Item>, msg_id = `s${++this.#count}`, from?: Peer): Item {
    const place = {
      conversation_id: log.id,
      seq: log.items.length + 1,
      sender_id,
      server_ts: ++this.#clock,
      msg_id,
    };
    const item = { ...body, ...place } as Item;
    log.keep(item);
    for (const peer of this.peers) {
      if (peer === from || !log.members.includes(peer.userId) || !this.onPush(item, peer)) continue;
      const { kind, ...message } = item;
      peer.send(
        kind === "message" ? { type: "message", payload: message } : { type: "event", payload: item },
      );
    }
    return item;
  }

  /** Returns what makes the server as it is now, later: a restore, which gives the store another epoch. */
  backUp(): () => void {
    const logs = [...this.logs.values()].map((log) => ({
      log,
      items: [...log.items],
      positions: new Map(log.positions),
    }));
    return () => {
      this.epoch = `${this.epoch}'`;
      this.logs.clear();
      for (const { log, items, positions } of logs) {
        const restored = new Log(log.id, log.type, log.members);
        for (const item of items) restored.keep(item);
        for (const [userId, at] of positions) restored.positions.set(userId, at);
        this.logs.set(log.id, restored);
      }
      this.cut();
    };
  }

  /** Ends every connection. */
  cut(code = 1006): void {
    for (const peer of [...this.peers]) peer.close(code);
  }

  entry(log: Log, me: string, limit: number): SyncEntry {
    const last = log.items.length;
    const events = log.shown(last - limit + 1, last);
    const mine = log.positions.get(me) ?? { delivered: 0, read: 0 };
    const other = log.members.find((one) => one !== me) ?? "";
    const peer = log.type === "private" ? log.positions.get(other) : undefined;
    const unread = log.items.filter(
      (item) => item.kind === "message" && item.seq > mine.read && item.sender_id !== me,
    );
    return {
      conversation: this.info(log, me),
      last_seq: last,
      last_hash: "",
      delivered_seq: mine.delivered,
      read_seq: mine.read,
      unread: Math.min(unread.length, 1_000),
      ...(peer && { peer_delivered_seq: peer.delivered, peer_read_seq: peer.read }),
      prev_hash: "",
      events,
      events_complete: events.length === last,
    };
  }

  info(log: Log, me: string): ConversationInfo {
    const conversation_id = log.id;
    if (log.type === "self") return { conversation_id, type: "self" };
    if (log.type === "private") {
      return { conversation_id, type: "private", peer_id: log.members.find((one) => one !== me) ?? "" };
    }
    const named = log.items.findLast((item) => item.kind !== "message" && item.name !== undefined);
    const name = (named !== undefined && named.kind !== "message" && named.name) || log.id;
    const role = log.members[0] === me ? "owner" : "member";
    return {
      conversation_id,
      type: "group",
      name,
      role,
      member_count: log.members.length,
      history_policy: "full",
      join_policy: "invite",
    };
  }

  receive(peer: Peer, frame: ClientFrame): void {
    peer.received.push(frame);
    if (!this.isUp) return;
    const reply = (type: string, payload: object): void =>
      peer.send({ type, payload, ...(frame.id && { id: frame.id }) });
    switch (frame.type) {
      case "auth":
        peer.userId = this.tokens.get(frame.payload.token) ?? "";
        if (peer.userId === "") {
          reply("auth_fail", { code: 30004, message: "token expired" });
          peer.close(4401);
        } else {
          const user_id = peer.userId;
          reply("auth_ok", {
            user_id,
            username: user_id.slice(1),
            device_id: "d",
            server_ts: this.#clock,
            epoch: this.epoch,
            ping_interval: 30,
            limits: LIMITS,
          });
        }
        break;
      case "ping":
        reply("pong", { timestamp: this.#clock });
        break;
      case "sync":
        this.#sync(peer, frame.payload.since, reply);
        break;
      case "history":
        this.#history(peer, frame.payload, reply);
        break;
      case "ack":
        this.#ack(peer, frame.payload, reply);
        break;
      case "typing":
        break;
      case "presence_watch":
        for (const user_id of frame.payload.user_ids) {
          const isHere = [...this.peers].some((one) => one.userId === user_id);
          peer.send({ type: "presence", payload: { user_id, status: isHere ? "online" : "offline" } });
        }
        break;
      case "presence_set":
        break;
      default:
        this.#operate(peer, frame, reply);
    }
  }

  #operate(peer: Peer, frame: Operation, reply: (type: string, payload: object) => void): void {
    const fate = this.onOperation(frame, peer);
    if (fate === "lost") return;
    if (typeof fate === "object") {
      const { msg_id } = frame.payload;
      reply("error", {
        code: fate.code,
        message: "no",
        outcome: "refused",
        retryable: fate.retryable,
        msg_id,
      });
      return;
    }
    const { msg_id } = frame.payload;
    const log = this.#target(peer, frame);
    const known = log.messageIds.get(`${peer.userId} ${msg_id}`);
    const item = known ?? this.append(log, peer.userId, bodyOf(frame, log, peer.userId), msg_id, peer);
    if (fate === "stored_lost") return;
    const { seq, server_ts, conversation_id } = item;
    reply("message_ack", { msg_id, conversation_id, seq, server_ts, duplicate: known !== undefined });
  }

  #target(peer: Peer, { payload }: Operation): Log {
    const to = "to_user_id" in payload ? payload.to_user_id : undefined;
    if (to !== undefined) return this.private(peer.userId.slice(1), to.slice(1));
    const group = "group_id" in payload ? payload.group_id : undefined;
    const log = this.logs.get(group ?? payload.conversation_id ?? "");
    if (log === undefined) throw new Error("no such conversation");
    return log;
  }

  #sync(peer: Peer, since: string | undefined, reply: (type: string, payload: object) => void): void {
    const heads = JSON.parse(since ?? "{}") as Record<string, number>;
    const all = [...this.logs.values()].filter((log) => log.members.includes(peer.userId));
    const changed = all.filter((log) => log.items.length > (heads[log.id] ?? 0));
    reply("sync_page", { conversations: changed.map((log) => this.entry(log, peer.userId, 20)) });
    if (!this.endsSync) return;
    const now = Object.fromEntries(all.map((log) => [log.id, log.items.length]));
    reply("sync_done", { since: JSON.stringify(now), epoch: this.epoch });
  }

  #history(
    peer: Peer,
    range: { conversation_id: string; before_seq?: number; after_seq?: number; limit?: number },
    reply: (type: string, payload: object) => void,
  ): void {
    const log = this.logs.get(range.conversation_id);
    if (log === undefined || !log.members.includes(peer.userId)) {
      reply("error", {
        code: 40001,
        message: "conversation not found",
        outcome: "refused",
        retryable: false,
      });
      return;
    }
    const { limit = 50 } = range;
    const [from, upto] =
      range.after_seq !== undefined
        ? [range.after_seq + 1, Math.min(range.after_seq + limit, log.items.length)]
        : [
            Math.max((range.before_seq ?? log.items.length + 1) - limit, 1),
            (range.before_seq ?? log.items.length + 1) - 1,
          ];
    const has_more = range.after_seq !== undefined ? upto < log.items.length : from > 1;
    const page: HistoryPage = {
      conversation_id: log.id,
      prev_hash: "",
      events: log.shown(from, upto),
      has_more,
    };
    reply("history_page", page);
  }

  #ack(
    peer: Peer,
    { conversation_id, seq, ack_type }: { conversation_id: string; seq: number; ack_type: string },
    reply: (type: string, payload: object) => void,
  ): void {
    const log = this.logs.get(conversation_id);
    if (log === undefined) return;
    const old = log.positions.get(peer.userId) ?? { delivered: 0, read: 0 };
    const read = ack_type === "read" ? Math.max(old.read, seq) : old.read;
    const delivered = Math.max(old.delivered, seq);
    log.positions.set(peer.userId, { delivered, read });
    reply("ack_response", { conversation_id, delivered_seq: delivered, read_seq: read });
    for (const other of this.peers) {
      if (other === peer || !log.members.includes(other.userId)) continue;
      const payload = { conversation_id, user_id: peer.userId, delivered_seq: delivered, read_seq: read };
      other.send({ type: "receipt", payload });
    }
  }

  #log(id: string, type: ConversationInfo["type"], members: string[]): Log {
    const log = this.logs.get(id) ?? new Log(id, type, members);
    this.logs.set(id, log);
    return log;
  }

  #answer(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Record<string, string>,
    bearer = "",
  ): Response {
    const ok = (data: unknown): Response => Response.json({ code: 0, message: "success", data });
    const no = (status: number, code: number): Response =>
      Response.json({ code, message: "no", data: { retryable: false, outcome: "refused" } }, { status });
    const login = (user: User): Response => {
      const token = `t${++this.#count}`;
      this.tokens.set(token, user.user_id);
      const device_id = "d";
      return ok({ token, expires_in: 3600, refresh_token: `r ${user.username} ${token}`, device_id, user });
    };
    if (path === "/auth/register") return ok({ user: this.user(body["username"] ?? "") });
    if (path === "/auth/login") return login(this.user(body["username"] ?? ""));
    if (path === "/auth/refresh") {
      this.refreshes++;
      return login(this.user(body["refresh_token"]?.split(" ")[1] ?? ""));
    }
    const me = this.tokens.get(bearer);
    if (me === undefined) return no(401, 30004);
    if (path === "/auth/logout") {
      this.tokens.delete(bearer);
      return ok({});
    }
    if (path === "/users") {
      const ids = query.get("ids")?.split(",") ?? [];
      return ok({ items: ids.flatMap((id) => this.users.get(id) ?? []) });
    }
    const settings = path.match(/^\/conversations\/(\w+)\/settings$/);
    if (method === "PATCH" && settings !== null) {
      const { msg_id = "", ...values } = body;
      const fate = this.onSettings();
      if (fate === "lost") throw new TypeError("fetch failed");
      const own = this.#log(me, "self", [me]);
      const asked = { kind: "conversation_settings", about: settings[1] ?? "", ...values } as const;
      const known = own.messageIds.get(`${me} ${msg_id}`);
      if (known !== undefined && !asksFor(known, asked)) return no(409, 40004);
      const { seq, server_ts } = known ?? this.append(own, me, asked, msg_id);
      if (fate === "stored_lost") throw new TypeError("fetch failed");
      return ok({ msg_id, conversation_id: me, seq, server_ts, duplicate: known !== undefined });
    }
    if (path === "/conversations") return ok({ items: [] });
    return no(404, 10005);
  }
}

/** Whether an entry is what was asked for, and nothing else (docs/protocol.md, "Values"). */
function asksFor(item: Item, asked: Partial<Item>): boolean {
  const { conversation_id: _, seq: __, sender_id: ___, server_ts: ____, msg_id: _____, ...stored } = item;
  const sorted = (values: object): string => JSON.stringify(Object.entries(values).sort());
  return sorted(stored) === sorted(asked);
}

function bodyOf(frame: Operation, log: Log, sender: string): Partial<Item> {
  switch (frame.type) {
    case "send": {
      const { content, content_type = "text", client_ts, reply_to, mentions } = frame.payload;
      const to =
        log.type === "private" ? { to_user_id: log.members.find((one) => one !== sender) ?? "" } : {};
      const given = {
        ...(client_ts && { client_ts }),
        ...(reply_to && { reply_to }),
        ...(mentions && { mentions }),
      };
      return { kind: "message", content, content_type, ...to, ...given };
    }
    case "edit":
      return { kind: "edit", target_seq: frame.payload.seq, content: frame.payload.content };
    case "recall":
      return { kind: "recall", target_seq: frame.payload.seq };
    case "react": {
      const { seq, emoji, remove } = frame.payload;
      return { kind: "reaction", target_seq: seq, emoji, ...(remove && { remove }) };
    }
  }
}
