/**
 * A client without a server, for component tests and for `?fake` in development. What it is told to send is stored
 * at once. It is in no build.
 */
import type {
  ChangeKey,
  ClientApi,
  Conversation,
  ConversationInfo,
  Group,
  Item,
  Member,
  Message,
  Pending,
  Presence,
  SendArgs,
  Sending,
  Status,
  Stored,
  User,
} from "@pingme/sdk";
import { FakeTimeline } from "./fake-timeline";

type Draft = Partial<Omit<Message, "kind">> & { content: string };

export class FakeClient implements ClientApi {
  me: User | null = null;
  status: Status = { state: "online", since_ts: 0 };
  readonly limits = { max_message_size: 8192, sends_per_s: 20, unanswered_sends: 64, page_events: 200 };
  readonly people = new Map<string, User>();
  readonly presences = new Map<string, Presence>();
  readonly typers = new Map<string, readonly string[]>();
  readonly waiting = new Map<string, Pending[]>();
  readonly logs = new Map<string, Item[]>();
  /** Every call of something that changes the world, for tests to look at. */
  readonly calls: [name: string, ...args: unknown[]][] = [];
  /** While true, what is sent stays in `pending`. */
  offline = false;
  private readonly known = new Map<string, Conversation>();
  private readonly timelines = new Set<FakeTimeline>();
  private readonly hearers = new Set<(changed: ReadonlySet<ChangeKey>) => void>();
  private readonly messageHearers = new Set<(message: Message, conversation: Conversation) => void>();
  private lastId = 0;

  constructor(readonly delayMs = 0) {}

  // The world

  addUser(user_id: string, nickname: string): User {
    const user: User = { user_id, username: user_id.slice(1), nickname, avatar: "" };
    this.people.set(user_id, user);
    return user;
  }

  addConversation(info: ConversationInfo): void {
    const id = info.conversation_id;
    this.logs.set(id, []);
    this.known.set(id, {
      id,
      info,
      last_seq: 0,
      delivered_seq: 0,
      read_seq: 0,
      unread: 0,
      peer_delivered_seq: 0,
      peer_read_seq: 0,
      newest_ts: 0,
    });
  }

  /** Appends an entry to a log, as if it had come from the server. */
  append(id: string, entry: Draft | Omit<Item, "conversation_id" | "seq" | "msg_id">): Item {
    const log = this.logs.get(id) ?? [];
    const item = {
      kind: "message",
      content_type: "text",
      server_ts: Date.now(),
      ...entry,
      conversation_id: id,
      seq: log.length + 1,
      msg_id: (entry as Draft).msg_id ?? `m${++this.lastId}`,
    } as Item;
    log.push(item);
    const mine = item.sender_id === this.me?.user_id;
    const before = this.known.get(id);
    this.patch(id, {
      last_seq: item.seq,
      newest_ts: item.server_ts,
      ...(item.kind === "message" ? { last_message: item } : {}),
      ...(mine ? { read_seq: item.seq } : {}),
      unread: mine ? 0 : (before?.unread ?? 0) + (item.kind === "message" ? 1 : 0),
    });
    for (const each of this.timelines) if (each.conversation_id === id) each.grown();
    const now = this.known.get(id);
    if (!mine && item.kind === "message" && now) for (const hear of this.messageHearers) hear(item, now);
    return item;
  }

  /** Replaces an entry by what it is now. */
  replace(id: string, seq: number, values: Partial<Message>): void {
    const log = this.logs.get(id);
    const before = log?.[seq - 1];
    if (!log || !before) return;
    log[seq - 1] = { ...before, ...values } as Item;
    for (const each of this.timelines) if (each.conversation_id === id) each.changed();
    const last = this.known.get(id)?.last_message;
    if (last?.seq === seq) this.patch(id, { last_message: { ...last, ...values } });
  }

  patch(id: string, values: Partial<Conversation>): void {
    const before = this.known.get(id);
    if (before) this.known.set(id, { ...before, ...values });
    this.tell(`conversation:${id}`, "conversations");
  }

  tell(...keys: ChangeKey[]): void {
    const changed = new Set(keys);
    for (const hear of this.hearers) hear(changed);
  }

  setStatus(status: Partial<Status>): void {
    this.status = { state: "online", since_ts: Date.now(), ...status };
    this.tell("status");
  }

