import type { Conversation, Message } from "@pingme/sdk";
import { t } from "../i18n";
import { hrefOf, navigate } from "../state/route";
import { nameOf, titleOf } from "../state/store";
import { summarize } from "../text";

const open = new Map<string, Notification>();

/** Shows a notification of a message; a later one of the same conversation takes its place. */
export function showNotification(message: Message, conversation: Conversation, preview: boolean): void {
  const { id, info } = conversation;
  const name = nameOf(message.sender_id) || t("common.unknown_user");
  const group = info.type === "group" ? titleOf(conversation) : undefined;
  const title = group === undefined ? name : t("notify.in", { name, group });
  const options: NotificationOptions & { renotify: boolean } = {
    body: preview ? summarize(message.content) : t("notify.message"),
    tag: id,
    renotify: true,
    lang: document.documentElement.lang,
    dir: "auto",
    icon: "/icon-192.png",
    data: { href: hrefOf({ view: "conversation", id }) },
    silent: true, // the page has its own sound, for those who chose it
  };
  try {
    const shown = new Notification(title, options);
    open.set(id, shown);
    shown.onclick = () => {
      window.focus();
      navigate({ view: "conversation", id });
      shown.close();
    };
    shown.onclose = () => {
      if (open.get(id) === shown) open.delete(id);
    };
  } catch {
    // Phones show notifications of service workers only; a click there opens `data.href` (src/sw.ts).
    void navigator.serviceWorker
      ?.getRegistration()
      .then((worker) => worker?.showNotification(title, options))
      .catch(() => undefined);
  }
}

/** Takes away what tells of a conversation that was read meanwhile. */
export function closeNotification(conversationId: string): void {
  open.get(conversationId)?.close();
}

/** The conversations of which a notification is open. */
export function notified(): readonly string[] {
  return [...open.keys()];
}
