import type { LogEvent } from "@pingme/sdk";
import type { ComponentChildren, JSX } from "preact";
import { formatFull, formatNames, t, tx } from "../i18n";
import { me, nameOf } from "../state/store";
import type { Chat } from "./chat";
import { useTabIndex } from "./tab-stop";

const NAMED = 5; // of many who came at once

/** What happened to the group: who came, who left, what changed. */
export function EventLine(props: { chat: Chat; rowKey: string; event: LogEvent }): JSX.Element {
  const { chat, rowKey, event } = props;
  return (
    <div
      class="row event-line"
      data-seq={event.seq}
      data-key={rowKey}
      tabIndex={useTabIndex(chat, rowKey)}
      title={formatFull(event.server_ts)}
    >
      <span>{textOf(event)}</span>
    </div>
  );
}

function textOf(event: LogEvent): ComponentChildren {
  const name = <bdi>{called(event.sender_id)}</bdi>;
  const other = <bdi>{event.user_id === undefined ? "" : called(event.user_id)}</bdi>;
  switch (event.kind) {
    case "group_created":
      return tx("event.group_created", { name });
    case "member_joined": {
      const ids = event.user_ids ?? [];
      if (ids.length === 1 && ids[0] === event.sender_id) return tx("event.joined", { name });
      return tx("event.added", { name, others: <bdi>{listed(ids)}</bdi> });
    }
    case "member_left":
      return tx("event.left", { name });
    case "member_removed":
      return tx("event.removed", { name, others: other });
    case "member_role":
      if (event.role === "owner") return tx("event.made_owner", { name, other });
      return tx(event.role === "admin" ? "event.made_admin" : "event.made_member", { name, other });
    case "group_updated":
      if (event.name !== undefined) return tx("event.renamed", { name, group: <bdi>{event.name}</bdi> });
      return tx(event.announcement === undefined ? "event.updated" : "event.announced", { name });
    case "group_dissolved":
      return tx("event.dissolved", { name });
    default:
      return tx("event.other", { name });
  }
}

function called(id: string): string {
  return id === me()?.user_id ? t("common.you") : nameOf(id) || t("common.unknown_user");
}

function listed(ids: readonly string[]): string {
  const names = ids.slice(0, NAMED).map(called);
  const rest = ids.length - names.length;
  return formatNames(rest > 0 ? [...names, t("common.people", { count: rest })] : names);
}
