import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Client } from "../src/client.js";
import { indexedDbStore } from "../src/indexeddb.js";
import { events } from "../src/stream.js";
import { FakeLocks } from "./fake_locks.js";
import { FakeServer } from "./fake_server.js";
import { client, closeAll, person, stored, until } from "./people.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.stubGlobal("navigator", { locks: new FakeLocks(), onLine: true });
  vi.stubGlobal("indexedDB", new IDBFactory());
  server = new FakeServer();
});
afterEach(async () => {
  await closeAll();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const storage = () => indexedDbStore("pingme");

/** One more tab of somebody who is logged in. */
async function tab(): Promise<Client> {
  const made = client(server, { storage: storage() });
  await made.resume();
  await until(() => made.status.state === "online");
  return made;
}

const contents = (items: readonly { content?: string }[]): (string | undefined)[] =>
  items.map(({ content }) => content);

test("tabs share one connection, and show the same", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  const log = server.private("ada", "ben");
  server.say(log, "ben", "hello");
  await until(() => [first, second].every((one) => one.conversation(log.id) !== undefined));

  const timeline = await second.timeline(log.id);
  const sending = second.send({ conversation_id: log.id, content: "from the second" });
  await until(() => first.pending(log.id).length === 1 || log.items.length === 2);
  expect(await stored(sending)).toMatchObject({ seq: 2 });
  await until(() => [first, second].every((one) => one.conversation(log.id)?.delivered_seq === 1));

  expect(server.peers.size).toBe(1);
  expect(contents(timeline.items)).toEqual(["hello", "from the second"]);
  expect(first.conversation(log.id)).toEqual(second.conversation(log.id));
  expect([first.pending(log.id), second.pending(log.id)]).toEqual([[], []]);
  expect(await storage().all("outbox")).toEqual([]);
});

test("reading in one tab is read in the others", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  const log = server.private("ada", "ben");
  server.say(log, "ben", "hello");
  await until(() => second.conversation(log.id)?.unread === 1);

  second.markRead(log.id);
  await until(() => first.conversation(log.id)?.unread === 0);

  expect(log.positions.get("uada")?.read).toBe(1);
});

test("when the leading tab closes another takes over: nothing is lost, nothing comes twice", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  const third = await tab();
  const log = server.private("ada", "ben");
  server.say(log, "ben", "1");
  await until(() => third.conversation(log.id) !== undefined);
  const timeline = await third.timeline(log.id);

  server.onOperation = () => "lost"; // on its way when the tab closes
  const sending = third.send({ conversation_id: log.id, content: "2" });
  await until(() => [...server.peers].some((peer) => peer.received.some(({ type }) => type === "send")));
  await first.close();
  server.onOperation = () => undefined;
  server.say(log, "ben", "while nobody leads");
  await until(() => log.items.length === 3 && timeline.items.length === 3);

  expect(await stored(sending)).toMatchObject({ duplicate: false });
  expect(server.peers.size).toBe(1);
  expect(contents(timeline.items)).toEqual(contents(log.items));
  await until(() => second.conversation(log.id)?.last_seq === 3);
});

test("each live message of others is told once per browser", async () => {
  const heard: string[] = [];
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  for (const one of [first, second]) one.onMessage((message) => heard.push(message.content));
  const log = server.private("ada", "ben");
  server.say(log, "ben", "1");
  await until(() => second.conversation(log.id) !== undefined);
  await first.close();
  await until(() => server.peers.size === 1 && second.status.state === "online");
  server.say(log, "ben", "2");
  await until(() => second.conversation(log.id)?.last_seq === 2);

  expect(heard).toEqual(["1", "2"]);
});

test("tabs renew the tokens once among them", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  server.tokens.clear();

  const both = Promise.all([first.users(["uben"]), second.users(["uben"])]);
  await stored({ done: both });

  expect(server.refreshes).toBe(1);
});

test("a logout in one tab ends the others, a login brings them back", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  await second.logout();
  await until(() => first.status.state === "ended");
  expect([first.me, first.status.reason]).toEqual([null, "logged_out"]);

  await first.login({ username: "cat", password: "secret" });
  await until(() => second.me?.username === "cat" && second.status.state === "online");
  expect(server.peers.size).toBe(1);
});

test("after a restore of the server every tab's stream begins anew, and places of the new epoch stay", async () => {
  const first = await person(server, "ada", { storage: storage() });
  const second = await tab();
  const log = server.group("g", "ben", "ada");
  const heard: [number[], number[]] = [[], []];
  const listen = (one: Client, into: number[]): void => {
    void (async () => {
      for await (const item of events(one, { store: storage() })) into.push(item.seq);
    })();
  };
  listen(first, heard[0]);
  listen(second, heard[1]);
  await until(() => log.positions.get("uada") !== undefined || second.conversation("g") !== undefined);
  for (let number = 2; number <= 10; number++) server.say(log, "ben", `${number}`);
  await until(() => log.positions.get("uada")?.delivered === 10 && heard.every((one) => one.at(-1) === 10));
  const restore = server.backUp();
  for (let number = 11; number <= 30; number++) server.say(log, "ben", `${number}`);
  await until(() => heard.every((one) => one.at(-1) === 30));

  restore();
  const restored = server.group("g", "ben", "ada");
  for (let number = 11; number <= 15; number++) server.say(restored, "ben", `new ${number}`);
  await until(() => heard.every((one) => one.at(-1) === 15));
  await first.close();
  await until(() => server.peers.size === 1 && second.status.state === "online");
  server.say(restored, "ben", "new 16");
  await until(() => heard[1].at(-1) === 16);
  await vi.advanceTimersByTimeAsync(1_000);

  const rows = (await storage().all("meta")).filter(([key]) => key.startsWith("place:"));
  expect(rows.map(([, seq]) => seq)).toEqual([16]);
});
