/** Bodies and answers of the HTTP API (`/openapi.json`). Written by scripts/write_sdk_types.py: change the server's structs instead. */

/** One's own position: everything up to `seq`. */
export interface AckBody {
  conversation_id: string;
  seq: number;
  ack_type: "delivered" | "read";
}

/** What was stored; `duplicate` when this msg_id had stored it before. */
export interface AckData {
  msg_id: string;
  conversation_id: string;
  seq: number;
  /** Unix milliseconds. */
  server_ts: number;
  duplicate: boolean;
}

/** A new group; its creator is the owner and need not be among the members. */
export interface CreateGroupBody {
  /** 1 to 100 characters. */
  name: string;
  member_ids?: readonly string[];
  history_policy?: "from_join" | "full";
  join_policy?: "invite" | "open";
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** One's own sessions, the newest login first. */
export interface DeviceList {
  items: readonly DeviceView[];
}

/** A login session. */
export interface DeviceView {
  device_id: string;
  name: string;
  /** When it logged in, Unix milliseconds. */
  created_ts: number;
  /** When it last refreshed its tokens, Unix milliseconds. */
  refreshed_ts: number;
  /** When it ends without a refresh, Unix milliseconds. */
  expires_ts: number;
  /** True for the one that asks. */
  current: boolean;
}

/** New content for one's own message. */
export interface EditBody {
  /** Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice. */
  msg_id: string;
  conversation_id: string;
  seq: number;
  /** At most `websocket.max_message_size` bytes of UTF-8 (40006 beyond). */
  content: string;
  /** Of `auth_ok`: the store that the seq is of. */
  epoch?: string;
}

/** Nothing to say but that it was done. */
export interface Empty {
}

/** What a client needs to decide what to do. */
export interface ErrorData {
  /** True when the same request may succeed later. */
  retryable: boolean;
  /** How long to wait, when that is known. */
  retry_after_ms?: number;
  /** `refused`: not done, and will not be; `unknown`: nobody can say yet. */
  outcome: string;
}

/** An answer that is not a success. */
export interface ErrorEnvelope {
  code: number;
  message: string;
  data: ErrorData;
  request_id: string;
}

/** A group to join or leave. */
export interface GroupBody {
  group_id: string;
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** One group. */
export interface GroupData {
  group: GroupView;
}

/** A page of groups; without ``next_cursor`` it is the last one. */
export interface GroupList {
  items: readonly GroupView[];
  next_cursor?: string;
}

/** A group as one of its members sees it. */
export interface GroupView {
  group_id: string;
  name: string;
  announcement?: string;
  avatar?: string;
  /** What members see who join from now on: `from_join` or `full`. */
  history_policy: string;
  /** `invite` or `open`. */
  join_policy: string;
  member_count: number;
  /** One's own. */
  role: string;
  dissolved?: boolean;
  /** Unix milliseconds. */
  created_ts: number;
}

/** Who comes in, and on which device. */
export interface LoginBody {
  username: string;
  password: string;
  /** Of an earlier login on this device; made when absent. */
  device_id?: string;
  /** For the list of devices, at most 64 characters. */
  device_name?: string;
}

/** Tokens of a session. */
export interface LoginData {
  /** Access token, for Authorization: Bearer and the `auth` frame. */
  token: string;
  /** Seconds for which `token` is good. */
  expires_in: number;
  /** Good for one exchange; the answer brings the next one. */
  refresh_token: string;
  /** Send it with the next login on this device. */
  device_id: string;
  user: OwnUser;
}

/** A page of members; without ``next_cursor`` it is the last one. */
export interface MemberList {
  items: readonly NamedMemberView[];
  next_cursor?: string;
}

/** A member. */
export interface MemberView {
  user_id: string;
  /** `owner`, `admin` or `member`. */
  role: string;
  /** The event that made this membership. */
  joined_seq: number;
}

/** Users to invite. */
export interface MembersBody {
  user_ids: readonly string[];
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** A member, and how others see the account. */
export interface NamedMemberView {
  user_id: string;
  /** `owner`, `admin` or `member`. */
  role: string;
  /** The event that made this membership. */
  joined_seq: number;
  username: string;
  /** The username where the user has none. */
  nickname: string;
  /** Address of a picture, or empty. */
  avatar: string;
}

/** The group that was created, and where its first event stands. */
export interface NewGroupData {
  msg_id: string;
  conversation_id: string;
  seq: number;
  /** Unix milliseconds. */
  server_ts: number;
  duplicate: boolean;
  group: NewGroupView;
}

/** A group that was just created, with its first members. */
export interface NewGroupView {
  group_id: string;
  name: string;
  announcement?: string;
  avatar?: string;
  /** What members see who join from now on: `from_join` or `full`. */
  history_policy: string;
  /** `invite` or `open`. */
  join_policy: string;
  member_count: number;
  /** One's own. */
  role: string;
  dissolved?: boolean;
  /** Unix milliseconds. */
  created_ts: number;
  members: readonly MemberView[];
}

/** A user as they see themselves. */
export interface OwnUser {
  user_id: string;
  username: string;
  /** The username where the user has none. */
  nickname: string;
  /** Address of a picture, or empty. */
  avatar: string;
  email: string;
  /** Unix milliseconds. */
  created_ts: number;
}

/** The password as it is and as it shall be. */
export interface PasswordBody {
  old_password: string;
  /** 8 to 128 characters. */
  new_password: string;
}

/** Whose presence is asked for. */
export interface PresenceBody {
  user_ids: readonly string[];
}

/** The presence of some users; without ``next_cursor`` there are no more. */
export interface PresenceList {
  items: readonly PresenceView[];
  next_cursor?: string;
}

/** Where a user is. */
export interface PresenceView {
  user_id: string;
  /** `online`, `away`, `offline` or `unknown`. */
  status: string;
  /** Of a user who is offline, Unix milliseconds. */
  last_seen_ts?: number;
}

/** What shall change; absent fields stay, empty ones are taken away. */
export interface ProfileBody {
  /** At most 64 characters. */
  nickname?: string;
  /** At most 254 characters. */
  email?: string;
  /** https://, http:// or a path; at most 512 characters. */
  avatar?: string;
  /** Chosen by the client: a repeat with it does nothing twice. */
  msg_id?: string;
}

/** A user as others see them. */
export interface PublicUser {
  user_id: string;
  username: string;
  /** The username where the user has none. */
  nickname: string;
  /** Address of a picture, or empty. */
  avatar: string;
}

/** Somebody's account. */
export interface PublicUserData {
  user: PublicUser;
}

/** An emoji on a message. */
export interface ReactBody {
  /** Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice. */
  msg_id: string;
  conversation_id: string;
  seq: number;
  emoji: string;
  remove?: boolean;
  /** Of `auth_ok`: the store that the seq is of. */
  epoch?: string;
}

/** A message that shall be withdrawn. */
export interface RecallBody {
  /** Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice. */
  msg_id: string;
  conversation_id: string;
  seq: number;
  /** Of `auth_ok`: the store that the seq is of. */
  epoch?: string;
}

/** Who got and who read an event: present members besides its sender, in the order of joining. */
export interface ReceiptsData {
  conversation_id: string;
  seq: number;
  /** User ids; those who read it are among them. */
  delivered: readonly string[];
  /** User ids. */
  read: readonly string[];
}

/** The refresh token of the last login or refresh. */
export interface RefreshBody {
  refresh_token: string;
}

/** A new account. */
export interface RegisterBody {
  /** 3 to 32 letters, digits, `_`, `.` or `-` of one script. */
  username: string;
  /** 8 to 128 characters. */
  password: string;
  /** Not verified. */
  email?: string;
  /** At most 64 characters. */
  nickname?: string;
}

/** A member's new role; `owner` hands the group over. */
export interface RoleBody {
  role: "owner" | "admin" | "member";
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** A message to one of `conversation_id`, `to_user_id` and `group_id`. */
export interface SendBody {
  /** Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice. */
  msg_id: string;
  conversation_id?: string;
  to_user_id?: string;
  group_id?: string;
  /** At most `websocket.max_message_size` bytes of UTF-8 (40006 beyond). */
  content: string;
  content_type?: string;
  client_ts?: number;
  /** A seq of the same conversation. */
  reply_to?: number;
  /** User ids, or `all` by admins. */
  mentions?: readonly string[];
  /** Of `auth_ok`: the store that the seq is of. */
  epoch?: string;
}

/** What shall change; absent fields stay. */
export interface SettingsBody {
  muted?: boolean;
  pinned?: boolean;
  /** At most 8192 bytes of UTF-8 (40006); empty takes it away. */
  draft?: string;
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** What shall change; absent fields stay. */
export interface UpdateGroupBody {
  /** 1 to 100 characters. */
  name?: string;
  announcement?: string;
  avatar?: string;
  join_policy?: "invite" | "open";
  /** For those who join from now on. */
  history_policy?: "from_join" | "full";
  /** As for messages; made by the server when absent, and then a repeat is a new one. */
  msg_id?: string;
}

/** One's own account. */
export interface UserData {
  user: OwnUser;
}

/** A page of users; without ``next_cursor`` it is the last one. */
export interface UserList {
  items: readonly PublicUser[];
  next_cursor?: string;
}
