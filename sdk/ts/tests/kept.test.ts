import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbStore } from "../src/indexeddb.js";
import { memoryStore } from "../src/store.js";
import { events } from "../src/stream.js";
import { FakeServer } from "./fake_server.js";
import { client, closeAll, person, until } from "./people.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.stubGlobal("indexedDB", new IDBFactory());
  server = new FakeServer();
});
afterEach(async () => {
  await closeAll();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe.each([
  ["memory", () => memoryStore()],
  ["IndexedDB", () => indexedDbStore("t")],
])("the store: %s", (_, make) => {
  test("keeps rows by key, all of a write or none, and forgets on request", async () => {
    const store = make();
    await store.write([
      { table: "outbox", key: "b", value: { n: 2 } },
      { table: "outbox", key: "a", value: { n: 1 } },
      { table: "meta", key: "a", value: "other" },
    ]);
    await store.write([{ table: "meta", key: "a" }]);

    expect(await store.all("outbox")).toEqual([
      ["a", { n: 1 }],
      ["b", { n: 2 }],
    ]);
    expect([await store.get("outbox", "b"), await store.get("meta", "a")]).toEqual([{ n: 2 }, undefined]);
    await store.clear();
    expect(await store.all("outbox")).toEqual([]);
    store.close();
  });
});

describe("a reload", () => {
  const storage = () => indexedDbStore("pingme");

  test("shows the copy at once, without a server, and goes on from there", async () => {
    const log = server.private("ada", "ben");
    const before = await person(server, "ben", { storage: storage() });
    for (let number = 0; number < 5; number++) server.say(log, "ada", `${number}`);
    await until(() => before.conversation(log.id)?.last_seq === 5);
    await before.close();
    server.isUp = false;

    const after = client(server, { storage: storage() });
    const me = await after.resume();
    const timeline = await after.timeline(log.id);

    expect(me?.username).toBe("ben");
    expect(after.conversations()).toMatchObject([{ id: log.id, unread: 5, last_message: { content: "4" } }]);
    expect(timeline.items.map((item) => item.seq)).toEqual([1, 2, 3, 4, 5]);

    server.isUp = true;
    server.append(log, "uada", { kind: "edit", target_seq: 1, content: "edited" });
    server.say(log, "ada", "5");
    await until(() => after.conversation(log.id)?.last_seq === 7);
    expect(timeline.items).toHaveLength(6);
    expect(timeline.items[0]).toMatchObject({ content: "edited" });
  });

  test("what is heard before a kept window is looked at changes it all the same", async () => {
    const log = server.private("ada", "ben");
    const before = await person(server, "ben", { storage: storage() });
    server.say(log, "ada", "helo");
    await until(() => before.conversation(log.id)?.last_seq === 1);
    await before.close();
    server.append(log, "uada", { kind: "edit", target_seq: 1, content: "hello" });
    const after = client(server, { storage: storage() });
    await after.resume();
    await until(() => after.conversation(log.id)?.last_seq === 2);
    const history = server.calls.length;

    const timeline = await after.timeline(log.id);

    expect(timeline.items).toMatchObject([{ content: "hello" }]);
    expect(server.calls.length).toBe(history);
  });

  test("what was written offline goes out once, in order, by the next page", async () => {
    const before = await person(server, "ada", { storage: storage() });
    server.isUp = false;
    server.cut();
    await until(() => before.status.state === "offline");
    const ids = ["one", "two", "three"].map((content) => before.send({ to_user_id: "uben", content }).msg_id);
    await until(async () => (await storage().all("outbox")).length === 3);
    await before.close();
    server.isUp = true;

    const after = client(server, { storage: storage() });
    await after.resume();
    const log = server.private("ada", "ben");
    expect(after.pending(log.id)).toHaveLength(3);
    await until(() => after.pending(log.id).length === 0);

    expect(log.items.map((item) => item.msg_id)).toEqual(ids);
    await until(async () => (await storage().all("outbox")).length === 0);
  });

  test("a failed one is still there to be seen", async () => {
    const before = await person(server, "ada", { storage: storage() });
    server.onOperation = () => ({ code: 40005, retryable: false });
    const bad = before.send({ to_user_id: "uben", content: "bad" });
    await until(() => before.pending(bad.conversation_id)[0]?.state === "failed");
    await before.close();

    const after = client(server, { storage: storage() });
    await after.resume();

    expect(after.pending(bad.conversation_id)).toMatchObject([{ state: "failed", error: { code: 40005 } }]);
    await after.discard(bad.msg_id);
    expect(await storage().all("outbox")).toEqual([]);
  });

  test("a logout leaves nothing on the disk", async () => {
    const ada = await person(server, "ada", { storage: storage() });
    server.say(server.private("ada", "ben"), "ben", "secret");
    await until(() => ada.conversations().length === 1);
    await ada.logout();
    await vi.advanceTimersByTimeAsync(5_000);

    for (const table of ["meta", "outbox", "conversations", "items", "users"] as const) {
      expect(await storage().all(table), table).toEqual([]);
    }
  });

  test("somebody else's login forgets the one before", async () => {
    const ada = await person(server, "ada", { storage: storage() });
    server.say(server.private("ada", "ben"), "ben", "for ada");
    await until(() => ada.conversations().length === 1);
    await ada.close();

    const cat = await person(server, "cat", { storage: storage() });

    expect(cat.conversations()).toEqual([]);
    expect(JSON.stringify(await storage().all("items"))).not.toContain("for ada");
  });
});

describe("a stream of everything", () => {
  test("gives each entry once and in order, over jumps, and goes on where an earlier program was", async () => {
    const store = memoryStore();
    const kept = { ...store, close: () => undefined };
    const log = server.group("g", "ada", "ben");
    for (let number = 0; number < 40; number++) server.say(log, "ada", `${number}`);
    const first = client(server, { storage: kept });
    const heard: number[] = [];
    const reading = (async () => {
      for await (const item of events(first, { store: kept })) {
        heard.push(item.seq);
        if (heard.length === 30) break;
      }
    })();
    await first.login({ username: "ben", password: "secret" });
    await until(() => heard.length === 30);
    await reading;
    await first.close();
    for (let number = 0; number < 300; number++) server.say(log, "ada", `later ${number}`);

    const second = client(server, { storage: kept });
    const rest: number[] = [];
    void (async () => {
      for await (const item of events(second, { store: kept })) rest.push(item.seq);
    })();
    await second.resume();
    await until(() => rest.length === 311);

    expect([...heard, ...rest]).toEqual(Array.from({ length: 341 }, (_, index) => index + 1));
  });
});
