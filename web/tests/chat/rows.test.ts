import type { Item, Message, Pending } from "@pingme/sdk";
import { describe, expect, it } from "vitest";
import { daysOf, type Row, type RowsOf, withPending } from "../../src/chat/rows";

const NOON = new Date(2026, 2, 3, 12).getTime();
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function message(seq: number, values: Partial<Message> = {}): Message {
  return {
    kind: "message",
    conversation_id: "c",
    seq,
    sender_id: "uada",
    server_ts: NOON + seq * 1_000,
    msg_id: `id${seq}`,
    content: `text ${seq}`,
    content_type: "text",
    ...values,
  };
}

function waiting(values: Partial<Pending>): Pending {
  return {
    msg_id: "w1",
    conversation_id: "c",
    kind: "send",
    client_ts: NOON + MINUTE,
    state: "waiting",
    ...values,
  };
}

function rows(items: readonly Item[], more: Partial<RowsOf> = {}): readonly Row[] {
  return daysOf({
    items,
    pending: [],
    me: "ume",
    readAtOpen: Number.POSITIVE_INFINITY,
    atEnd: true,
    ...more,
  }).flatMap((day) => day.rows);
}

const firsts = (all: readonly Row[]): boolean[] => all.map((row) => "first" in row && row.first);

describe("days", () => {
  it("begin with the first entry of each calendar day", () => {
    const days = daysOf({
      items: [message(1), message(2, { server_ts: NOON + DAY }), message(3, { server_ts: NOON + DAY })],
      pending: [],
      me: "ume",
      readAtOpen: 0,
      atEnd: true,
    });

    expect(days.map((day) => day.rows.filter(({ kind }) => kind === "message").length)).toEqual([1, 2]);
  });

  it("are not begun anew by a clock that was set back", () => {
    const days = daysOf({
      items: [message(1, { server_ts: NOON + DAY }), message(2, { server_ts: NOON })],
      pending: [],
      me: "ume",
      readAtOpen: Number.POSITIVE_INFINITY,
      atEnd: true,
    });

    expect(days).toHaveLength(1);
  });
});

describe("runs", () => {
  it("join messages of one sender that follow soon", () => {
    expect(firsts(rows([message(1), message(2), message(3, { sender_id: "ubob" })]))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("begin anew after a pause", () => {
    expect(firsts(rows([message(1), message(2, { server_ts: NOON + 10 * MINUTE })]))).toEqual([true, true]);
  });
});

describe("the line of new messages", () => {
  it("stands before the first message of others that was not read", () => {
    const all = rows([message(1), message(2, { sender_id: "ume" }), message(3), message(4)], {
      readAtOpen: 1,
    });

    expect(all.map(({ kind }) => kind)).toEqual(["message", "message", "unread", "message", "message"]);
  });

  it("is not there when nothing was unread", () => {
    expect(rows([message(1)]).some(({ kind }) => kind === "unread")).toBe(false);
  });
});

describe("what waits", () => {
  it("keeps the key of its row when it is stored", () => {
    const before = rows([], { pending: [waiting({ msg_id: "x", content: "hi" })] });
    const after = rows([message(1, { sender_id: "ume", msg_id: "x" })]);

    expect(before.map(({ key }) => key)).toEqual(after.map(({ key }) => key));
  });

  it("is shown once while both the outbox and the log have it", () => {
    const all = rows([message(1, { sender_id: "ume", msg_id: "x" })], {
      pending: [waiting({ msg_id: "x" })],
    });

    expect(all).toHaveLength(1);
  });

  it("is not shown where the newest messages are not loaded", () => {
    expect(rows([message(1)], { pending: [waiting({})], atEnd: false })).toHaveLength(1);
  });

  it("shows an edit before it is confirmed, and the old text when it was refused", () => {
    const edit = waiting({ kind: "edit", target_seq: 1, content: "new" });

    expect(withPending(message(1), edit, "ume").content).toBe("new");
    expect(withPending(message(1), { ...edit, state: "failed" }, "ume").content).toBe("text 1");
  });

  it("shows all that was done to one message, and what of it was refused", () => {
    const put = waiting({ msg_id: "r", kind: "react", target_seq: 1, emoji: "👍" });
    const edit = waiting({ msg_id: "e", kind: "edit", target_seq: 1, content: "new" });
    const refused = waiting({ msg_id: "f", kind: "edit", target_seq: 1, content: "no", state: "failed" });
    const taken = waiting({ msg_id: "t", kind: "react", target_seq: 1, emoji: "🎉" });
    const [row] = rows([message(1)], { pending: [put, edit, refused, taken] });

    if (row?.kind !== "message") throw new Error("no message");
    expect(row.message.content).toBe("new");
    expect(row.message.reactions?.map(({ emoji }) => emoji)).toEqual(["👍", "🎉"]);
    expect(row.op).toBe(refused);
  });

  it("counts one's own reaction once, and takes it away", () => {
    const react = waiting({ kind: "react", target_seq: 1, emoji: "👍" });
    const put = withPending(message(1), react, "ume");

    expect(put.reactions).toEqual([{ emoji: "👍", count: 1, user_ids: ["ume"] }]);
    expect(withPending(put, react, "ume").reactions).toEqual(put.reactions);
    expect(withPending(put, { ...react, remove: true }, "ume").reactions).toEqual([]);
  });
});
