import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Message } from "../src/wire.js";
import { FakeServer } from "./fake_server.js";
import { client, closeAll, person, stored, until } from "./people.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  server = new FakeServer();
});
afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

const contents = (items: readonly { kind: string; content?: string }[]): (string | undefined)[] =>
  items.filter(({ kind }) => kind === "message").map(({ content }) => content);

describe("writing", () => {
  test("what has no answer is sent again under its msg_id, and stored once", async () => {
    const ada = await person(server, "ada");
    const fates = ["lost", "stored_lost"] as const;
    let sends = 0;
    server.onOperation = () => fates[sends++];

    const sending = ada.send({ to_user_id: server.user("ben").user_id, content: "once" });
    const unknown = ada.pending(sending.conversation_id);
    await until(() => ada.pending(sending.conversation_id).length === 0);

    expect(unknown).toMatchObject([{ state: "waiting", content: "once" }]);
    expect(await sending.done).toMatchObject({ seq: 1, duplicate: true });
    expect(server.private("ada", "ben").items).toHaveLength(1);
    expect(sends).toBe(3);
  });

  test("sends of a conversation keep their order whatever happens to one of them", async () => {
    const ada = await person(server, "ada");
    const to_user_id = server.user("ben").user_id;
    let sends = 0;
    server.onOperation = () => (sends++ % 3 === 0 ? { code: 10008, retryable: true } : undefined);

    const all = Array.from(
      { length: 10 },
      (_, number) => ada.send({ to_user_id, content: `${number}` }).done,
    );
    await stored({ done: Promise.all(all) });

    const log = server.private("ada", "ben");
    expect(contents(log.items)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  test("what is sent as soon as the one before is stored goes out, too", async () => {
    const ada = await person(server, "ada");
    const say = async (content: string): Promise<number> => {
      const sending = ada.send({ to_user_id: server.user("ben").user_id, content });
      return (await sending.done).seq;
    };

    const seqs = await stored({ done: (async () => [await say("1"), await say("2"), await say("3")])() });

    expect(seqs).toEqual([1, 2, 3]);
  });

  test("sending over an open line asks nobody for a sign of life", async () => {
    const ada = await person(server, "ada");
    for (let number = 0; number < 5; number++) ada.send({ to_user_id: "uben", content: `${number}` });
    await until(() => server.private("ada", "ben").items.length === 5);

    const [peer] = server.peers;
    expect(peer?.received.filter(({ type }) => type === "ping")).toEqual([]);
  });

  test("a refusal is shown as failed, and holds up nobody; a retry has a new msg_id", async () => {
    const ada = await person(server, "ada");
    const to_user_id = server.user("ben").user_id;
    server.onOperation = (frame) =>
      frame.type === "send" && frame.payload.content === "bad"
        ? { code: 40005, retryable: false }
        : undefined;

    const bad = ada.send({ to_user_id, content: "bad" });
    const good = ada.send({ to_user_id, content: "good" });
    await until(() => ada.pending(bad.conversation_id).length === 1);

    await expect(bad.done).rejects.toMatchObject({ kind: "refused", code: 40005 });
    expect(await good.done).toMatchObject({ seq: 1 });
    expect(ada.pending(bad.conversation_id)).toMatchObject([{ state: "failed", error: { code: 40005 } }]);

    server.onOperation = () => undefined;
    ada.retry(bad.msg_id);
    await until(() => ada.pending(bad.conversation_id).length === 0);
    const [, again] = server.private("ada", "ben").items;
    expect(again).toMatchObject({ content: "bad" });
    expect(again?.msg_id).not.toBe(bad.msg_id);
  });

  test("one's own edits, reactions and recalls show in the timeline as soon as they are stored", async () => {
    const ada = await person(server, "ada");
    const { conversation_id, done } = ada.send({ to_user_id: "uben", content: "helo" });
    await until(() => ada.conversation(conversation_id) !== undefined);
    await done;
    const timeline = await ada.timeline(conversation_id);

    await stored(ada.edit({ conversation_id, seq: 1, content: "hello" }));
    await stored(ada.react({ conversation_id, seq: 1, emoji: "👍" }));

    expect(timeline.items).toMatchObject([
      { content: "hello", edited_seq: 2, reactions: [{ emoji: "👍", count: 1 }] },
    ]);
    await stored(ada.recall({ conversation_id, seq: 1 }));
    expect(timeline.items).toMatchObject([{ content: "", recalled: true }]);
  });
});

describe("listening", () => {
  test("a lost push is fetched, a repeated one is dropped", async () => {
    const ben = await person(server, "ben");
    const log = server.private("ada", "ben");
    server.say(log, "ada", "1");
    await until(() => ben.conversation(log.id) !== undefined);
    const timeline = await ben.timeline(log.id);
    server.onPush = () => false;
    server.say(log, "ada", "2");
    server.onPush = () => true;
    const third = server.say(log, "ada", "3");
    for (const peer of server.peers) peer.send({ type: "message", payload: third });
    await until(() => timeline.items.length === 3);

    expect(contents(timeline.items)).toEqual(["1", "2", "3"]);
    expect(ben.conversation(log.id)).toMatchObject({ last_seq: 3, unread: 3 });
  });

  test("what happened while the line was down comes with the sync, once", async () => {
    const ben = await person(server, "ben");
    const log = server.private("ada", "ben");
    server.say(log, "ada", "before");
    await until(() => ben.conversation(log.id) !== undefined);
    const timeline = await ben.timeline(log.id);
    const heard: string[] = [];
    ben.onMessage((message: Message) => heard.push(message.content));

    server.isUp = false;
    server.cut();
    await until(() => ben.status.state === "offline");
    for (let number = 0; number < 50; number++) server.say(log, "ada", `${number}`);
    server.isUp = true;
    await until(() => timeline.items.length === 51 && timeline.atEnd);
    server.say(log, "ada", "after");
    await until(() => heard.length > 0);

    expect(contents(timeline.items)).toEqual([
      "before",
      ...Array.from({ length: 50 }, (_, number) => `${number}`),
      "after",
    ]);
    expect(heard).toEqual(["after"]);
  });

  test("a resync catches up", async () => {
    const ben = await person(server, "ben");
    server.onPush = () => false;
    const log = server.private("ada", "ben");
    server.say(log, "ada", "unheard");
    for (const peer of server.peers) peer.send({ type: "resync", payload: {} });
    await until(() => ben.conversations().length === 1);

    expect(ben.conversations()[0]).toMatchObject({ unread: 1, last_message: { content: "unheard" } });
  });

  test("positions are told, and told again after a reconnect", async () => {
    const ben = await person(server, "ben");
    const log = server.private("ada", "ben");
    server.say(log, "ada", "1");
    await until(() => ben.conversation(log.id) !== undefined);
    ben.markRead(log.id);
    await until(() => log.positions.get("uben")?.read === 1);
    expect(ben.conversation(log.id)?.unread).toBe(0);

    log.positions.clear(); // the half second that a crash of the server may lose
    server.cut();
    await until(() => log.positions.get("uben")?.read === 1);
  });

  test("typing ends by itself after 6 s", async () => {
    const ben = await person(server, "ben");
    for (const peer of server.peers)
      peer.send({ type: "typing", payload: { conversation_id: "c", user_id: "uada", active: true } });
    await until(() => ben.typingIn("c").length === 1);
    const began = Date.now();
    await until(() => ben.typingIn("c").length === 0);

    expect(Date.now() - began).toBeGreaterThan(5_900);
  });
});

describe("the session", () => {
  test("a token that is refused is renewed once, and the line comes back", async () => {
    const ada = await person(server, "ada");
    server.tokens.clear();
    server.cut(4401);
    await until(() => server.refreshes > 0);
    await until(() => ada.status.state === "online");

    expect(server.refreshes).toBe(1);
  });

  test("a token is renewed on the open line before it runs out", async () => {
    await person(server, "ada");
    await vi.advanceTimersByTimeAsync(3_600_000 * 0.8 + 2_000);
    await until(() => server.refreshes === 1);
    const [peer] = server.peers;
    await until(() => peer?.received.filter(({ type }) => type === "auth").length === 2);
  });

  test.each([
    [4450, "revoked"],
    [4451, "replaced"],
    [4400, "protocol"],
  ] as const)("close code %i ends it: %s", async (code, reason) => {
    const ada = await person(server, "ada");
    server.cut(code);
    await until(() => ada.status.state === "ended");

    expect(ada.status.reason).toBe(reason);
    expect(ada.me === null).toBe(reason === "revoked");
  });

  test("another epoch voids the copy, and the outbox stays", async () => {
    const ada = await person(server, "ada");
    const log = server.private("ada", "ben");
    server.say(log, "ben", "of the old epoch");
    await until(() => ada.conversations().length === 1);
    server.isUp = false;
    server.cut();
    await until(() => ada.status.state === "offline");
    const sending = ada.send({ to_user_id: "uben", content: "still to be sent" });
    server.logs.clear();
    server.epoch = "e2";
    server.isUp = true;
    await until(() => ada.pending(sending.conversation_id).length === 0);

    expect(contents(server.private("ada", "ben").items)).toEqual(["still to be sent"]);
    expect(ada.conversation(sending.conversation_id)?.last_seq).toBe(1);
  });

  test("after a logout nothing is left, and nothing is sent", async () => {
    const ada = await person(server, "ada");
    server.say(server.private("ada", "ben"), "ben", "hi");
    await until(() => ada.conversations().length === 1);
    await ada.logout();

    expect([ada.me, ada.conversations().length, ada.status.reason]).toEqual([null, 0, "logged_out"]);
    expect(server.peers.size).toBe(0);
    expect(() => ada.send({ to_user_id: "uben", content: "x" })).toThrow("log in first");
  });

  test("no address ever has a token in it", async () => {
    const urls: string[] = [];
    const WebSocket = class extends (server.WebSocket as unknown as new (url: string) => object) {
      constructor(url: string) {
        super(url);
        urls.push(url);
      }
    };
    const ada = client(server, { WebSocket: WebSocket as never });
    await ada.login({ username: "ada", password: "secret" });
    await until(() => ada.status.state === "online");

    expect(urls).toEqual(["ws://server/ws"]);
    for (const call of server.calls)
      for (const token of server.tokens.keys()) expect(call).not.toContain(token);
  });
});

describe("people and settings", () => {
  test("users that are not known are asked for together", async () => {
    const ada = await person(server, "ada");
    for (const name of ["ben", "cat", "dan"]) server.user(name);
    const unknown = ["uben", "ucat", "udan"].map((id) => ada.user(id));
    await until(() => ada.user("udan") !== undefined);

    expect(unknown).toEqual([undefined, undefined, undefined]);
    expect(server.calls.filter((call) => call === "GET /users")).toHaveLength(1);
  });

  test("settings show at once, and are told in the end", async () => {
    const ada = await person(server, "ada");
    const log = server.private("ada", "ben");
    server.say(log, "ben", "hi");
    await until(() => ada.conversation(log.id) !== undefined);
    server.isUp = false;
    server.cut();
    await until(() => ada.status.state === "offline");

    const done = ada.settings(log.id, { muted: true });
    void ada.settings(log.id, { draft: "dear ben" });
    expect(ada.conversation(log.id)?.info).toMatchObject({ muted: true, draft: "dear ben" });
    server.isUp = true;
    await stored({ done });

    expect(ada.conversation(log.id)?.info).toMatchObject({ muted: true, draft: "dear ben" });
  });

  test("what one user wished for is not told as another one's", async () => {
    const ada = await person(server, "ada");
    server.say(server.group("g", "ada", "cat"), "cat", "hi");
    await until(() => ada.conversation("g")?.last_seq === 2);
    server.onSettings = () => "lost";
    void ada.settings("g", { draft: "of ada" }).catch(() => undefined);
    await until(() => server.calls.filter((call) => call.startsWith("PATCH")).length === 4);
    server.onSettings = () => undefined;
    await ada.login({ username: "cat", password: "secret" });
    await until(() => ada.me?.username === "cat" && ada.status.state === "online");
    await vi.advanceTimersByTimeAsync(1_000);

    expect(ada.conversation("g")?.info).not.toHaveProperty("draft");
    expect(server.logs.get("ucat")).toBeUndefined();
  });

  test("a change that may have been stored is repeated as it was; a later one goes out behind it", async () => {
    const ada = await person(server, "ada");
    const log = server.private("ada", "ben");
    server.say(log, "ben", "hi");
    await until(() => ada.conversation(log.id) !== undefined);
    server.onSettings = () => "stored_lost";
    const muted = ada.settings(log.id, { muted: true });
    await until(() => server.calls.filter((call) => call.startsWith("PATCH")).length === 4);
    const own = server.logs.get("uada") ?? log;
    server.append(own, "uada", { kind: "conversation_settings", about: log.id, muted: false }); // on another device
    await vi.advanceTimersByTimeAsync(100);
    server.onSettings = () => undefined;

    const drafted = ada.settings(log.id, { draft: "dear ben" });
    await stored({ done: Promise.all([muted, drafted]) });

    expect(own.items).toMatchObject([{ muted: true }, { muted: false }, { draft: "dear ben" }]);
    expect(own.items[2]).not.toHaveProperty("muted");
    expect(ada.conversation(log.id)?.info).toMatchObject({ muted: false, draft: "dear ben" });
  });
});
