import { effect } from "@preact/signals";
import { t } from "../i18n";
import { unreadTotal } from "../state/store";

const MANY = 999; // as in the list

/** Keeps the page's title, and the badge of the installed app, at the number of unread messages. */
export function followUnread(): () => void {
  return effect(() => {
    const count = unreadTotal.value;
    document.title = titleFor(count);
    // Not every browser has badges, and some only for installed apps.
    if ("setAppBadge" in navigator) void navigator.setAppBadge(count).catch(() => undefined);
  });
}

/** The title of the page with so many unread messages. */
export function titleFor(count: number): string {
  const title = t("common.app");
  if (count === 0) return title;
  return t("notify.title", { unread: count > MANY ? t("list.unread_many") : String(count), title });
}
