import fc from "fast-check";
import { expect, test } from "vitest";
import { HOLD_MS, Log, MAX_EARLY } from "../src/log.js";
import type { Item } from "../src/wire.js";

const item = (seq: number): Item => ({
  kind: "message",
  conversation_id: "g",
  seq,
  sender_id: "ua",
  server_ts: seq,
  msg_id: `m${seq}`,
  content: `${seq}`,
  content_type: "text",
});
const range = (from: number, upto: number): Item[] =>
  Array.from({ length: Math.max(upto - from + 1, 0) }, (_, index) => item(from + index));
const seqs = (items: readonly Item[]): number[] => items.map(({ seq }) => seq);

test("any order, loss and repetition of pushes gives the log once, in order", () => {
  const push = fc.record({
    seq: fc.integer({ min: 1, max: 30 }),
    wait: fc.integer({ min: 0, max: 150 }),
    fetch: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10 }),
      fc.array(push, { maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      (start, pushes, size) => {
        const head = 30;
        const log = new Log(start);
        const told: number[] = [];
        let now = 0;
        for (const { seq, wait, fetch } of pushes) {
          now += wait;
          told.push(...seqs(log.offer(item(seq), now)));
          if (fetch && log.dueAtMs !== null && log.dueAtMs <= now) {
            const after = log.known ?? 0;
            const upto = Math.min(after + size, head);
            told.push(...seqs(log.fill(after, range(after + 1, upto), upto < head, now)));
          }
        }
        log.announce(head, now);
        while (log.dueAtMs !== null) {
          const after = log.known ?? 0;
          const upto = Math.min(after + size, head);
          told.push(...seqs(log.fill(after, range(after + 1, upto), upto < head, log.dueAtMs)));
        }

        expect(told).toEqual(seqs(range(start + 1, head)));
      },
    ),
    { numRuns: 300 },
  );
});

test("what comes early waits, and then the hole is due", () => {
  const log = new Log(1);

  expect(log.offer(item(3), 1_000)).toEqual([]);
  expect(log.dueAtMs).toBe(1_000 + HOLD_MS);
  expect(seqs(log.offer(item(2), 1_100))).toEqual([2, 3]);
  expect(log.dueAtMs).toBeNull();
});

test("a page that begins later shows where the visible log begins", () => {
  const log = new Log();
  log.offer(item(9), 0);

  expect(seqs(log.fill(0, range(7, 8), true, HOLD_MS))).toEqual([7, 8, 9]);
});

test("a jump drops what is older and gives what follows", () => {
  const log = new Log(1);
  log.offer(item(5), 0);
  log.offer(item(8), 0);

  expect(seqs(log.jump(7, 10))).toEqual([8]);
  expect(log.dueAtMs).toBeNull();
});

test("held entries are bounded; the rest is fetched when its turn has come", () => {
  const log = new Log(0);
  for (const one of range(2, MAX_EARLY + 101)) log.offer(one, 0);

  expect(log.held).toBe(MAX_EARLY);
  expect(log.offer(item(1), 0)).toHaveLength(MAX_EARLY);
  expect(log.dueAtMs).toBe(HOLD_MS);
});

test("answers that show nothing are asked for ever more slowly, never skipped", () => {
  const log = new Log(0);
  log.announce(1, 0);
  const moments: (number | null)[] = [];
  for (let round = 0; round < 4; round++) {
    moments.push(log.dueAtMs);
    log.fill(0, [], false, log.dueAtMs ?? 0);
  }

  expect(moments).toEqual([0, 1_000, 3_000, 7_000]);
  expect(seqs(log.offer(item(1), 8_000))).toEqual([1]);
});
