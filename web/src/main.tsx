import { render } from "preact";
import { App } from "./app";
import { initLanguage } from "./i18n";
import { watchAttention } from "./state/attention";
import { attachClient, watchVisibility } from "./state/client";
import { makeClient } from "./state/make-client";
import { watchPrefs } from "./state/prefs";
import { watchRoute } from "./state/route";
import { startSession } from "./state/session";
import "./styles/index.css";

async function start(): Promise<void> {
  watchPrefs();
  watchRoute();
  attachClient(await makeClient());
  watchVisibility();
  await Promise.all([startSession(), initLanguage()]);
  watchAttention();
  const root = document.getElementById("app");
  if (root) render(<App />, root);
}

void start();
