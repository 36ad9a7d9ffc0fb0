/** What programs are written against. Data keep the wire's names; methods and options are camelCase. */

import type { PingMeError } from "./errors.js";
import type { LocalStore } from "./store.js";
import type {
  ConversationInfo,
  Device,
  Group,
  HistoryPolicy,
  Item,
  JoinPolicy,
  Limits,
  Member,
  Message,
  Presence,
  Role,
  User,
} from "./wire.js";

/** The part of the WebSocket class that the SDK needs: the browser's, Node's own, or that of `ws`. */
export type WebSocketLike = new (url: string) => WebSocketInstance;

/** An open, or opening, WebSocket. */
export interface WebSocketInstance {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface ClientOptions {
  /** `http://host:port`; "" is the page's own origin. */
  baseUrl: string;
  /** What survives a reload: `indexedDbStore(name)`; default `memoryStore()`: nothing does. */
  storage?: LocalStore;
  /** How this session is called in the list of devices. */
  deviceName?: string;
  fetch?: typeof fetch;
  /** Default: the global one (browsers, Node >= 22). */
  WebSocket?: WebSocketLike;
  /** Tabs that share a store share one connection; default: true where Web Locks and BroadcastChannel exist. */
  coordinate?: boolean;
}

/** Why a client stays away: the session was revoked, another tab or device took over, logout, a bug. */
export type EndReason = "revoked" | "replaced" | "logged_out" | "protocol";

/** The line to the server. `idle`: nobody is logged in; `ended`: it does not come back by itself. */
export interface Status {
  readonly state: "idle" | "connecting" | "syncing" | "online" | "offline" | "ended";
  /** When the next attempt is made, Unix milliseconds. */
  readonly retry_at_ts?: number;
  readonly reason?: EndReason;
  /** Since when it is so, Unix milliseconds. */
  readonly since_ts: number;
}

/** A conversation up to `last_seq`, as it stands now. A new object whenever something changes. */
export interface Conversation {
  readonly id: string;
  readonly info: Readonly<ConversationInfo>;
  readonly last_seq: number;
  readonly delivered_seq: number;
  readonly read_seq: number;
  /** Others' messages after `read_seq`; 1000 is "more than 999". */
  readonly unread: number;
  /** In private chats: how far the other one got it, and read it. */
  readonly peer_delivered_seq: number;
  readonly peer_read_seq: number;
  readonly last_message?: Message;
  /** The time by which the list is sorted: of the newest visible entry, Unix milliseconds. */
  readonly newest_ts: number;
}

/** An operation is stored. */
export interface Stored {
  readonly msg_id: string;
  readonly conversation_id: string;
  readonly seq: number;
  readonly server_ts: number;
  /** An earlier attempt under the same msg_id had stored it. */
  readonly duplicate: boolean;
}

/** What was asked for; `done` resolves when it is stored and rejects with a PingMeError when it is refused. */
export interface Sending {
  readonly msg_id: string;
  readonly conversation_id: string;
  /** Nobody has to wait for it: a refusal also stands in `pending()`. */
  readonly done: Promise<Stored>;
}

/** An own operation that the server has not confirmed yet. */
export interface Pending {
  readonly msg_id: string;
  readonly conversation_id: string;
  readonly kind: "send" | "edit" | "recall" | "react";
  readonly content?: string;
  readonly content_type?: string;
  readonly target_seq?: number;
  readonly emoji?: string;
  readonly remove?: boolean;
  readonly reply_to?: number;
  readonly mentions?: readonly string[];
  readonly to_user_id?: string;
  readonly client_ts: number;
  /** `waiting` also while nobody knows the outcome; `failed` only after the server's final no. */
  readonly state: "waiting" | "failed";
  readonly error?: PingMeError;
}

export interface SendArgs {
  /** One of the three says where to. */
  conversation_id?: string;
  to_user_id?: string;
  group_id?: string;
  content: string;
  content_type?: string;
  reply_to?: number;
  mentions?: readonly string[];
  msg_id?: string;
  /** Of `reply_to`: `client.epoch` when that was seen; default: the present one. */
  epoch?: string;
}

/** A message that something is done to. */
export interface OnMessage {
  conversation_id: string;
  seq: number;
  /** To ask for the same again, over a restart of the program too. */
  msg_id?: string;
  /** Of `seq`: `client.epoch` when it was seen; default: the present one. */
  epoch?: string;
}

export type TimelineChange = "append" | "prepend" | "change" | "reset";

/** A contiguous, ascending range of one conversation; edits, recalls and reactions are folded into their message. */
export interface Timeline {
  readonly conversation_id: string;
  /** Messages and visible log entries (joined, left, renamed …). A new array whenever something changes. */
  readonly items: readonly Item[];
  readonly atStart: boolean;
  /** It follows the live head. */
  readonly atEnd: boolean;
  /** In large groups: how many got and read one's own newest messages, by seq. */
  readonly counts: ReadonlyMap<number, { delivered: number; read: number }>;
  /** Loads older entries; returns whether there were any. */
  loadOlder(limit?: number): Promise<boolean>;
  loadNewer(limit?: number): Promise<boolean>;
  /** Jumps to the newest. */
  toEnd(): Promise<void>;
  /** Jumps to an entry: the range then has entries on both sides of it, as far as there are. */
  around(seq: number): Promise<void>;
  /** Forgets entries of one side, keeping this many of the other. */
  trim(side: "start" | "end", keep: number): void;
  onChange(listener: (what: TimelineChange) => void): () => void;
  close(): void;
}

/** The keys of `onChange`; all names are prefixes but the first three. */
export type ChangeKey =
  | "status"
  | "conversations"
  | "me"
  | `conversation:${string}`
  | `pending:${string}`
  | `typing:${string}`
  | `presence:${string}`
  | `receipts:${string}`
  | `user:${string}`;

/** One user on one device. `Client` implements this; programs may put fakes in its place. */
export interface ClientApi {
  readonly me: User | null;
  readonly status: Status;
  readonly limits: Limits;

