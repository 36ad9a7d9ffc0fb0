import type { JSX } from "preact";
import { t } from "../i18n";
import { Dialog, type DialogProps } from "../ui";
import { useLoaded } from "./parts/loaded";
import { ErrorNote } from "./parts/notes";

/** What `GET /version` answers; a server that runs from a checkout knows its commit. */
interface Version {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
}

/** What this is, which version the server has, and where to read on. */
export function About({ onClose }: DialogProps<"about">): JSX.Element {
  const { value, error, reload } = useLoaded(askVersion, []);
  return (
    <Dialog title={t("about.title")} size="s" onClose={onClose}>
      <div class="stack">
        <p>{t("about.text")}</p>
        <ErrorNote text={error} retry={() => void reload()} />
        {value && (
          <dl class="facts">
            <dt>{t("about.server")}</dt>
            <dd dir="auto">{value.name}</dd>
            <dt>{t("about.version")}</dt>
            <dd>
              {value.version}
              {value.commit !== "unknown" && <span class="soft"> ({value.commit.slice(0, 10)})</span>}
            </dd>
            <dt>{t("about.address")}</dt>
            <dd>{location.host}</dd>
          </dl>
        )}
        <ul class="about-links">
          <li>
            <a href="/docs" target="_blank" rel="noopener">
              {t("about.docs")}
            </a>
          </li>
          <li>
            <a href="/docs/ws" target="_blank" rel="noopener">
              {t("about.events")}
            </a>
          </li>
        </ul>
        <p class="small soft">{t("about.licence")}</p>
      </div>
    </Dialog>
  );
}

async function askVersion(): Promise<Version> {
  const answer = await fetch("/version", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`expected the version, got HTTP ${answer.status}`);
  const { name, version, commit } = (await answer.json()) as Version;
  return { name, version, commit };
}
