import type { JSX } from "preact";
import { t } from "../i18n";
import { nameOf, pending, titleOf } from "../state/store";
import { Avatar } from "../ui";
import type { Chat } from "./chat";

/** What stands above the first message. */
export function Beginning({ chat }: { chat: Chat }): JSX.Element {
  const one = chat.now;
  const peer = one?.info.peer_id ?? chat.peerId;
  const title = one ? titleOf(one) : nameOf(peer ?? "");
  const group = one?.info.type === "group";
  const cut = group && (one.info.from_seq ?? 1) > 1;
  const empty = !one?.last_message && pending(chat.id).length === 0;
  return (
    <div class="beginning">
      <Avatar id={group ? chat.id : (peer ?? chat.id)} name={title} size="xl" group={group} />
      <bdi class="beginning-name">{title}</bdi>
      <p class="soft">{t(empty ? "chat.empty" : cut ? "chat.beginning_group" : "chat.beginning")}</p>
    </div>
  );
}
