import type { Message, Pending } from "@pingme/sdk";
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { formatFull, formatTime, t } from "../i18n";
import { client } from "../state/client";
import { conversation, me, nameOf, user } from "../state/store";
import { renderText, summarize } from "../text";
import { Avatar, Icon, IconButton, openDialog } from "../ui";
import { openMessageMenu, openReactions, startReply } from "./actions";
import type { Chat } from "./chat";
import { metaWidth } from "./meta";
import { FailedOp } from "./pending-row";
import { Reactions } from "./reactions";
import { useTabIndex } from "./tab-stop";

interface RowProps {
  readonly chat: Chat;
  readonly rowKey: string;
  readonly message: Message;
  readonly first: boolean;
  readonly mine: boolean;
  readonly op: Pending | undefined;
  readonly counts: { delivered: number; read: number } | undefined;
}

/** A message. */
export function MessageRow({ chat, rowKey, message, first, mine, op, counts }: RowProps): JSX.Element {
  const { seq } = message;
  const hovered = useComputed(() => chat.hovered.value === seq).value;
  const lit = useComputed(() => chat.lit.value === seq).value;
  const group = useComputed(() => conversation(chat.id)?.info.type === "group").value;
  const name = mine ? t("common.you") : nameOf(message.sender_id) || t("common.unknown_user");
  const time = formatTime(message.server_ts);
  const edited = message.edited_seq !== undefined && !message.recalled;
  const parts = ["row", mine ? "row-mine" : "row-theirs"];
  if (first) parts.push("row-first");
  if (lit) parts.push("row-lit");
  if (group && !mine) parts.push("row-faced");
  return (
    <article
      class={parts.join(" ")}
      data-seq={seq}
      data-key={rowKey}
      tabIndex={useTabIndex(chat, rowKey)}
      aria-label={t("chat.message_from", { name, when: formatFull(message.server_ts) })}
    >
      {group && !mine && first && (
        <button
          type="button"
          class="row-face"
          tabIndex={-1}
          aria-label={name}
          onClick={() => openDialog("person", { user_id: message.sender_id })}
        >
          <Avatar id={message.sender_id} name={name} size="s" />
        </button>
      )}
      <div class="bubble-side">
        <div
          class={isMentioned(message, mine) ? "bubble bubble-mention" : "bubble"}
          style={{
            "--meta": metaWidth(edited ? `${t("chat.edited")} ${time}` : time, {
              mine,
              counted: counts !== undefined,
            }),
          }}
        >
          {group && !mine && first && (
            <bdi class="bubble-name" data-hue={message.sender_id}>
              {name}
            </bdi>
          )}
          {message.reply_to !== undefined && !message.recalled && (
            <Quote chat={chat} seq={message.reply_to} />
          )}
          <Body message={message} mine={mine} />
          <span class="bubble-meta">
            {edited && <span>{t("chat.edited")}</span>}
            <time dateTime={new Date(message.server_ts).toISOString()} title={formatFull(message.server_ts)}>
              {time}
            </time>
            {mine && <Ticks chat={chat} seq={seq} waiting={op?.state === "waiting"} counts={counts} />}
          </span>
        </div>
        {!message.recalled && message.reactions && message.reactions.length > 0 && (
          <Reactions chat={chat} message={message} />
        )}
        {op?.state === "failed" && <FailedOp op={op} />}
      </div>
      {hovered && <Hoverbar chat={chat} message={message} />}
    </article>
  );
}

function Body({ message, mine }: { message: Message; mine: boolean }): JSX.Element {
  if (message.recalled) {
    return <p class="bubble-recalled">{mine ? t("chat.recalled_you") : t("chat.recalled")}</p>;
  }
  return renderText(message.content, {
    me: me()?.user_id,
    mentions: message.mentions,
    user,
    onMention: (userId) => openDialog("person", { user_id: userId }),
  });
}

/** The beginning of the message that this one answers; a click goes there. */
function Quote({ chat, seq }: { chat: Chat; seq: number }): JSX.Element {
  const message = useComputed(() => chat.quoted(seq)).value;
  const name = message && (message.sender_id === me()?.user_id ? t("common.you") : nameOf(message.sender_id));
  return (
    <button type="button" class="quote" onClick={() => void chat.goTo(seq)}>
      {message ? (
        <>
          <bdi class="quote-name">{name}</bdi>
          <span class="quote-text truncate" dir="auto">
            {message.recalled ? t("chat.recalled") : summarize(message.content)}
          </span>
        </>
      ) : (
        <span class="quote-text truncate">
          {message === null ? t("chat.replied_missing") : t("common.loading")}
        </span>
      )}
    </button>
  );
}

interface TicksProps {
  readonly chat: Chat;
  readonly seq: number;
  readonly waiting: boolean;
  readonly counts: { delivered: number; read: number } | undefined;
}

/** How far one's own message has come: waiting, sent, delivered, read; in groups how many read it. */
function Ticks({ chat, seq, waiting, counts }: TicksProps): JSX.Element {
  const state = useComputed(() => {
    const one = conversation(chat.id);
    if (!one || one.info.type === "group") return "sent";
    if (one.peer_read_seq >= seq) return "read";
    return one.peer_delivered_seq >= seq ? "delivered" : "sent";
  }).value;
  if (waiting) return <Tick icon="clock" label={t("chat.state_waiting")} />;
  if (counts && counts.read > 0) {
    return (
      <>
        <Tick icon="double" read label={t("chat.state_read_by", { count: counts.read })} />
        <span class="ticks-count" aria-hidden="true">
          {counts.read}
        </span>
      </>
    );
  }
  if (counts && counts.delivered > 0) {
    return <Tick icon="double" label={t("chat.state_delivered_to", { count: counts.delivered })} />;
  }
  if (state === "sent") return <Tick icon="sent" label={t("chat.state_sent")} />;
  return <Tick icon="double" read={state === "read"} label={t(`chat.state_${state}`)} />;
}

function Tick({
  icon,
  label,
  read = false,
}: {
  icon: "clock" | "sent" | "double";
  label: string;
  read?: boolean;
}) {
  return (
    <span class={read ? "ticks ticks-read" : "ticks"} title={label}>
      <Icon name={icon} size={icon === "double" ? 15 : 13} />
      <span class="visually-hidden">{label}</span>
    </span>
  );
}

/** What one can do with the message under the pointer. Keys and long presses have their own ways. */
function Hoverbar({ chat, message }: { chat: Chat; message: Message }): JSX.Element {
  return (
    <div class="hoverbar">
      {!message.recalled && (
        <>
          <IconButton
            icon="smile"
            size={18}
            label={t("chat.react")}
            tabIndex={-1}
            onClick={(event) => openReactions(chat, message, event.currentTarget)}
          />
          <IconButton
            icon="reply"
            size={18}
            label={t("chat.reply")}
            tabIndex={-1}
            onClick={() => startReply(chat, message)}
          />
        </>
      )}
      <IconButton
        icon="more"
        size={18}
        label={t("chat.actions")}
        tabIndex={-1}
        onClick={(event) => openMessageMenu(chat, message, event.currentTarget)}
      />
    </div>
  );
}

function isMentioned({ mentions }: Message, mine: boolean): boolean {
  const my = client().me?.user_id;
  return !mine && (mentions?.some((id) => id === my || id === "all") ?? false);
}
