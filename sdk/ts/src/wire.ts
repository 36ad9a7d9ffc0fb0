/** The wire's own types (docs/protocol.md): names as on the wire, times in Unix milliseconds. */

/** How much of a group's past a new member may read. */
export type HistoryPolicy = "from_join" | "full";
/** Who may become a member. */
export type JoinPolicy = "invite" | "open";
export type Role = "owner" | "admin" | "member";

/** A user as others see them; the extra fields are there for oneself only. */
export interface User {
  user_id: string;
  username: string;
  /** The username where the user has none. */
  nickname: string;
  /** Address of a picture, or empty. */
  avatar: string;
  email?: string;
  created_ts?: number;
}

/** A login session. */
export interface Device {
  device_id: string;
  name: string;
  created_ts: number;
  refreshed_ts: number;
  expires_ts: number;
  current: boolean;
}

/** A group as one of its members sees it. */
export interface Group {
  group_id: string;
  name: string;
  announcement: string;
  avatar: string;
  history_policy: HistoryPolicy;
  join_policy: JoinPolicy;
  member_count: number;
  role: Role;
  dissolved: boolean;
  created_ts: number;
}

/** A member of a group; names are there when the server sends them along. */
export interface Member {
  user_id: string;
  role: Role;
  joined_seq: number;
  username?: string;
  nickname?: string;
  avatar?: string;
}

/** What a member sees of a conversation; what has its default is left out. */
export interface ConversationInfo {
  conversation_id: string;
  type: "private" | "group" | "self";
  name?: string;
  announcement?: string;
  avatar?: string;
  peer_id?: string;
  role?: Role;
  member_count?: number;
  history_policy?: HistoryPolicy;
  join_policy?: JoinPolicy;
  dissolved?: boolean;
  former?: boolean;
  from_seq?: number;
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
}

/** One emoji on a message: the first 50 who put it, and how many did. */
export interface Reaction {
  emoji: string;
  count: number;
  user_ids: readonly string[];
}

interface Entry {
  conversation_id: string;
  /** Its place in the conversation, from 1, without gaps; the only order that counts. */
  seq: number;
  sender_id: string;
  server_ts: number;
  msg_id: string;
}

/** A message, as it stands now. */
export interface Message extends Entry {
  kind: "message";
  /** Empty when recalled. */
  content: string;
  content_type: string;
  to_user_id?: string;
  client_ts?: number;
  reply_to?: number;
  mentions?: readonly string[];
  edited_seq?: number;
  recalled?: boolean;
  reactions?: readonly Reaction[];
}

/** Every other entry of a log; which fields it has depends on its kind (docs/protocol.md). */
export interface LogEvent extends Entry {
  kind:
    | "edit"
    | "recall"
    | "reaction"
    | "group_created"
    | "member_joined"
    | "member_left"
    | "member_removed"
    | "member_role"
    | "group_updated"
    | "group_dissolved"
    | "conversation_settings"
    | "profile_updated"
    | "other";
  target_seq?: number;
  content?: string;
  emoji?: string;
  remove?: boolean;
  user_id?: string;
  user_ids?: readonly string[];
  role?: Role;
  name?: string;
  announcement?: string;
  avatar?: string;
  history_policy?: HistoryPolicy;
  join_policy?: JoinPolicy;
  about?: string;
  muted?: boolean;
  pinned?: boolean;
  draft?: string;
  nickname?: string;
  email?: string;
}

/** An entry of a conversation's log. */
export type Item = Message | LogEvent;

/** Where a watched user is. */
export interface Presence {
  user_id: string;
  status: "online" | "away" | "offline" | "unknown";
  last_seen_ts?: number;
}

/** The bounds that a client should know. */
export interface Limits {
  /** Bytes of UTF-8. */
  max_message_size: number;
  sends_per_s: number;
  unanswered_sends: number;
  page_events: number;
}