  // ClientApi

  resume = async (): Promise<User | null> => this.me;
  register = async (a: { username: string; nickname?: string }): Promise<User> => {
    this.calls.push(["register", a]);
    this.me = this.addUser(`u${a.username}`, a.nickname || a.username);
    return this.me;
  };
  login = async (a: { username: string; password: string }): Promise<User> => {
    this.calls.push(["login", a]);
    this.me ??= this.addUser(`u${a.username}`, a.username);
    return this.me;
  };
  logout = async (): Promise<void> => {
    this.me = null;
    this.tell("me");
  };
  changePassword = async (): Promise<void> => undefined;
  close = async (): Promise<void> => undefined;
  reconnect = (): void => this.setStatus({ state: "online" });

  conversations = (): readonly Conversation[] =>
    [...this.known.values()].sort(
      (a, b) => Number(b.info.pinned ?? false) - Number(a.info.pinned ?? false) || b.newest_ts - a.newest_ts,
    );
  conversation = (id: string): Conversation | undefined => this.known.get(id);
  conversationWith = async (userId: string): Promise<string> =>
    [...this.known.values()].find(({ info }) => info.peer_id === userId)?.id ?? `p${userId.slice(1)}`;

  send = (a: SendArgs): Sending => {
    this.calls.push(["send", a]);
    const id = a.conversation_id ?? a.group_id ?? `p${a.to_user_id?.slice(1)}`;
    if (!this.known.has(id) && a.to_user_id) {
      this.addConversation({ conversation_id: id, type: "private", peer_id: a.to_user_id });
    }
    const { content, reply_to, mentions } = a;
    const more = { ...(reply_to ? { reply_to } : {}), ...(mentions ? { mentions } : {}) };
    return this.act(id, { kind: "send", content, ...more }, () =>
      this.append(id, { content, sender_id: this.me?.user_id ?? "", ...more }),
    );
  };
  edit = (a: { conversation_id: string; seq: number; content: string }): Sending => {
    this.calls.push(["edit", a]);
    return this.act(a.conversation_id, { kind: "edit", content: a.content, target_seq: a.seq }, () =>
      this.replace(a.conversation_id, a.seq, { content: a.content, edited_seq: 1 }),
    );
  };
  recall = (a: { conversation_id: string; seq: number }): Sending => {
    this.calls.push(["recall", a]);
    return this.act(a.conversation_id, { kind: "recall", target_seq: a.seq }, () =>
      this.replace(a.conversation_id, a.seq, { content: "", recalled: true }),
    );
  };
  react = (a: { conversation_id: string; seq: number; emoji: string; remove?: boolean }): Sending => {
    this.calls.push(["react", a]);
    return this.act(a.conversation_id, { kind: "react", target_seq: a.seq, emoji: a.emoji }, () =>
      this.replace(a.conversation_id, a.seq, { reactions: this.reacted(a) }),
    );
  };
  pending = (id: string): readonly Pending[] => this.waiting.get(id) ?? [];
  retry = (msgId: string): void => {
    this.calls.push(["retry", msgId]);
  };
  discard = async (msgId: string): Promise<void> => {
    for (const [id, all] of this.waiting) {
      this.waiting.set(
        id,
        all.filter(({ msg_id }) => msg_id !== msgId),
      );
      this.tell(`pending:${id}`);
    }
  };
  markRead = (id: string, seq?: number): void => {
    this.calls.push(["markRead", id, seq]);
    const read_seq = seq ?? this.known.get(id)?.last_seq ?? 0;
    const unread = (this.logs.get(id) ?? []).slice(read_seq).filter(({ kind }) => kind === "message").length;
    this.patch(id, { read_seq, unread });
  };
  typing = (id: string, active: boolean): void => {
    this.calls.push(["typing", id, active]);
  };
  setPresence = (): void => undefined;
  watch = (): void => undefined;
  presence = (userId: string): Presence | undefined => this.presences.get(userId);
  typingIn = (id: string): readonly string[] => this.typers.get(id) ?? [];
  settings = async (
    id: string,
    values: { muted?: boolean; pinned?: boolean; draft?: string },
  ): Promise<void> => {
    this.calls.push(["settings", id, values]);
    const info = this.known.get(id)?.info;
    if (info) this.patch(id, { info: { ...info, ...values } });
  };

