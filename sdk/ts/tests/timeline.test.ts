import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SyncEntry } from "../src/frames.js";
import { snapshotOf } from "../src/state.js";
import { TimelineView } from "../src/timeline.js";
import type { Item } from "../src/wire.js";
import { FakeServer } from "./fake_server.js";
import { closeAll, person, until } from "./people.js";

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  server = new FakeServer();
});
afterEach(async () => {
  await closeAll();
  vi.useRealTimers();
});

const range = (from: number, upto: number): number[] =>
  Array.from({ length: upto - from + 1 }, (_, i) => from + i);

/** Does something that needs the server while time passes. */
async function during<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  await until(() => isDone);
  return done;
}

test("a walk to the beginning and back shows every entry once, in order", async () => {
  const log = server.private("ada", "ben");
  for (const number of range(1, 500)) server.say(log, "ada", `${number}`);
  const ben = await person(server, "ben");
  const timeline = await during(ben.timeline(log.id));
  const seqs = (): number[] => timeline.items.map((item) => item.seq);

  expect(seqs()).toEqual(range(481, 500));
  while (await during(timeline.loadOlder(70))) timeline.trim("end", 200);
  expect(timeline.atStart).toBe(true);
  expect(seqs()).toEqual(range(1, 200));
  expect(timeline.atEnd).toBe(false);

  server.say(log, "ada", "501");
  while (await during(timeline.loadNewer(90))) timeline.trim("start", 150);
  expect(timeline.atEnd).toBe(true);
  expect(seqs()).toEqual(range(352, 501));

  server.say(log, "ada", "502");
  await until(() => timeline.items.length === 151);
  expect(seqs()).toEqual(range(352, 502));
});

test("a jump has entries on both sides, and the way to the end joins the live head", async () => {
  const log = server.private("ada", "ben");
  for (const number of range(1, 300)) server.say(log, "ada", `${number}`);
  const ben = await person(server, "ben");
  const timeline = await during(ben.timeline(log.id, { around_seq: 150 }));

  expect(timeline.items.map((item) => item.seq)).toEqual(range(100, 199));
  expect([timeline.atStart, timeline.atEnd]).toEqual([false, false]);
  await during(timeline.toEnd());
  expect([timeline.items.at(-1)?.seq, timeline.atEnd]).toEqual([300, true]);
});

test("an edit that is heard while a page is on its way is not lost", async () => {
  const log = server.private("ada", "ben");
  for (const number of range(1, 100)) server.say(log, "ada", `${number}`);
  const ben = await person(server, "ben");
  const timeline = await during(ben.timeline(log.id));

  const loading = timeline.loadOlder(50);
  server.append(log, "uada", { kind: "edit", target_seq: 60, content: "edited" });
  await during(loading);
  await until(() => timeline.items.some((item) => item.seq === 60 && item.content === "edited"));
});

test("after a long time away the view begins anew at the end", async () => {
  const log = server.private("ada", "ben");
  server.say(log, "ada", "1");
  const ben = await person(server, "ben");
  const timeline = await during(ben.timeline(log.id));
  const told: string[] = [];
  timeline.onChange((what) => told.push(what));
  server.isUp = false;
  server.cut();
  await until(() => ben.status.state === "offline");
  for (const number of range(2, 2_000)) server.say(log, "ada", `${number}`);
  server.isUp = true;
  await until(() => timeline.items.at(-1)?.seq === 2_000);

  expect(told).toContain("reset");
  expect(timeline.items.map((item) => item.seq)).toEqual(range(1_981, 2_000));
});

test("a conversation that does not exist yet is empty and begins with its first message", async () => {
  const ada = await person(server, "ada");
  const timeline = await during(ada.timeline(await ada.conversationWith("uben")));
  expect([timeline.items.length, timeline.atStart, timeline.atEnd]).toEqual([0, true, true]);

  ada.send({ to_user_id: "uben", content: "hello" });
  await until(() => timeline.items.length === 1);
});

