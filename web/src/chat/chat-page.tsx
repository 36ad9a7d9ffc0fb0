import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { t } from "../i18n";
import { shownInChat } from "../shell/watch";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { navigate, type Route, route } from "../state/route";
import { conversation, status } from "../state/store";
import { Button, EmptyState, Spinner } from "../ui";
import { Chat } from "./chat";
import "./chat.css";
import { Composer } from "./composer";
import { ChatHead } from "./head";
import { MessageList } from "./message-list";
import { noTimeline } from "./no-timeline";

/** The conversation of the address, or the one that would begin with a user. */
export function ChatPage(): JSX.Element | null {
  const now = route.value;
  if (now.view === "conversation") return <OpenChat key={now.id} id={now.id} at={now} peerId={undefined} />;
  if (now.view === "user") return <NewChat key={now.userId} userId={now.userId} />;
  return null;
}

/** A private chat that may not have a message yet. When it has one, the address becomes the conversation's. */
function NewChat({ userId }: { userId: string }): JSX.Element | null {
  const id = useMemo(() => signal<string | null>(null), []);
  useEffect(() => {
    void client()
      .conversationWith(userId)
      .then((found) => {
        id.value = found;
      });
  }, [userId]);
  const known = id.value;
  const exists = known !== null && conversation(known) !== undefined;
  useEffect(() => {
    if (exists) navigate({ view: "conversation", id: known }, { replace: true });
  }, [exists]);
  return known === null || exists ? null : <OpenChat key={known} id={known} at={undefined} peerId={userId} />;
}

interface OpenProps {
  readonly id: string;
  /** The address, anew each time that somebody goes there. */
  readonly at: (Route & { readonly view: "conversation" }) | undefined;
  readonly peerId: string | undefined;
}

function OpenChat({ id, at, peerId }: OpenProps): JSX.Element {
  const chat = useMemo(() => new Chat(id, peerId), [id]);
  const seq = at?.seq;
  const one = conversation(id);
  const exists = one !== undefined;
  useEffect(() => {
    if (exists) void chat.open(seq);
  }, [chat, exists]);
  useEffect(() => () => chat.close(), [chat]);
  useEffect(() => {
    if (seq !== undefined && chat.timeline.peek()) void chat.goTo(seq);
  }, [at]);
  const peer = one?.info.peer_id ?? peerId;
  useEffect(() => {
    shownInChat.value = peer === undefined ? [] : [peer];
    return () => {
      shownInChat.value = [];
    };
  }, [peer]);
  if (!exists && peerId === undefined) return <NotThere />;
  return (
    <>
      <ChatHead chat={chat} />
      <Middle chat={chat} exists={exists} />
      <Composer chat={chat} />
    </>
  );
}

function Middle({ chat, exists }: { chat: Chat; exists: boolean }): JSX.Element {
  const none = useMemo(() => noTimeline(chat.id), [chat]);
  const timeline = chat.timeline.value ?? (exists ? null : none);
  if (timeline) return <MessageList chat={chat} timeline={timeline} />;
  return (
    <div class="messages messages-waiting">
      {chat.failed.value === null ? (
        <Spinner size={28} label={t("common.loading")} />
      ) : (
        <EmptyState icon="offline" title={explain(chat.failed.value)}>
          <Button icon="refresh" onClick={() => void chat.open()}>
            {t("common.retry")}
          </Button>
        </EmptyState>
      )}
    </div>
  );
}

/** Nothing of that id: not yet, while the line is being made; else not at all. */
function NotThere(): JSX.Element {
  const { state } = status();
  if (state === "connecting" || state === "syncing") {
    return (
      <div class="messages messages-waiting">
        <Spinner size={28} label={t("common.loading")} />
      </div>
    );
  }
  return (
    <div class="messages messages-waiting">
      <EmptyState icon="search" title={t("shell.not_found")}>
        <Button onClick={() => navigate({ view: "home" }, { replace: true })}>{t("common.back")}</Button>
      </EmptyState>
    </div>
  );
}
