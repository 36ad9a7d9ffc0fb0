/** What the service worker decides, without a browser: `sw.ts` does it, `sw-rules.test.ts` tries it. */

/** Where an answer comes from. */
export type Source =
  /** The copy of this build: it belongs together, so it is never mixed with a newer one. */
  | { readonly from: "shell"; readonly path: string }
  /** The network, as if there were no worker: everything that is not part of the client. */
  | { readonly from: "network" };

const NETWORK: Source = { from: "network" };

/**
 * Decides where a request is answered from.
 *
 * The page itself comes from the shell, so that it starts at once and also offline; another version is fetched by the
 * worker that brings it. Nothing of the API is ever kept: the outbox and the local copy are the page's own work.
 *
 * @param request - what the page asks for.
 * @param origin - of this server.
 * @param shell - the paths that were kept, "/" for the page.
 */
export function decideSource(
  request: { readonly method: string; readonly url: string; readonly mode: string },
  origin: string,
  shell: ReadonlySet<string>,
): Source {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== origin) return NETWORK;
  const path = url.pathname === "/index.html" ? "/" : url.pathname;
  if (path === "/" && request.mode !== "navigate") return NETWORK;
  return shell.has(path) ? { from: "shell", path } : NETWORK;
}

/** Names of caches that earlier versions of the client have left. */
export function outdated(names: readonly string[], current: string): string[] {
  return names.filter((name) => name.startsWith("pingme-shell-") && name !== current);
}
