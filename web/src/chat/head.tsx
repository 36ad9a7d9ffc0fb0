import type { JSX } from "preact";
import { formatAgo, t } from "../i18n";
import { openConversationMenu } from "../list/conversation-menu";
import { goHome } from "../state/route";
import { nameOf, presence, titleOf, typingIn } from "../state/store";
import { summarize } from "../text";
import { Avatar, Icon, IconButton, openDialog } from "../ui";
import type { Chat } from "./chat";

/** With whom one is talking, and what of them is known now. */
export function ChatHead({ chat }: { chat: Chat }): JSX.Element {
  const one = chat.now;
  const peer = one?.info.peer_id ?? chat.peerId;
  const title = one ? titleOf(one) : nameOf(peer ?? "");
  const group = one?.info.type === "group";
  const details = (): void => {
    if (one) openDialog("details", { conversation_id: one.id });
    else if (peer) openDialog("person", { user_id: peer });
  };
  return (
    <>
      <header class="bar chat-head">
        <IconButton class="chat-back" icon="back" label={t("common.back")} onClick={goHome} />
        <button type="button" class="chat-who" title={t("chat.info")} onClick={details}>
          <Avatar id={group ? chat.id : (peer ?? chat.id)} name={title} group={group} />
          <span class="chat-who-text">
            <h2 class="truncate">
              <bdi>{title}</bdi>
            </h2>
            <span class="chat-sub truncate">
              <Sub chat={chat} peer={peer} />
            </span>
          </span>
        </button>
        {one && (
          <>
            <IconButton
              class="chat-date"
              icon="calendar"
              label={t("chat.jump_to_date")}
              onClick={() => openDialog("jumpToDate", { conversation_id: one.id })}
            />
            <IconButton
              icon="more"
              label={t("common.more")}
              aria-haspopup="menu"
              onClick={(event) => openConversationMenu(one.id, event.currentTarget, { open: true })}
            />
          </>
        )}
      </header>
      {one?.info.announcement && (
        <button type="button" class="chat-announcement" onClick={details}>
          <Icon name="pin" size={16} />
          <span class="visually-hidden">{t("chat.announcement")}: </span>
          <span class="truncate" dir="auto">
            {summarize(one.info.announcement)}
          </span>
        </button>
      )}
    </>
  );
}

/** Who is typing; else where the other one is, or how many there are. */
function Sub({ chat, peer }: { chat: Chat; peer: string | undefined }): JSX.Element | null {
  const one = chat.now;
  const typing = typingIn(chat.id);
  if (typing.length > 0)
    return <span class="chat-typing">{typingText(typing, one?.info.type === "group")}</span>;
  if (one?.info.type === "group") {
    const { member_count: count } = one.info;
    return count === undefined ? null : <span>{t("common.members", { count })}</span>;
  }
  const where = peer === undefined ? undefined : presence(peer);
  if (!where || where.status === "unknown") return null;
  if (where.status !== "offline") return <>{t(`presence.${where.status}`)}</>;
  if (where.last_seen_ts === undefined) return <>{t("presence.offline")}</>;
  return <>{t("presence.last_seen", { when: formatAgo(where.last_seen_ts) })}</>;
}

function typingText(ids: readonly string[], group: boolean): string {
  if (!group) return t("list.typing");
  const [first, second] = ids.map(nameOf);
  if (ids.length === 1 && first) return t("chat.typing_one", { name: first });
  if (ids.length === 2 && first && second) return t("chat.typing_two", { first, second });
  return t("chat.typing_many", { count: ids.length });
}
