import fc from "fast-check";
import { expect, test } from "vitest";
import { itemOf } from "../src/frames.js";
import * as state from "../src/state.js";
import type { Item } from "../src/wire.js";
import { FakeServer, type Log } from "./fake_server.js";

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom("message", "message", "edit", "recall", "reaction", "unreact", "name"),
    who: fc.constantFrom("alice", "bob", "carol"),
    target: fc.integer({ min: 1, max: 12 }),
    emoji: fc.constantFrom("👍", "👎"),
  }),
  { maxLength: 25 },
);
type Step = { kind: string; who: string; target: number; emoji: string };

function play(server: FakeServer, log: Log, script: readonly Step[]): void {
  script.forEach(({ kind, who, target, emoji }, number) => {
    const sender = server.user(who).user_id;
    const about = log.items[target - 1]?.kind === "message";
    if (kind === "message") server.say(log, who, `${number}`);
    else if (kind === "name") server.append(log, sender, { kind: "group_updated", name: `name ${number}` });
    else if (!about) return;
    else if (kind === "edit")
      server.append(log, sender, { kind, target_seq: target, content: `edited ${number}` });
    else if (kind === "recall") server.append(log, sender, { kind, target_seq: target });
    else
      server.append(log, sender, {
        kind: "reaction",
        target_seq: target,
        emoji,
        ...(kind === "unreact" && { remove: true }),
      });
  });
}

test("a snapshot and the entries after it give what a fresh snapshot shows", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const server = new FakeServer();
      const log = server.group("gtest", "alice", "bob", "carol");
      play(server, log, before);
      const first = log.items.length;
      let applied = state.snapshotOf(server.entry(log, "ualice", 200));
      play(server, log, after);
      for (const item of log.items.slice(first)) applied = state.apply(applied, item, "ualice");

      expect(applied).toEqual(state.snapshotOf(server.entry(log, "ualice", 200)));
    }),
    { numRuns: 300 },
  );
});

test("a refresh keeps older entries that join, changed where they were changed", () => {
  const server = new FakeServer();
  const log = server.private("alice", "bob");
  for (let number = 0; number < 10; number++) server.say(log, "alice", `${number}`);
  const old = state.snapshotOf(server.entry(log, "ubob", 200));
  server.append(log, "ualice", { kind: "edit", target_seq: 2, content: "new" });
  server.say(log, "alice", "10");

  const refreshed = state.refresh(old, server.entry(log, "ubob", 2), "ubob");

  expect(refreshed).toEqual(state.snapshotOf(server.entry(log, "ubob", 200)));
});

test("positions only grow, and unread follows", () => {
  const server = new FakeServer();
  const log = server.private("alice", "bob");
  for (let number = 0; number < 5; number++) server.say(log, "alice", `${number}`);
  const snapshot = state.snapshotOf(server.entry(log, "ubob", 200));

  const read = state.withPositions(snapshot, 0, 3, "ubob");

  expect([snapshot.unread, read.unread, read.delivered_seq]).toEqual([5, 2, 3]);
  expect(state.withPositions(read, 1, 1, "ubob")).toBe(read);
});

test("the window is bounded, and window_from says from where", () => {
  const server = new FakeServer();
  const log = server.private("alice", "bob");
  server.say(log, "alice", "first");
  let snapshot = state.snapshotOf(server.entry(log, "ubob", 20));
  for (let number = 0; number < state.WINDOW + 50; number++) server.say(log, "alice", `${number}`);
  for (const item of log.items.slice(1)) snapshot = state.apply(snapshot, item, "ubob");

  expect(snapshot.items).toHaveLength(state.WINDOW);
  expect([snapshot.items[0]?.seq, snapshot.window_from]).toEqual([52, 52]);
});

test("who is removed keeps the name and nothing else of the group", () => {
  const server = new FakeServer();
  const log = server.group("gtest", "alice", "bob");
  let snapshot = state.snapshotOf(server.entry(log, "ubob", 200));
  const removal = server.append(log, "ualice", { kind: "member_removed", user_id: "ubob" });
  snapshot = state.apply(snapshot, removal, "ubob");

  expect(snapshot.info).toEqual({ conversation_id: "gtest", type: "group", name: "gtest", former: true });
});

test("a live message has a kind, whatever the wire leaves out", () => {
  const { kind: _, ...live } = {
    kind: "message",
    conversation_id: "g",
    seq: 1,
    sender_id: "u",
    server_ts: 1,
    msg_id: "m",
    content: "c",
    content_type: "text",
  } as Item;

  expect(itemOf(live as Item).kind).toBe("message");
});
