import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { ChatPage } from "../chat/chat-page";
import { t } from "../i18n";
import { Side } from "../list/side";
import { startNotify } from "../notify";
import { route } from "../state/route";
import { Button, EmptyState, openDialog } from "../ui";
import { Banner } from "./banner";
import { LiveRegion, watchNewMessages } from "./live-region";
import { watchShortcuts } from "./shortcuts";
import "./shell.css";
import { watchPresence } from "./watch";

/** The list and what is open: side by side where there is room, else one above the other. */
export function Shell(): JSX.Element {
  const { view } = route.value;
  useEffect(() => {
    const stops = [watchShortcuts(), watchPresence(), watchNewMessages(), startNotify()];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  return (
    <div class="shell" data-view={view === "home" ? "list" : "chat"}>
      <Banner />
      <nav class="shell-side" aria-label={t("shell.conversations")}>
        <Side />
      </nav>
      <main class="shell-main" id="messages" tabIndex={-1}>
        {view === "home" ? <NothingOpen /> : <ChatPage />}
      </main>
      <LiveRegion />
    </div>
  );
}

function NothingOpen(): JSX.Element {
  return (
    <div class="shell-nothing">
      <EmptyState icon="chat" title={t("shell.nothing_open")} hint={t("shell.nothing_open_hint")}>
        <Button kind="primary" icon="person_plus" onClick={() => openDialog("newChat")}>
          {t("shell.new_chat")}
        </Button>
        <Button icon="people" onClick={() => openDialog("newGroup")}>
          {t("shell.new_group")}
        </Button>
      </EmptyState>
    </div>
  );
}
