// @vitest-environment happy-dom
import type { Conversation, Message } from "@pingme/sdk";
import { beforeEach, describe, expect, it } from "vitest";
import { decideTelling, type Moment } from "../../src/notify/decide";
import { chooseNotify, notifyPrefs } from "../../src/notify/prefs";
import { titleFor } from "../../src/notify/title";

const ON = { desktop: true, preview: true, sound: true };
const MOMENT: Moment = { me: "ume", prefs: ON, allowed: true, front: [] };

const message = (values: Partial<Message> = {}): Message => ({
  kind: "message",
  conversation_id: "g1",
  seq: 1,
  sender_id: "uother",
  server_ts: 0,
  msg_id: "m1",
  content: "hi",
  content_type: "text",
  ...values,
});

const group = (info: Partial<Conversation["info"]> = {}): Conversation => ({
  id: "g1",
  info: { conversation_id: "g1", type: "group", ...info },
  last_seq: 1,
  delivered_seq: 0,
  read_seq: 0,
  unread: 1,
  peer_delivered_seq: 0,
  peer_read_seq: 0,
  newest_ts: 0,
});

describe("a message", () => {
  it("is told by notification and sound when no page is in front", () => {
    expect(decideTelling(message(), group(), MOMENT)).toEqual({ desktop: true, sound: true });
  });

  it("is told by sound alone when a page shows something else", () => {
    expect(decideTelling(message(), group(), { ...MOMENT, front: [""] })).toEqual({
      desktop: false,
      sound: true,
    });
    expect(decideTelling(message(), group(), { ...MOMENT, front: ["g2"] }).desktop).toBe(false);
  });

  it.each([
    ["of one's own", message({ sender_id: "ume" }), group(), MOMENT],
    ["before one's eyes", message(), group(), { ...MOMENT, front: ["", "g1"] }],
    ["of a muted conversation", message(), group({ muted: true }), MOMENT],
    [
      "of a muted conversation that mentions another",
      message({ mentions: ["ux"] }),
      group({ muted: true }),
      MOMENT,
    ],
    ["that was recalled", message({ recalled: true }), group(), MOMENT],
  ])("%s is not told", (_what, one, where, moment) => {
    expect(decideTelling(one, where, moment)).toEqual({ desktop: false, sound: false });
  });

  it.each([[["ume"]], [["ux", "all"]]])("of a muted conversation is told when it mentions %j", (mentions) => {
    expect(decideTelling(message({ mentions }), group({ muted: true }), MOMENT).desktop).toBe(true);
  });

  it("is told as was chosen and as the browser allows", () => {
    const quiet = { ...MOMENT, prefs: { ...ON, sound: false } };

    expect(decideTelling(message(), group(), quiet)).toEqual({ desktop: true, sound: false });
    expect(decideTelling(message(), group(), { ...MOMENT, allowed: false }).desktop).toBe(false);
    expect(decideTelling(message(), group(), { ...MOMENT, prefs: { ...ON, desktop: false } }).desktop).toBe(
      false,
    );
  });
});

describe("the choices", () => {
  beforeEach(() => localStorage.clear());

  it("are kept in this browser", () => {
    chooseNotify({ sound: true });

    expect(JSON.parse(localStorage.getItem("pingme.notify") ?? "")).toMatchObject({ sound: true });
    expect(notifyPrefs.value.sound).toBe(true);
  });
});

describe("the title", () => {
  it("has the number of unread messages, up to 999", () => {
    expect(titleFor(0)).toBe("PingMe");
    expect(titleFor(3)).toBe("(3) PingMe");
    expect(titleFor(5_000)).toBe("(999+) PingMe");
  });
});
