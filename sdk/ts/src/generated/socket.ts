/** Payloads of the WebSocket (`/asyncapi.json`). Written by scripts/write_sdk_types.py: change the server's structs instead. */

/** The sender's position: everything up to `seq` is delivered, or read. */
export interface AckPayload {
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  seq: number;
  ack_type: "delivered" | "read";
}

/** One's own positions. */
export interface AckResponse {
  conversation_id: string;
  delivered_seq: number;
  read_seq: number;
}

/** The connection is open. `ping_interval` in seconds. */
export interface AuthOk {
  user_id: string;
  username: string;
  device_id: string;
  server_ts: number;
  epoch: string;
  ping_interval: number;
  limits: Limits;
}

/** An access token; the device is in it. */
export interface AuthPayload {
  token: string;
  protocol?: number;
}

/** What a member sees of a conversation. `type` is `private`, `group` or `self` (the user's own log); `role` is absent for former members. */
export interface Conversation {
  conversation_id: string;
  type: "private" | "group" | "self";
  name?: string;
  announcement?: string;
  avatar?: string;
  peer_id?: string;
  role?: "owner" | "admin" | "member";
  member_count?: number;
  history_policy?: "from_join" | "full";
  join_policy?: "invite" | "open";
  dissolved?: boolean;
  former?: boolean;
  from_seq?: number;
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
}

/** In a user's own log: the user's settings of conversation `about`; absent ones are unchanged. */
export interface ConversationSettingsBody {
  about: string;
  draft?: string;
  muted?: boolean;
  pinned?: boolean;
}

/** New content for the message at `target_seq`. After a recall of the message `content` is empty. */
export interface EditBody {
  content: string;
  target_seq: number;
}

/** New content for the sender's own message `seq`. */
export interface EditPayload {
  /** [A-Za-z0-9_-]{1,64} */
  msg_id: string;
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  seq: number;
  content: string;
  /** of `auth_ok`: the store that the seq is of */
  epoch?: string;
}

/** What went wrong with a frame; `outcome` is `refused` or `unknown`. */
export interface ErrorPayload {
  code: number;
  message: string;
  outcome: "refused" | "unknown";
  retryable: boolean;
  retry_after_ms?: number;
  msg_id?: string;
}

/** A code of the table and a sentence. */
export interface Failure {
  code: number;
  message: string;
}

/** Seq 1 of a group; `user_ids` are the first members, the creator (owner) first. */
export interface GroupCreatedBody {
  history_policy: "from_join" | "full";
  join_policy: "invite" | "open";
  name: string;
  user_ids: readonly string[];
}

/** Nobody writes here any more; members keep reading. */
export interface GroupDissolvedBody {
}

/** New values of the group's fields; absent ones are unchanged. */
export interface GroupUpdatedBody {
  announcement?: string;
  avatar?: string;
  history_policy?: "from_join" | "full";
  join_policy?: "invite" | "open";
  name?: string;
}

/** A range of a conversation; `prev_hash` (hex) is the rolling hash before the first event. */
export interface HistoryPage {
  conversation_id: string;
  prev_hash: string;
  events: readonly Item[];
  has_more: boolean;
}

/** A range of one conversation: below `before_seq`, above `after_seq`, or the newest. */
export interface HistoryPayload {
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  before_seq?: number;
  after_seq?: number;
  limit?: number;
}

/** An event as it travels: live as `message` or `event`, and in pages. `digest` stands in pages only (hex). Fields that this version does not know are left out. */
export interface Item {
  conversation_id: string;
  seq: number;
  sender_id: string;
  server_ts: number;
  kind?: "message" | "edit" | "recall" | "reaction" | "group_created" | "member_joined" | "member_left" | "member_removed" | "member_role" | "group_updated" | "group_dissolved" | "conversation_settings" | "profile_updated";
  msg_id?: string;
  client_ts?: number;
  content?: string;
  content_type?: string;
  to_user_id?: string;
  reply_to?: number;
  mentions?: readonly string[];
  edited_seq?: number;
  recalled?: boolean;
  reactions?: readonly Reaction[];
  digest?: string;
  target_seq?: number;
  emoji?: string;
  remove?: boolean;
  user_id?: string;
  user_ids?: readonly string[];
  role?: "owner" | "admin" | "member";
  name?: string;
  announcement?: string;
  avatar?: string;
  history_policy?: "from_join" | "full";
  join_policy?: "invite" | "open";
  about?: string;
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
  nickname?: string;
  email?: string;
}

/** The bounds that a client should know. */
export interface Limits {
  max_message_size: number;
  sends_per_s: number;
  unanswered_sends: number;
  page_events: number;
}

/** These users are members from this seq on: invited by the sender, or the sender alone. */
export interface MemberJoinedBody {
  user_ids: readonly string[];
}

