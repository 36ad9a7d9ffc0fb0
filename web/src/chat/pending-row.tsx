import type { Pending } from "@pingme/sdk";
import type { JSX } from "preact";
import { formatFull, formatTime, t } from "../i18n";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { me, user } from "../state/store";
import { renderText } from "../text";
import { Icon } from "../ui";
import type { Chat } from "./chat";
import { metaWidth } from "./meta";
import { useTabIndex } from "./tab-stop";

/** A message that the server has not confirmed yet, or has refused. */
export function PendingRow(props: {
  chat: Chat;
  rowKey: string;
  pending: Pending;
  first: boolean;
}): JSX.Element {
  const { chat, rowKey, pending, first } = props;
  const time = formatTime(pending.client_ts);
  const failed = pending.state === "failed";
  const parts = ["row", "row-mine", "row-pending"];
  if (first) parts.push("row-first");
  return (
    <article
      class={parts.join(" ")}
      data-msg={pending.msg_id}
      data-key={rowKey}
      tabIndex={useTabIndex(chat, rowKey)}
      aria-label={t("chat.message_from", { name: t("common.you"), when: formatFull(pending.client_ts) })}
    >
      <div class="bubble-side">
        <div class="bubble" style={{ "--meta": metaWidth(time, { mine: true, counted: false }) }}>
          {renderText(pending.content ?? "", { me: me()?.user_id, mentions: pending.mentions, user })}
          <span class="bubble-meta">
            <time>{time}</time>
            <span class={failed ? "ticks ticks-failed" : "ticks"}>
              <Icon name={failed ? "alert" : "clock"} size={13} />
              <span class="visually-hidden">{t(failed ? "chat.state_failed" : "chat.state_waiting")}</span>
            </span>
          </span>
        </div>
        {failed && <FailedOp op={pending} />}
      </div>
    </article>
  );
}

/** Why something was refused, and what one can do about it. */
export function FailedOp({ op }: { op: Pending }): JSX.Element {
  return (
    <div class="failed" role="alert">
      <Icon name="alert" size={16} />
      <span class="grow">{op.error ? explain(op.error) : t("chat.state_failed")}</span>
      <button type="button" class="failed-action" onClick={() => client().retry(op.msg_id)}>
        {t("common.retry")}
      </button>
      <button type="button" class="failed-action" onClick={() => void client().discard(op.msg_id)}>
        {t("chat.discard")}
      </button>
    </div>
  );
}
