import { signal } from "@preact/signals";

/** What the browser says of notifications from this page; `missing`: it has none. */
export type Permission = NotificationPermission | "missing";

/** Its answer, as far as it is known here. */
export const permission = signal<Permission>(ask());

/**
 * Asks the person, by the browser's own question. Call it in the handler of something that they pressed: browsers
 * ignore it elsewhere, and people refuse what they did not ask for.
 */
export async function requestPermission(): Promise<Permission> {
  if (ask() === "missing") return "missing";
  permission.value = await Notification.requestPermission();
  return permission.value;
}

function ask(): Permission {
  return "Notification" in globalThis ? Notification.permission : "missing";
}