/** The sender is no longer a member after this seq. */
export interface MemberLeftBody {
}

/** This user is no longer a member after this seq. */
export interface MemberRemovedBody {
  user_id: string;
}

/** This user has this role; `owner` makes the former owner an admin. */
export interface MemberRoleBody {
  role: "admin" | "member" | "owner";
  user_id: string;
}

/** The operation `msg_id` is stored at `seq`. */
export interface MessageAck {
  msg_id: string;
  conversation_id: string;
  seq: number;
  server_ts: number;
  duplicate: boolean;
}

/** A message. `reply_to` is a seq of the same conversation; `to_user_id` stands in private chats only. */
export interface MessageBody {
  content: string;
  content_type: string;
  mentions?: readonly string[];
  reply_to?: number;
  to_user_id?: string;
}

/** Unix milliseconds of the server. */
export interface Pong {
  timestamp: number;
}

/** Where a watched user is: `online`, `away`, `offline` or `unknown`; last_seen_ts in Unix ms. */
export interface Presence {
  user_id: string;
  status: "online" | "away" | "offline" | "unknown";
  last_seen_ts?: number;
}

/** The state of this device. */
export interface PresenceSetPayload {
  status: "away" | "online";
}

/** The users whose presence this connection wants; replaces the list. */
export interface PresenceWatchPayload {
  user_ids: readonly string[];
}

/** In a user's own log: new values of the profile; absent ones are unchanged. */
export interface ProfileUpdatedBody {
  avatar?: string;
  email?: string;
  nickname?: string;
}

/** Put an emoji on message `seq`, or take it back. */
export interface ReactPayload {
  /** [A-Za-z0-9_-]{1,64} */
  msg_id: string;
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  seq: number;
  emoji: string;
  remove?: boolean;
  /** of `auth_ok`: the store that the seq is of */
  epoch?: string;
}

/** Who put this emoji, the first 50 in order, and how many in all. */
export interface Reaction {
  emoji: string;
  count: number;
  user_ids: readonly string[];
}

/** One user's one emoji on the message at `target_seq`; with `remove` it is taken back. */
export interface ReactionBody {
  emoji: string;
  remove?: boolean;
  target_seq: number;
}

/** The message at `target_seq` is withdrawn: its content is erased everywhere. */
export interface RecallBody {
  target_seq: number;
}

/** Withdraw message `seq`. */
export interface RecallPayload {
  /** [A-Za-z0-9_-]{1,64} */
  msg_id: string;
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  seq: number;
  /** of `auth_ok`: the store that the seq is of */
  epoch?: string;
}

/** Somebody's positions; in large groups how many members reached `seq`. */
export interface Receipt {
  conversation_id: string;
  user_id?: string;
  delivered_seq?: number;
  read_seq?: number;
  seq?: number;
  delivered?: number;
  read?: number;
}

/** The node is leaving: come back after this long. */
export interface Reconnect {
  after_ms: number;
  reason: string;
}

/** The live stream may have a hole: send `sync` now. */
export interface Resync {
}

/** A message to one of `conversation_id`, `to_user_id` or `group_id`. */
export interface SendPayload {
  /** [A-Za-z0-9_-]{1,64} */
  msg_id: string;
  content: string;
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id?: string;
  /** [A-Za-z0-9_-]{1,64} */
  to_user_id?: string;
  /** [A-Za-z0-9_-]{1,64} */
  group_id?: string;
  /** a short type name */
  content_type?: string;
  client_ts?: number;
  reply_to?: number;
  mentions?: readonly string[];
  /** of `auth_ok`: the store that the seq is of */
  epoch?: string;
}

/** The end of an answer to `sync`: `since` is the token for the next one. */
export interface SyncDone {
  since: string;
  epoch: string;
}

/** One conversation that changed, with its newest events. */
export interface SyncEntry {
  conversation: Conversation;
  last_seq: number;
  last_hash: string;
  delivered_seq: number;
  read_seq: number;
  unread: number;
  prev_hash: string;
  events: readonly Item[];
  events_complete: boolean;
  peer_delivered_seq?: number;
  peer_read_seq?: number;
}

/** Some of the conversations that changed. */
export interface SyncPage {
  conversations: readonly SyncEntry[];
}

/** What changed after the token `since`; without it everything. `limit` events per conversation. */
export interface SyncPayload {
  since?: string;
  limit?: number;
}

/** Somebody is, or is no longer, typing. */
export interface Typing {
  conversation_id: string;
  user_id: string;
  active: boolean;
}

/** The sender is, or is no longer, typing. */
export interface TypingPayload {
  /** [A-Za-z0-9_-]{1,64} */
  conversation_id: string;
  active: boolean;
}
