import type { ClientApi } from "@pingme/sdk";

/** The client of this page. In development `?fake=1000` is one with so many conversations and no server. */
export async function makeClient(): Promise<ClientApi> {
  if (import.meta.env.DEV) {
    const query = new URLSearchParams(location.search);
    if (query.has("fake")) {
      const { fakeWorld } = await import("./fake-world");
      return fakeWorld(Number(query.get("fake")) || 24, Number(query.get("rate")) || 0);
    }
  }
  throw new Error("expected ?fake");
}