  timeline = async (id: string, a: { around_seq?: number } = {}): Promise<FakeTimeline> => {
    const made: FakeTimeline = new FakeTimeline(id, this.logs.get(id) ?? [], a.around_seq, this.delayMs, () =>
      this.timelines.delete(made),
    );
    this.timelines.add(made);
    return made;
  };
  seqAt = async (id: string, ts: number): Promise<number> =>
    this.logs.get(id)?.find(({ server_ts }) => server_ts >= ts)?.seq ?? 1;
  receipts = async (): Promise<{ delivered: string[]; read: string[] }> => ({ delivered: [], read: [] });

  user = (id: string): User | undefined => this.people.get(id);
  users = async (ids: readonly string[]): Promise<User[]> => ids.flatMap((id) => this.people.get(id) ?? []);
  searchUsers = async (query: string): Promise<User[]> =>
    [...this.people.values()].filter(({ username }) => username.startsWith(query));
  profile = async (): Promise<User> => this.me ?? this.addUser("unobody", "nobody");
  updateProfile = async (): Promise<User> => this.profile();
  createGroup = async (a: { name: string }): Promise<Group> => {
    const id = `g${++this.lastId}`;
    this.addConversation({ conversation_id: id, type: "group", name: a.name, role: "owner" });
    return this.group(id);
  };
  group = async (id: string): Promise<Group> => ({
    group_id: id,
    name: this.known.get(id)?.info.name ?? "",
    announcement: "",
    avatar: "",
    history_policy: "full",
    join_policy: "invite",
    member_count: this.people.size,
    role: "owner",
    dissolved: false,
    created_ts: 0,
  });
  updateGroup = async (): Promise<void> => undefined;
  members = async (): Promise<Member[]> =>
    [...this.people.values()].map((user) => ({ ...user, role: "member", joined_seq: 1 }));
  addMembers = async (): Promise<void> => undefined;
  removeMember = async (): Promise<void> => undefined;
  setRole = async (): Promise<void> => undefined;
  leaveGroup = async (): Promise<void> => undefined;
  dissolveGroup = async (): Promise<void> => undefined;
  joinGroup = async (): Promise<void> => undefined;
  devices = async (): Promise<[]> => [];
  removeDevice = async (): Promise<void> => undefined;

  onChange = (listener: (changed: ReadonlySet<ChangeKey>) => void): (() => void) => {
    this.hearers.add(listener);
    return () => this.hearers.delete(listener);
  };
  onMessage = (listener: (message: Message, conversation: Conversation) => void): (() => void) => {
    this.messageHearers.add(listener);
    return () => this.messageHearers.delete(listener);
  };

  private act(
    id: string,
    what: Omit<Pending, "msg_id" | "conversation_id" | "client_ts" | "state">,
    store: () => unknown,
  ): Sending {
    const msg_id = `m${++this.lastId}`;
    const one: Pending = { ...what, msg_id, conversation_id: id, client_ts: Date.now(), state: "waiting" };
    const stored: Stored = { msg_id, conversation_id: id, seq: 0, server_ts: Date.now(), duplicate: false };
    if (this.offline) {
      this.waiting.set(id, [...this.pending(id), one]);
      this.tell(`pending:${id}`);
      return { msg_id, conversation_id: id, done: new Promise(() => undefined) };
    }
    store();
    return { msg_id, conversation_id: id, done: Promise.resolve(stored) };
  }

  private reacted(a: { conversation_id: string; seq: number; emoji: string; remove?: boolean }) {
    const my = this.me?.user_id ?? "";
    const message = this.logs.get(a.conversation_id)?.[a.seq - 1] as Message;
    const all = (message.reactions ?? []).map((each) => ({
      ...each,
      user_ids: each.user_ids.filter((id) => each.emoji !== a.emoji || id !== my),
    }));
    const found = all.find(({ emoji }) => emoji === a.emoji);
    if (!a.remove && found) found.user_ids = [...found.user_ids, my];
    if (!a.remove && !found) all.push({ emoji: a.emoji, count: 1, user_ids: [my] });
    return all.map((each) => ({ ...each, count: each.user_ids.length })).filter(({ count }) => count > 0);
  }
}
