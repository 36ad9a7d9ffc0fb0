import { signal } from "@preact/signals";

/**
 * What is open. It stands behind the `#` of the address, so that any server and any folder will do, and so that a
 * reload, a bookmark and the back button find it.
 */
export type Route =
  | { readonly view: "home" }
  | { readonly view: "conversation"; readonly id: string; readonly seq?: number }
  /** A private chat that has no message, and so no conversation, yet. */
  | { readonly view: "user"; readonly userId: string };

const ID = "([A-Za-z0-9_-]{1,64})";
const CONVERSATION = new RegExp(`^#/c/${ID}(?:/(\\d{1,16}))?$`);
const USER = new RegExp(`^#/u/${ID}$`);

/** The route of an address's hash; what is not one is home. */
export function parseRoute(hash: string): Route {
  const found = CONVERSATION.exec(hash);
  if (found?.[1]) {
    return { view: "conversation", id: found[1], ...(found[2] ? { seq: Number(found[2]) } : {}) };
  }
  const person = USER.exec(hash);
  return person?.[1] ? { view: "user", userId: person[1] } : { view: "home" };
}

/** The address of a route. */
export function hrefOf(route: Route): string {
  if (route.view === "conversation") {
    return route.seq === undefined ? `#/c/${route.id}` : `#/c/${route.id}/${route.seq}`;
  }
  return route.view === "user" ? `#/u/${route.userId}` : "#/";
}

/** The route now. */
export const route = signal<Route>(parseRoute(location.hash));

/** Goes there. `replace`: the back button does not come back to where one was. */
export function navigate(next: Route, { replace = false }: { replace?: boolean } = {}): void {
  const href = hrefOf(next);
  if (href !== location.hash) {
    if (replace) history.replaceState(history.state, "", href);
    else history.pushState({ inside: true }, "", href);
  }
  route.value = parseRoute(href);
}

/** Back to the list: by the browser's own way where one came from there, so that its history does not grow. */
export function goHome(): void {
  if ((history.state as { inside?: boolean } | null)?.inside) history.back();
  else navigate({ view: "home" }, { replace: true });
}

/** Follows the back button and addresses typed by hand. */
export function watchRoute(): void {
  const read = (): void => {
    route.value = parseRoute(location.hash);
  };
  addEventListener("popstate", read);
  addEventListener("hashchange", read);
}
