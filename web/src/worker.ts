/** The page's side of the service worker (`sw.ts`): brings it in, and tells when a new version waits. */

const PATH = "/sw.js";
const LOOK_AGAIN_MS = 3_600_000; // browsers look at each start; an open page looks once an hour

/**
 * Brings the service worker in, where the browser has one and the page comes from a server that it may trust (https, or
 * this machine).
 *
 * @param onUpdate - called when a new version is there; `apply` reloads the page into it. Called again for each one.
 */
export async function startWorker(onUpdate: (apply: () => void) => void): Promise<void> {
  if (!("serviceWorker" in navigator) || !isSecureContext || import.meta.env.DEV) return;
  const container = navigator.serviceWorker;
  const registration = await container.register(scriptUrl(), { scope: "/", updateViaCache: "none" });

  const offer = (worker: ServiceWorker): void =>
    onUpdate(() => {
      container.addEventListener("controllerchange", () => location.reload(), { once: true });
      worker.postMessage("take over");
    });
  const watch = (worker: ServiceWorker | null): void => {
    worker?.addEventListener("statechange", () => {
      // Without a controller it is the first one: it has nothing to replace.
      if (worker.state === "installed" && container.controller) offer(worker);
    });
  };
  if (registration.waiting && container.controller) offer(registration.waiting);
  watch(registration.installing);
  registration.addEventListener("updatefound", () => watch(registration.installing));
  lookNowAndThen(registration);
}

function lookNowAndThen(registration: ServiceWorkerRegistration): void {
  let looked = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || Date.now() - looked < LOOK_AGAIN_MS) return;
    looked = Date.now();
    registration.update().catch(() => undefined); // offline: the next time will do
  });
}

/** The one address that the policy of the page lets become a script. */
function scriptUrl(): string {
  const policy = window.trustedTypes?.createPolicy("pingme", {
    createScriptURL(path: string): string {
      if (path !== PATH) throw new TypeError(`expected ${PATH}, got ${path}`);
      return path;
    },
  });
  // The DOM's types do not know that a TrustedScriptURL is taken wherever such a string is.
  return (policy?.createScriptURL(PATH) ?? PATH) as string;
}
