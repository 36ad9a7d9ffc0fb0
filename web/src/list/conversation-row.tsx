import type { Conversation } from "@pingme/sdk";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { formatFull, formatListTime, formatNumber, t } from "../i18n";
import { hrefOf } from "../state/route";
import { conversation, me, pending, presence, titleOf } from "../state/store";
import { Avatar, Badge, Icon } from "../ui";
import { useLongPress } from "../ui/long-press";
import { openConversationMenu } from "./conversation-menu";
import { LastLine } from "./last-line";

interface RowProps {
  readonly id: string;
  readonly place: number;
  readonly of: number;
  readonly open: boolean;
  /** Tab stops here: one row of the list. */
  readonly inTab: boolean;
  readonly onFocus: (place: number) => void;
}

/** A conversation in the list. It is drawn anew when this conversation changes, whatever the others do. */
export function ConversationRow({ id, place, of, open, inTab, onFocus }: RowProps): JSX.Element | null {
  const link = useRef<HTMLAnchorElement>(null);
  const press = useLongPress((x, y) => openConversationMenu(id, { x, y }));
  const one = conversation(id);
  if (!one) return null;
  const title = titleOf(one);
  const group = one.info.type === "group";
  const { peer_id } = one.info;
  return (
    <li
      class="conv"
      style={{ transform: `translateY(${place * 100}%)` }}
      aria-posinset={place + 1}
      aria-setsize={of}
    >
      <a
        ref={link}
        class="conv-link"
        href={hrefOf({ view: "conversation", id })}
        tabIndex={inTab ? 0 : -1}
        {...(open ? { "aria-current": "page" as const } : {})}
        onFocus={() => onFocus(place)}
        onContextMenu={(event) => {
          event.preventDefault();
          // The key for menus comes without a place.
          const at =
            event.clientX === 0 && event.clientY === 0
              ? event.currentTarget
              : { x: event.clientX, y: event.clientY };
          openConversationMenu(id, at);
        }}
        {...press}
      >
        <Avatar
          id={group ? id : (peer_id ?? id)}
          name={title}
          group={group}
          presence={peer_id === undefined ? undefined : presence(peer_id)?.status}
        />
        <span class="conv-text">
          <span class="conv-line">
            <bdi class="conv-name truncate">{title}</bdi>
            {one.info.muted && <Mark icon="mute" label={t("list.muted")} />}
            <span class="grow" />
            {one.newest_ts > 0 && (
              <time
                class="conv-time"
                dateTime={new Date(one.newest_ts).toISOString()}
                title={formatFull(one.newest_ts)}
              >
                {formatListTime(one.newest_ts)}
              </time>
            )}
          </span>
          <span class="conv-line">
            <LastLine one={one} open={open} />
            <Marks one={one} />
          </span>
        </span>
      </a>
    </li>
  );
}

/** What stands at the end of a row: failed, mentioned, unread, pinned. */
function Marks({ one }: { one: Conversation }): JSX.Element {
  const { unread, info, last_message: last } = one;
  const my = me()?.user_id ?? "";
  const mentioned =
    unread > 0 &&
    last !== undefined &&
    last.seq > one.read_seq &&
    last.mentions?.some((id) => id === my || id === "all");
  const failed = pending(one.id).some(({ state }) => state === "failed");
  return (
    <span class="conv-marks">
      {failed && (
        <span class="conv-failed">
          <Icon name="alert" size={18} />
          <span class="visually-hidden">{t("chat.state_failed")}</span>
        </span>
      )}
      {mentioned && (
        <Badge label={t("list.mentioned")}>
          <Icon name="at" size={14} />
        </Badge>
      )}
      {unread > 0 && (
        <Badge kind={info.muted ? "quiet" : "accent"} label={t("list.unread", { count: unread })}>
          {unread > 999 ? t("list.unread_many") : formatNumber(unread)}
        </Badge>
      )}
      {info.pinned && unread === 0 && <Mark icon="pin" label={t("list.pinned")} />}
    </span>
  );
}

function Mark({ icon, label }: { icon: "mute" | "pin"; label: string }): JSX.Element {
  return (
    <span class="conv-mark">
      <Icon name={icon} size={15} />
      <span class="visually-hidden">{label}</span>
    </span>
  );
}
