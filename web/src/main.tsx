import { render } from "preact";
import { App } from "./app";
import { initLanguage, t } from "./i18n";
import { watchAttention } from "./state/attention";
import { attachClient, watchVisibility } from "./state/client";
import { makeClient } from "./state/make-client";
import { watchPrefs } from "./state/prefs";
import { watchRoute } from "./state/route";
import { startSession } from "./state/session";
import "./styles/index.css";
import { toast } from "./ui/toast";
import { startWorker } from "./worker";

async function start(): Promise<void> {
  watchPrefs();
  watchRoute();
  attachClient(await makeClient());
  watchVisibility();
  await Promise.all([startSession(), initLanguage()]);
  watchAttention();
  const root = document.getElementById("app");
  if (root) render(<App />, root);
  // After the first drawing: fetching the files of the build must not hold it up.
  await startWorker((apply) =>
    toast(t("shell.update_ready"), { action: { label: t("shell.reload"), run: apply } }),
  );
}

void start();
