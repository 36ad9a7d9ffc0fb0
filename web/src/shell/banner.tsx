import type { Status } from "@pingme/sdk";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { status } from "../state/store";
import { Icon, Spinner } from "../ui";

// A line that is back at once is not worth a banner that comes and goes.
const PATIENCE_MS = 700;

const now = signal(Date.now());

/** What is going on when the line to the server is not there; nothing when it is. */
export function Banner(): JSX.Element {
  const line = status();
  const waiting = line.state !== "online" && line.state !== "idle";
  useEffect(() => {
    now.value = Date.now();
    if (!waiting) return;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 250);
    return () => clearInterval(timer);
  }, [waiting]);
  return (
    <div class="banner" role="status">
      {waiting && <Line line={line} />}
    </div>
  );
}

function Line({ line }: { line: Status }): JSX.Element | null {
  const { state, reason, since_ts } = line;
  if (state === "ended") return <Ended reason={reason} />;
  if (now.value - since_ts < PATIENCE_MS) return null;
  if (state === "offline") return <Offline retryAt={line.retry_at_ts} />;
  return (
    <p class="banner-line banner-quiet">
      <Spinner size={16} />
      <span>{t(state === "syncing" ? "shell.syncing" : "shell.connecting")}</span>
    </p>
  );
}

function Offline({ retryAt }: { retryAt: number | undefined }): JSX.Element {
  const seconds = retryAt === undefined ? 0 : Math.ceil((retryAt - now.value) / 1000);
  return (
    <p class="banner-line">
      <Icon name="offline" size={18} />
      <span>
        {t("shell.offline")}
        {seconds > 0 && (
          // Read aloud each second it would be all that one hears.
          <span aria-hidden="true"> {t("shell.next_try", { count: seconds })}</span>
        )}
      </span>
      {seconds > 1 && (
        <button type="button" class="banner-action" onClick={() => client().reconnect()}>
          {t("shell.try_now")}
        </button>
      )}
    </p>
  );
}

function Ended({ reason }: { reason: Status["reason"] }): JSX.Element | null {
  if (reason !== "replaced" && reason !== "protocol") return null;
  const replaced = reason === "replaced";
  return (
    <p class="banner-line banner-bad">
      <Icon name="alert" size={18} />
      <span>{t(replaced ? "shell.ended_replaced" : "shell.ended_protocol")}</span>
      <button type="button" class="banner-action" onClick={() => location.reload()}>
        {t(replaced ? "shell.use_here" : "shell.reload")}
      </button>
    </p>
  );
}
