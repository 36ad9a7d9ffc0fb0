import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { backoffMs, decideReconnect, LINE_BROKE } from "../src/backoff.js";
import { newMsgId, privateConversationId } from "../src/ids.js";
import { decideAnswer } from "../src/outbox.js";
import { sha256 } from "../src/sha256.js";
import { Bell } from "../src/timing.js";

describe("ids", () => {
  test("SHA-256 is that of the platform, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(
          createHash("sha256").update(bytes).digest("hex"),
        );
      }),
    );
  });

  test("a private conversation's id is that of docs/protocol.md, whoever asks", () => {
    expect(privateConversationId("uada", "ubob")).toBe("pquhtzpewhobpvntxntmycnlpi4");
    expect(privateConversationId("ubob", "uada")).toBe("pquhtzpewhobpvntxntmycnlpi4");
  });

  test("msg_ids are UUIDv7 and ascend, also within a millisecond and when the clock goes back", () => {
    const ids = [
      ...Array.from({ length: 5_000 }, () => newMsgId(1_800_000_000_000)),
      newMsgId(1_700_000_000_000),
    ];

    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("coming back", () => {
  test("waits are random up to 200 ms, doubling to 15 s", () => {
    expect([1, 2, 3, 20, 5_000].map((attempt) => backoffMs(attempt, 1))).toEqual([
      200, 400, 800, 15_000, 15_000,
    ]);
    expect(backoffMs(5, 0)).toBe(0);
  });

  test.each([
    [4450, "revoked"],
    [4451, "replaced"],
    [1009, "protocol"],
    [4400, "protocol"],
  ])("close code %i ends it: %s", (code, stop) => {
    expect(decideReconnect({ code, lived_ms: 0 }, 1, 0.5)).toEqual({ stop });
  });

  test("4401, or a token that is refused, asks for a fresh one first", () => {
    expect(decideReconnect({ code: 4401, lived_ms: 0 }, 1, 0.5)).toEqual({ delay_ms: 100, refresh: true });
    const refused = { code: LINE_BROKE, lived_ms: 0, token_refused: true };
    expect(decideReconnect(refused, 1, 0.5)).toEqual({ delay_ms: 100, refresh: true });
  });

  test("a server that leaves is given the time that it asks for", () => {
    const ended = { code: 1001, lived_ms: 0, after_ms: 3_000 };
    expect(decideReconnect(ended, 1, 0.5)).toEqual({ delay_ms: 3_000, refresh: false });
  });
});

describe("what an answer means", () => {
  const error = (code: number, more: object) =>
    ({
      type: "error",
      payload: { code, message: "m", outcome: "refused", retryable: false, ...more },
    }) as const;

  test("no answer, and an unknown outcome, are never called refused", () => {
    expect(decideAnswer(undefined, 1, 1)).toEqual({ again_ms: 200 });
    expect(decideAnswer(error(10009, { outcome: "unknown", retryable: true }), 2, 1)).toEqual({
      again_ms: 400,
    });
  });

  test("overload is tried again after the time that the server names", () => {
    const overloaded = error(10008, { retryable: true, retry_after_ms: 2_000 });
    expect(decideAnswer(overloaded, 1, 1)).toEqual({ again_ms: 2_000 });
  });

  test("a refusal is final, and a dead letter is unknown for good", () => {
    expect(decideAnswer(error(40005, {}), 1, 1)).toMatchObject({ failed: { kind: "refused", code: 40005 } });
    expect(decideAnswer(error(50006, {}), 1, 1)).toMatchObject({ failed: { kind: "unknown", code: 50006 } });
  });
});

describe("waiting", () => {
  test("a bell that rings often leaves nothing behind on the signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    vi.spyOn(signal, "addEventListener").mockImplementation(() => listeners++);
    vi.spyOn(signal, "removeEventListener").mockImplementation(() => listeners--);
    const bell = new Bell();

    for (let round = 0; round < 100; round++) {
      const rung = bell.wait(undefined, signal);
      bell.set();
      await rung;
    }

    expect(listeners).toBe(0);
  });

  test("a bell that rang before is heard at once, one that does not ring ends with the time or the signal", async () => {
    const stop = new AbortController();
    const bell = new Bell();
    bell.set();
    await bell.wait(undefined, stop.signal);
    await bell.wait(1, stop.signal);
    const waiting = bell.wait(undefined, stop.signal);
    stop.abort();
    await waiting;
  });
});
