import "./styles/index.css"; // first: it says which layers win
import { render } from "preact";
import { App } from "./app";
import { installDialogs, preloadDialogs } from "./dialogs";
import { initLanguage, t } from "./i18n";
import { watchAttention } from "./state/attention";
import { attachClient, watchVisibility } from "./state/client";
import { makeClient } from "./state/make-client";
import { watchPrefs } from "./state/prefs";
import { watchRoute } from "./state/route";
import { startSession } from "./state/session";
import { preloadText } from "./text";
import { toast } from "./ui/toast";
import { startWorker } from "./worker";

async function start(): Promise<void> {
  watchPrefs();
  installDialogs();
  watchRoute();
  attachClient(await makeClient());
  watchVisibility();
  await Promise.all([startSession(), initLanguage()]);
  watchAttention();
  const root = document.getElementById("app");
  if (root) render(<App />, root);
  whenIdle(() => {
    void preloadText();
    preloadDialogs();
    void startWorker((apply) =>
      toast(t("shell.update_ready"), { action: { label: t("shell.reload"), run: apply } }),
    );
  });
}

/** Once the first view is there and the browser has nothing better to do. */
function whenIdle(act: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(act, { timeout: 5_000 });
  else setTimeout(act, 2_000);
}

void start();
