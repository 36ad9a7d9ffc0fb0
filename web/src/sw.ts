/**
 * The service worker: keeps the files of one build, and starts the page from them, also offline.
 *
 * Rules of this file:
 * - A build is kept whole or not at all: a worker whose files could not all be fetched is not installed.
 * - A new version waits until the page asks for it (`worker.ts`): nobody's page changes under their hands.
 * - It holds no data: nothing of the API passes through here.
 */
import { decideSource, outdated } from "./sw-rules";

declare const self: ServiceWorkerGlobalScope;
/** The paths of this build's files; put in by the build. */
declare const __PINGME_SHELL__: readonly string[];
/** A hash over their contents; put in by the build. */
declare const __PINGME_BUILD__: string;

const CACHE = `pingme-shell-${__PINGME_BUILD__}`;
const SHELL = new Set(__PINGME_SHELL__);

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Hashed names may come from the browser's cache; the others must be those of this build.
  const requests = [...SHELL].map(
    (path) => new Request(path, { cache: path.startsWith("/assets/") ? "default" : "reload" }),
  );
  await cache.addAll(requests);
}

async function takeOver(): Promise<void> {
  await Promise.all(outdated(await caches.keys(), CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function fromShell(path: string, request: Request): Promise<Response> {
  // The browser may have thrown the copy away to make room.
  return (await caches.match(path, { cacheName: CACHE })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const source = decideSource(event.request, self.location.origin, SHELL);
  if (source.from === "shell") event.respondWith(fromShell(source.path, event.request));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(hrefOf(event.notification.data)));
});

/** Brings the page to the front, at the conversation that the notification was about. */
async function show(href: string): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window" });
  const open = windows.find(({ focused }) => focused) ?? windows[0];
  if (!open) {
    await self.clients.openWindow(`/${href}`);
    return;
  }
  await open.focus();
  await open.navigate(`/${href}`);
}

function hrefOf(data: unknown): string {
  const href = (data as { href?: unknown } | null)?.href;
  return typeof href === "string" && href.startsWith("#") ? href : "";
}
