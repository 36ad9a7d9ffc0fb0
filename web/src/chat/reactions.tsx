import type { Message } from "@pingme/sdk";
import type { JSX } from "preact";
import { formatNames, formatNumber, t } from "../i18n";
import { me, nameOf } from "../state/store";
import { toggleReaction } from "./actions";
import type { Chat } from "./chat";

const NAMED = 8; // people whose names a tip shows

/** The emoji on a message; a press adds one's own, or takes it away. */
export function Reactions({ chat, message }: { chat: Chat; message: Message }): JSX.Element {
  const my = me()?.user_id ?? "";
  return (
    <ul class="reactions">
      {message.reactions?.map(({ emoji, count, user_ids }) => {
        const mine = user_ids.includes(my);
        const names = user_ids.slice(0, NAMED).map((id) => (id === my ? t("common.you") : nameOf(id)));
        return (
          <li key={emoji}>
            <button
              type="button"
              class="reaction"
              aria-pressed={mine}
              aria-label={`${t("chat.reacted", { emoji, count })}. ${t(mine ? "chat.reaction_remove" : "chat.reaction_add", { emoji })}`}
              title={formatNames(names.filter((name) => name !== ""))}
              onClick={() => toggleReaction(chat, message, emoji)}
            >
              <span class="reaction-emoji">{emoji}</span>
              {count > 1 && <span>{formatNumber(count)}</span>}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
