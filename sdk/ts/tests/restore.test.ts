import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Client } from "../src/client.js";
import { FakeServer, type Log } from "./fake_server.js";
import { closeAll, person, stored, until } from "./people.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  server = new FakeServer();
});
afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

/** Somebody who has heard one message, and whose line is down. */
async function cutOff(): Promise<{ ada: Client; log: Log }> {
  const ada = await person(server, "ada");
  const log = server.private("ada", "ben");
  server.say(log, "ben", "one");
  await until(() => ada.conversation(log.id)?.last_seq === 1);
  server.isUp = false;
  server.cut();
  await until(() => ada.status.state === "offline");
  return { ada, log };
}

describe("a restore", () => {
  test("what waits names the epoch of its seq; a plain message names none", async () => {
    const { ada, log } = await cutOff();
    const seen: unknown[] = [];
    server.onOperation = ({ type, payload }) => {
      seen.push([type, payload.epoch]);
      return undefined;
    };
    const at = { conversation_id: log.id, seq: 1 };
    ada.edit({ ...at, content: "x" });
    ada.recall(at);
    ada.react({ ...at, emoji: "x" });
    ada.react({ ...at, emoji: "y", epoch: "e0" });
    ada.send({ conversation_id: log.id, content: "re", reply_to: 1 });
    ada.send({ conversation_id: log.id, content: "plain" });
    const shown = ada.pending(log.id);
    server.epoch = "e2";
    server.isUp = true;
    await until(() => ada.pending(log.id).length === 0);

    expect(seen).toEqual([
      ["edit", "e1"],
      ["recall", "e1"],
      ["react", "e1"],
      ["react", "e0"],
      ["send", "e1"],
      ["send", undefined],
    ]);
    expect(shown.some((one) => "epoch" in one)).toBe(false);
  });

  test("a refused answer to a message that is gone can be sent again, as a message of its own", async () => {
    const { ada, log } = await cutOff();
    ada.send({ conversation_id: log.id, content: "re", reply_to: 1, msg_id: "m1" });
    server.onOperation = ({ payload }) =>
      payload.epoch === "e1" ? { code: 10006, retryable: false } : undefined;
    server.isUp = true;
    await until(() => ada.pending(log.id)[0]?.state === "failed");
    ada.retry("m1");
    await until(() => ada.pending(log.id).length === 0);

    expect(log.items.at(-1)).toMatchObject({ content: "re", kind: "message" });
    expect(log.items.at(-1)).not.toHaveProperty("reply_to");
  });
});

describe("what goes out", () => {
  test("a frame that the server would hang up for is refused, and the next one is sent", async () => {
    const ada = await person(server, "ada");
    const to_user_id = server.user("ben").user_id;
    const where = server.private("ada", "ben").id;
    const large = ada.send({ to_user_id, content: "\u0001".repeat(8192) });

    await until(() => ada.pending(where)[0]?.state === "failed");
    await expect(large.done).rejects.toMatchObject({ kind: "refused", code: 40006 });
    expect((await stored(ada.send({ to_user_id, content: "next" }))).seq).toBe(1);
    expect(ada.status.state).toBe("online");
  });

  test("a msg_id that waits stands for one content", async () => {
    const { ada, log } = await cutOff();
    const first = ada.send({ conversation_id: log.id, content: "one", msg_id: "m1" });
    const other = ada.send({ conversation_id: log.id, content: "two", msg_id: "m1" });
    const again = ada.send({ to_user_id: "uben", content: "one", msg_id: "m1" });

    await expect(other.done).rejects.toMatchObject({ kind: "refused", code: 40004 });
    server.isUp = true;
    expect(await stored(again)).toEqual(await stored(first));
    expect(log.items.map((item) => "content" in item && item.content)).toEqual(["one", "one"]);
  });

  test("an edit is repeated under its msg_id", async () => {
    const ada = await person(server, "ada");
    const sent = await stored(ada.send({ to_user_id: server.user("ben").user_id, content: "tyop" }));
    const edit = { conversation_id: sent.conversation_id, seq: sent.seq, content: "typo", msg_id: "m2" };
    const once = await stored(ada.edit(edit));
    const twice = await stored(ada.edit(edit));

    expect([once.msg_id, twice.seq]).toEqual(["m2", once.seq]);
  });

  test("a renewal that hangs is tried again while the server gives the same successor", async () => {
    const timeouts = vi.spyOn(AbortSignal, "timeout");
    const ada = await person(server, "ada");
    timeouts.mockClear();
    server.tokens.clear();
    server.cut();
    await until(() => server.refreshes > 0 && ada.status.state === "online");

    expect(timeouts.mock.calls[0]).toEqual([3_000]);
    timeouts.mockRestore();
  });
});