  // The session

  /** Goes on with the kept session, at once and also offline, then connects; null: log in. */
  resume(): Promise<User | null>;
  /** Makes an account and logs in to it. */
  register(a: { username: string; password: string; nickname?: string; email?: string }): Promise<User>;
  login(a: { username: string; password: string }): Promise<User>;
  /** Ends the session on the server, as far as it can be reached, and wipes the local copy. */
  logout(): Promise<void>;
  changePassword(a: { old_password: string; new_password: string }): Promise<void>;
  /** Stops; what is kept stays. */
  close(): Promise<void>;
  /** Tries to connect now instead of at the end of the pause. */
  reconnect(): void;

  // Conversations, from the local copy

  /** Pinned first, then newest first; without the user's own log. */
  conversations(): readonly Conversation[];
  conversation(id: string): Conversation | undefined;
  /** The id of the private conversation with a user; it exists from its first message on. */
  conversationWith(userId: string): Promise<string>;

  // Writing: kept first, then sent until the server has said yes or no, in order, stored once

  send(a: SendArgs): Sending;
  edit(a: OnMessage & { content: string }): Sending;
  recall(a: OnMessage): Sending;
  react(a: OnMessage & { emoji: string; remove?: boolean }): Sending;
  /** Not yet confirmed, in order. */
  pending(conversationId: string): readonly Pending[];
  /** Sends a failed one again, under a new msg_id. */
  retry(msgId: string): void;
  /** Forgets a failed one, or one that was not sent yet. */
  discard(msgId: string): Promise<void>;
  /** Everything up to `seq` (default: all) is read. */
  markRead(conversationId: string, seq?: number): void;
  typing(conversationId: string, active: boolean): void;
  setPresence(status: "online" | "away"): void;
  /** Whose presence to hear of: at most 500; replaces the list. */
  watch(userIds: readonly string[]): void;
  presence(userId: string): Presence | undefined;
  /** Who is typing there; ends by itself after 6 s. */
  typingIn(conversationId: string): readonly string[];
  /** Shown at once, kept, and told to the server when that is possible. */
  settings(
    conversationId: string,
    values: { muted?: boolean; pinned?: boolean; draft?: string },
  ): Promise<void>;

  // Reading

  timeline(conversationId: string, a?: { around_seq?: number }): Promise<Timeline>;
  /** The seq of the first message at or after a time; last_seq + 1 when there is none. */
  seqAt(conversationId: string, ts: number): Promise<number>;
  receipts(conversationId: string, seq: number): Promise<{ delivered: string[]; read: string[] }>;

  // People and groups

  /** What is known of a user; asks the server for what is not (`user:${id}` changes then). */
  user(id: string): User | undefined;
  users(ids: readonly string[]): Promise<User[]>;
  searchUsers(query: string): Promise<User[]>;
  profile(): Promise<User>;
  updateProfile(values: { nickname?: string; email?: string; avatar?: string }): Promise<User>;
  createGroup(a: {
    name: string;
    member_ids: readonly string[];
    history_policy?: HistoryPolicy;
    join_policy?: JoinPolicy;
  }): Promise<Group>;
  group(id: string): Promise<Group>;
  updateGroup(
    id: string,
    values: {
      name?: string;
      announcement?: string;
      avatar?: string;
      history_policy?: HistoryPolicy;
      join_policy?: JoinPolicy;
    },
  ): Promise<void>;
  members(id: string): Promise<Member[]>;
  addMembers(id: string, userIds: readonly string[]): Promise<void>;
  removeMember(id: string, userId: string): Promise<void>;
  setRole(id: string, userId: string, role: Role): Promise<void>;
  leaveGroup(id: string): Promise<void>;
  dissolveGroup(id: string): Promise<void>;
  joinGroup(id: string): Promise<void>;
  devices(): Promise<Device[]>;
  removeDevice(id: string): Promise<void>;

  // What changed

  /** Hears what changed, once per tick. */
  onChange(listener: (changed: ReadonlySet<ChangeKey>) => void): () => void;
  /** Hears each new message of others once per browser: only the tab that holds the connection calls it. */
  onMessage(listener: (message: Message, conversation: Conversation) => void): () => void;
}
