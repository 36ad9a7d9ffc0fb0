import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { ChatPage } from "../chat/chat-page";
import { focusMessages } from "../chat/tab-stop";
import { EmojiHost } from "../emoji";
import { t } from "../i18n";
import { Side } from "../list/side";
import { startNotify } from "../notify";
import { route } from "../state/route";
import { Button, EmptyState, openDialog } from "../ui";
import { closeDialogs } from "../ui/dialogs";
import { closeMenu, MenuHost } from "../ui/menu";
import { Banner } from "./banner";
import { LiveRegion, watchNewMessages } from "./live-region";
import { watchShortcuts } from "./shortcuts";
import "./shell.css";
import { watchPresence } from "./watch";

/** The list and what is open: side by side where there is room, else one above the other. */
export function Shell(): JSX.Element {
  const { view } = route.value;
  useEffect(() => {
    const stops = [
      watchShortcuts(),
      watchPresence(),
      watchNewMessages(),
      startNotify(),
      closeDialogs,
      closeMenu,
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  return (
    <main class="shell" data-view={view === "home" ? "list" : "chat"}>
      <h1 class="visually-hidden">{t("common.app")}</h1>
      {view !== "home" && (
        <button type="button" class="shell-skip" onClick={focusMessages}>
          {t("shell.skip")}
        </button>
      )}
      <Banner />
      <nav class="shell-side" aria-label={t("shell.conversations")}>
        <Side />
      </nav>
      <div class="shell-main">{view === "home" ? <NothingOpen /> : <ChatPage />}</div>
      <LiveRegion />
      <MenuHost />
      <EmojiHost />
    </main>
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
