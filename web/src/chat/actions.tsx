import type { Message, Sending } from "@pingme/sdk";
import { PingMeError } from "@pingme/sdk";
import type { JSX } from "preact";
import { openEmojiPicker, QuickReactions } from "../emoji";
import { t } from "../i18n";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { type Anchor, closeMenu, copy, type MenuItem, openDialog, openMenu, toast } from "../ui";
import type { Chat } from "./chat";

const DAY_MS = 24 * 3_600_000; // docs/protocol.md: how long one's own messages may be changed

/** What one can do with a message. */
export function openMessageMenu(chat: Chat, message: Message, anchor: Anchor): void {
  if (message.recalled) return;
  openMenu({
    anchor,
    label: t("chat.actions"),
    head: canWrite(chat) && <QuickRow chat={chat} message={message} anchor={anchor} />,
    items: itemsFor(chat, message),
  });
}

/** The row of quick reactions alone, and the way to all of them. */
export function openReactions(chat: Chat, message: Message, anchor: Anchor): void {
  openMenu({
    anchor,
    label: t("chat.react"),
    head: <QuickRow chat={chat} message={message} anchor={anchor} />,
    items: [],
  });
}

function QuickRow({ chat, message, anchor }: { chat: Chat; message: Message; anchor: Anchor }): JSX.Element {
  const my = client().me?.user_id ?? "";
  const mine =
    message.reactions?.filter(({ user_ids }) => user_ids.includes(my)).map(({ emoji }) => emoji) ?? [];
  return (
    <QuickReactions
      mine={mine}
      onPick={(emoji) => {
        closeMenu();
        toggleReaction(chat, message, emoji);
      }}
      onMore={() => {
        closeMenu();
        openEmojiPicker({ anchor, onPick: (emoji) => toggleReaction(chat, message, emoji) });
      }}
    />
  );
}

function itemsFor(chat: Chat, message: Message): MenuItem[] {
  const mine = message.sender_id === client().me?.user_id;
  const fresh = Date.now() - message.server_ts < DAY_MS;
  const role = chat.now?.info.role;
  const writes = canWrite(chat);
  const items: (MenuItem | false)[] = [
    writes && { label: t("chat.reply"), icon: "reply", onSelect: () => startReply(chat, message) },
    { label: t("chat.copy_text"), icon: "copy", onSelect: () => copyText(message) },
    writes &&
      mine &&
      fresh && { label: t("chat.edit"), icon: "edit", onSelect: () => startEdit(chat, message) },
    chat.isGroup && {
      label: t("chat.who_read"),
      icon: "eye",
      onSelect: () => openDialog("readers", { conversation_id: chat.id, seq: message.seq }),
    },
    writes &&
      ((mine && fresh) || role === "owner" || role === "admin") && {
        label: t("chat.recall"),
        icon: "recall",
        danger: true,
        onSelect: () => askRecall(chat, message),
      },
  ];
  return items.filter((item) => item !== false);
}

/** True where this user may write. */
export function canWrite(chat: Chat): boolean {
  const info = chat.now?.info;
  return !info || !(info.former || info.dissolved);
}

export function startReply(chat: Chat, message: Message): void {
  if (canWrite(chat) && !message.recalled) chat.mode.value = { kind: "reply", to: message };
}

export function startEdit(chat: Chat, message: Message): void {
  if (message.sender_id !== client().me?.user_id || message.recalled || !canWrite(chat)) return;
  chat.mode.value = { kind: "edit", message };
}

/** The newest message of this user that can still be changed. */
export function lastOwn(chat: Chat): Message | undefined {
  const my = client().me?.user_id;
  const found = chat.timeline
    .peek()
    ?.items.findLast((item) => item.kind === "message" && item.sender_id === my);
  return found?.kind === "message" && !found.recalled && Date.now() - found.server_ts < DAY_MS
    ? found
    : undefined;
}

export function toggleReaction(chat: Chat, { seq, reactions }: Message, emoji: string): void {
  const my = client().me?.user_id ?? "";
  const remove = reactions?.some((each) => each.emoji === emoji && each.user_ids.includes(my)) ?? false;
  tellFailure(client().react({ conversation_id: chat.id, seq, emoji, ...(remove ? { remove } : {}) }));
}

export async function copyText({ content }: Message): Promise<void> {
  if (await copy(content)) toast(t("common.copied"), { kind: "good" });
}

function askRecall(chat: Chat, { seq }: Message): void {
  openDialog("confirm", {
    title: t("chat.recall"),
    text: t("chat.recall_confirm"),
    action: t("chat.recall"),
    danger: true,
    onConfirm: () => tellFailure(client().recall({ conversation_id: chat.id, seq })),
  });
}

/** What is refused stands at its message; what cannot stand there is told in passing. */
function tellFailure(sending: Sending): void {
  sending.done.catch((error: unknown) => {
    if (error instanceof PingMeError && error.kind === "refused") toast(explain(error), { kind: "error" });
  });
}
