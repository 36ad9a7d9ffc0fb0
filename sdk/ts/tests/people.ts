/** Words for tests of the client. */

import { vi } from "vitest";
import type { ClientOptions } from "../src/api.js";
import { Client } from "../src/client.js";
import type { FakeServer } from "./fake_server.js";

const open: Client[] = [];

/** A client of the fake server. */
export function client(server: FakeServer, options: Partial<ClientOptions> = {}): Client {
  const made = new Client({
    baseUrl: "http://server",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    ...options,
  });
  open.push(made);
  return made;
}

/** Somebody who is logged in and online. */
export async function person(
  server: FakeServer,
  username: string,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const made = client(server, options);
  await made.login({ username, password: "secret" });
  await until(() => made.status.state === "online");
  return made;
}

/** Closes what a test has opened. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((one) => one.close()));
}

/** Lets time pass, with fake timers as fast as the machine can, until something is so. */
export async function until(check: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (let passed = 0; passed <= withinMs; passed += 5) {
    if (await check()) return;
    await vi.advanceTimersByTimeAsync(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`not within ${withinMs} ms`);
}

/** Lets time pass until what was asked for is stored. */
export async function stored<T>({ done }: { done: Promise<T> }): Promise<T> {
  let isDone = false;
  done.finally(() => {
    isDone = true;
  });
  await until(() => isDone);
  return done;
}