test("the first message at or after a time is found", async () => {
  const log = server.private("ada", "ben");
  for (const number of range(1, 100)) server.say(log, "ada", `${number}`);
  const ben = await person(server, "ben");
  const ts = log.items[70]?.server_ts ?? 0;

  expect(await during(ben.seqAt(log.id, ts))).toBe(71);
  expect(await during(ben.seqAt(log.id, 0))).toBe(1);
  expect(await during(ben.seqAt(log.id, ts * 2))).toBe(101);
});

describe("a page that comes too late", () => {
  const log = (upto: number, epoch = "old"): Item[] =>
    range(1, upto).map((seq) => ({
      kind: "message",
      conversation_id: "c",
      seq,
      sender_id: "uada",
      server_ts: seq,
      msg_id: `m${seq}`,
      content: `${seq} of ${epoch}`,
      content_type: "text",
    }));

  /** A view of a log whose answers wait to be released; `jump` makes it another log, of another epoch. */
  function slow(upto: number): {
    view: TimelineView;
    release: () => Promise<void>;
    jump(upto: number): void;
  } {
    let items = log(upto);
    let waiting: (() => void)[] = [];
    const entry = (): SyncEntry => ({
      conversation: { conversation_id: "c", type: "private", peer_id: "uada" },
      last_seq: items.length,
      last_hash: "",
      delivered_seq: 0,
      read_seq: 0,
      unread: 0,
      prev_hash: "",
      events: items.slice(-20),
      events_complete: items.length <= 20,
    });
    const view = new TimelineView("c", {
      snapshot: () => snapshotOf(entry()),
      counts: () => new Map(),
      closed: () => undefined,
      history: async ({ before_seq = items.length + 1, after_seq, limit }) => {
        const found =
          after_seq === undefined
            ? items.filter(({ seq }) => seq < before_seq).slice(-limit)
            : items.filter(({ seq }) => seq > after_seq).slice(0, limit);
        const has_more =
          after_seq === undefined ? (found[0]?.seq ?? 1) > 1 : (found.at(-1)?.seq ?? 0) < items.length;
        await new Promise<void>((resolve) => waiting.push(resolve));
        return { conversation_id: "c", prev_hash: "", events: found, has_more };
      },
    });
    view.reset();
    const release = async (): Promise<void> => {
      for (let rounds = 0; rounds < 10; rounds++) {
        for (const resolve of waiting.splice(0)) resolve();
        await new Promise((resolve) => setImmediate(resolve));
      }
      waiting = [];
    };
    const jump = (to: number): void => {
      items = log(to, "new");
      view.reset();
    };
    return { view, release, jump };
  }

  const seqs = (view: TimelineView): number[] => view.items.map(({ seq }) => seq);

  test("from before a restore is asked for again", async () => {
    const { view, release, jump } = slow(500);
    const loading = view.loadOlder(50);
    await new Promise((resolve) => setImmediate(resolve));
    const entry = { conversation_id: "c", seq: 501, sender_id: "uada", server_ts: 501, msg_id: "m501" };
    view.news([{ ...entry, kind: "edit", target_seq: 440, content: "edited" }]);
    jump(500);
    await release();

    expect(await loading).toBe(true);
    expect(view.items).toEqual(log(500, "new").slice(430));
  });

  test("for a range that was cut off meanwhile leaves no hole", async () => {
    const { view, release } = slow(500);
    const loading = view.loadOlder(50);
    await new Promise((resolve) => setImmediate(resolve));
    view.trim("start", 5);
    await release();

    expect(await loading).toBe(true);
    expect(seqs(view)).toEqual(range(446, 500));
  });

  test("with both sides of an entry is of one epoch", async () => {
    const { view, release, jump } = slow(500);
    const going = view.around(290);
    await new Promise((resolve) => setImmediate(resolve));
    jump(300);
    await release();
    await going;

    expect(seqs(view)).toEqual(range(240, 300));
    expect(view.atEnd).toBe(true);
  });
});
