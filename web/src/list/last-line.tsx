import type { Conversation, Message } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../i18n";
import { draftOf } from "../state/drafts";
import { me, nameOf, pending, typingIn } from "../state/store";
import { summarize } from "../text";
import { Icon } from "../ui";

/** The second line of a row: who is typing, else what was begun, else what was said last. */
export function LastLine({ one, open }: { one: Conversation; open: boolean }): JSX.Element {
  const typing = typingIn(one.id);
  if (typing.length > 0) {
    const name = one.info.type === "group" ? nameOf(typing[0] ?? "") : "";
    return (
      <span class="conv-last conv-typing truncate">
        {name && <bdi>{name} </bdi>}
        {t("list.typing")}
      </span>
    );
  }
  const draft = draftOf(one.id);
  if (draft !== "" && !open) {
    return (
      <span class="conv-last truncate">
        <span class="conv-draft">{t("list.draft")}</span> <bdi>{summarize(draft)}</bdi>
      </span>
    );
  }
  const waiting = pending(one.id).findLast(({ kind }) => kind === "send");
  if (waiting) {
    return (
      <span class="conv-last truncate">
        <Icon name="clock" size={14} /> <bdi>{summarize(waiting.content ?? "")}</bdi>
      </span>
    );
  }
  const last = one.last_message;
  if (!last) return <span class="conv-last truncate">{t("list.no_messages")}</span>;
  return <Said last={last} one={one} />;
}

function Said({ last, one }: { last: Message; one: Conversation }): JSX.Element {
  const mine = last.sender_id === me()?.user_id;
  const name = one.info.type === "group" && !mine ? nameOf(last.sender_id) : "";
  return (
    <span class="conv-last truncate">
      {mine && one.info.type === "private" && <Sent last={last} one={one} />}
      {mine && one.info.type === "group" && `${t("list.you")} `}
      {name && (
        <span>
          <bdi>{name}</bdi>:{" "}
        </span>
      )}
      {last.recalled ? <em>{t("chat.recalled")}</em> : <bdi>{summarize(last.content)}</bdi>}
    </span>
  );
}

function Sent({ last, one }: { last: Message; one: Conversation }): JSX.Element {
  const read = one.peer_read_seq >= last.seq;
  const delivered = read || one.peer_delivered_seq >= last.seq;
  const label = t(read ? "chat.state_read" : delivered ? "chat.state_delivered" : "chat.state_sent");
  return (
    <span class={read ? "ticks ticks-read" : "ticks"}>
      <Icon name={delivered ? "double" : "sent"} size={15} />
      <span class="visually-hidden">{label}: </span>
    </span>
  );
}
