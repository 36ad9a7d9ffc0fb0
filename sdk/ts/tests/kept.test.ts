import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbStore } from "../src/indexeddb.js";
import { type Change, memoryStore } from "../src/store.js";
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

  test("settings that may have been stored are repeated as they were: what came after them stays", async () => {
    const before = await person(server, "ada", { storage: storage() });
    const log = server.private("ada", "ben");
    server.say(log, "ben", "hi");
    await until(() => before.conversation(log.id) !== undefined);
    server.onSettings = () => "stored_lost";
    void before.settings(log.id, { muted: true }).catch(() => undefined);
    await until(() => server.calls.filter((call) => call.startsWith("PATCH")).length === 4);
    server.onSettings = () => "lost";
    void before.settings(log.id, { draft: "dear ben" }).catch(() => undefined);
    await before.close();
    server.onSettings = () => undefined;
    const elsewhere = { kind: "conversation_settings", about: log.id, muted: false } as const;
    server.append(server.logs.get("uada") ?? log, "uada", elsewhere);

    const after = client(server, { storage: storage() });
    await after.resume();
    await until(() => server.logs.get("uada")?.items.length === 3);
    await until(async () => (await storage().all("meta")).every(([key]) => !key.startsWith("settings:")));

    const told = server.logs.get("uada")?.items ?? [];
    expect(told).toMatchObject([{ muted: true }, { muted: false }, { draft: "dear ben" }]);
    expect(told[2]).not.toHaveProperty("muted");
    await until(() => after.conversation(log.id)?.info.muted === false);
    expect(after.conversation(log.id)?.info).toMatchObject({ muted: false, draft: "dear ben" });
  });

  test("a copy is known by its epoch from its first entry on, also when its first sync was cut short", async () => {
    const log = server.private("ada", "ben");
    const restore = server.backUp();
    for (const content of ["of", "the", "old", "epoch"]) server.say(log, "ada", content);
    server.endsSync = false;
    const before = client(server, { storage: storage() });
    await before.login({ username: "ben", password: "secret" });
    await until(async () => (await storage().all("conversations")).length === 1);
    await before.close();
    server.endsSync = true;
    restore();
    server.say(server.private("ada", "ben"), "ada", "of the new one");

    const after = client(server, { storage: storage() });
    await after.resume();
    await until(() => after.status.state === "online");

    expect(after.conversation(log.id)).toMatchObject({
      last_seq: 1,
      last_message: { content: "of the new one" },
    });
  });

  test("a copy of another epoch goes with its token, also when the next sync was cut short", async () => {
    const log = server.group("g", "ada", "ben");
    const before = await person(server, "ben", { storage: storage() });
    const restore = server.backUp();
    server.say(log, "ada", "of the old epoch");
    await until(() => before.conversation("g")?.last_seq === 2);
    await before.close();
    restore();
    server.endsSync = false;
    const between = client(server, { storage: storage() });
    await between.resume();
    await until(async () => (await storage().get("meta", "epoch")) === server.epoch);
    await between.close();
    await storage().write([
      { table: "conversations", key: "g" }, // a crash between two pages
      { table: "items", key: "g" },
    ]);
    server.endsSync = true;

    const after = client(server, { storage: storage() });
    await after.resume();
    await until(() => after.status.state === "online");

    expect(after.conversation("g")?.last_seq).toBe(1);
  });

  test("a copy of another epoch goes, also when the disk was full at first", async () => {
    const real = storage();
    let isFull = false;
    const full = (): Promise<void> => Promise.reject(new DOMException("full", "QuotaExceededError"));
    const disk = () => ({ ...real, write: (a: readonly Change[]) => (isFull ? full() : real.write(a)) });
    const ben = await person(server, "ben", { storage: disk() });
    const log = server.private("ada", "ben");
    const restore = server.backUp();
    server.say(log, "ada", "of the old epoch");
    await until(async () => (await real.all("conversations")).length === 1);

    isFull = true;
    restore();
    server.say(server.group("g", "ada", "ben"), "ada", "of the new one");
    await until(() => ben.conversation("g")?.last_seq === 2);
    await vi.advanceTimersByTimeAsync(1_000);
    isFull = false;
    server.isUp = false;
    server.cut();
    await until(() => ben.status.state === "offline");
    server.isUp = true;
    await until(() => ben.status.state === "online");
    await ben.close();

    expect(await real.get("meta", "epoch")).toBe(server.epoch);
    expect((await storage().all("conversations")).map(([id]) => id)).toEqual(["g"]);
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
