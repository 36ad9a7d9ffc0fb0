/**
 * The wire's types as programs see them: names as on the wire, times in Unix milliseconds.
 *
 * Derived from the generated ones, so that a change on the wire is an error here; narrower where the server says more
 * than its schema.
 */

import type * as http from "./generated/http.js";
import type * as socket from "./generated/socket.js";

/** How much of a group's past a new member may read. */
export type HistoryPolicy = NonNullable<socket.Conversation["history_policy"]>;
/** Who may become a member. */
export type JoinPolicy = NonNullable<socket.Conversation["join_policy"]>;
export type Role = NonNullable<socket.Conversation["role"]>;

type Narrow<T, By extends { [K in keyof By]: K extends keyof T ? T[K] : never }> = Omit<T, keyof By> & By;

/** A user as others see them; the extra fields are there for oneself only. */
export interface User extends http.PublicUser, Partial<Pick<http.OwnUser, "email" | "created_ts">> {}

/** A login session. */
export type Device = http.DeviceView;

/** A group as one of its members sees it. */
export type Group = Narrow<
  Required<http.GroupView>,
  { history_policy: HistoryPolicy; join_policy: JoinPolicy; role: Role }
>;

/** A member of a group. */
export type Member = Narrow<http.NamedMemberView, { role: Role }>;

/** What a member sees of a conversation; what has its default is left out. */
export type ConversationInfo = socket.Conversation;

/** One emoji on a message: the first 50 who put it, and how many did. */
export type Reaction = socket.Reaction;

/** Where a watched user is. */
export type Presence = socket.Presence;

/** The bounds that a client should know. */
export type Limits = socket.Limits;

type Some<K extends keyof socket.Item> = Pick<socket.Item, K>;
type Entry = Required<Some<"conversation_id" | "seq" | "sender_id" | "server_ts" | "msg_id">>;

/** A message, as it stands now. */
export interface Message
  extends Entry,
    Some<"to_user_id" | "client_ts" | "reply_to" | "mentions" | "edited_seq" | "recalled" | "reactions"> {
  kind: "message";
  /** Empty when recalled. */
  content: string;
  content_type: string;
}

/** Every other entry of a log; which fields it has depends on its kind (docs/protocol.md). */
export interface LogEvent
  extends Entry,
    Some<"target_seq" | "content" | "emoji" | "remove" | "user_id" | "user_ids" | "role" | "name">,
    Some<"announcement" | "avatar" | "history_policy" | "join_policy">,
    Some<"about" | "muted" | "pinned" | "draft" | "nickname" | "email"> {
  kind: Exclude<NonNullable<socket.Item["kind"]>, "message">;
}

/** An entry of a conversation's log. */
export type Item = Message | LogEvent;
