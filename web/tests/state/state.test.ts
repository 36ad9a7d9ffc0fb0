// @vitest-environment happy-dom
import { ErrorCode, PingMeError } from "@pingme/sdk";
import { effect } from "@preact/signals";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { passwordFault, usernameFault } from "../../src/auth/rules";
import { attachClient, flushChanges } from "../../src/state/client";
import { draftOf, keepDraft, tellDraft } from "../../src/state/drafts";
import { FakeClient } from "../../src/state/fake";
import { deviceName } from "../../src/state/make-client";
import { hrefOf, parseRoute } from "../../src/state/route";
import { conversation } from "../../src/state/store";
import { hueOf, initialsOf } from "../../src/ui/avatar";

describe("routes", () => {
  it.each([
    ["#/c/g1", { view: "conversation", id: "g1" }],
    ["#/c/g1/42", { view: "conversation", id: "g1", seq: 42 }],
    ["#/u/u1", { view: "user", userId: "u1" }],
    ["#/", { view: "home" }],
  ] as const)("%s is read and written", (href, route) => {
    expect(parseRoute(href)).toEqual(route);
    expect(hrefOf(route)).toBe(href);
  });

  it.each(["", "#/c/", "#/c/<b>", "#/c/a/b", "#/x/g1", "#javascript:alert(1)"])("%s is home", (href) => {
    expect(parseRoute(href)).toEqual({ view: "home" });
  });
});

describe("following the client", () => {
  it("draws once per frame, and only what changed", () => {
    const fake = new FakeClient();
    attachClient(fake);
    fake.addConversation({ conversation_id: "p1", type: "private", peer_id: "u1" });
    fake.addConversation({ conversation_id: "p2", type: "private", peer_id: "u2" });
    flushChanges();
    const first = vi.fn();
    const second = vi.fn();
    const stops = [
      effect(() => first(conversation("p1")?.last_seq)),
      effect(() => second(conversation("p2")?.last_seq)),
    ];

    for (let n = 0; n < 50; n++) fake.append("p1", { content: "x", sender_id: "u1" });
    flushChanges();

    expect(first.mock.calls).toEqual([[0], [50]]);
    expect(second.mock.calls).toEqual([[0]]);
    for (const stop of stops) stop();
  });
});

describe("drafts", () => {
  let fake: FakeClient;

  beforeEach(() => {
    localStorage.clear();
    fake = new FakeClient();
    fake.me = fake.addUser(`ume${Math.random()}`, "Me");
    attachClient(fake);
    fake.addConversation({ conversation_id: `g${fake.me.user_id}`, type: "group" });
  });

  const id = (): string => `g${fake.me?.user_id}`;

  it("are kept at once, and told to the server once the writer leaves", () => {
    keepDraft(id(), "a");
    keepDraft(id(), "ab");

    expect(draftOf(id())).toBe("ab");
    expect(fake.calls).toEqual([]);

    tellDraft(id());

    expect(fake.calls).toEqual([["settings", id(), { draft: "ab" }]]);
  });

  it("from another device are taken over when nothing newer is here", () => {
    keepDraft(id(), "mine");
    tellDraft(id());

    void fake.settings(id(), { draft: "from the phone" });
    flushChanges();

    expect(draftOf(id())).toBe("from the phone");
  });

  it.each([
    ["x".repeat(9_000), "more than the server takes"],
    ["写".repeat(2_731), "more bytes than the server takes, though fewer characters"],
  ])("stay here and are not told when they are too long", (text) => {
    keepDraft(id(), "short");
    tellDraft(id());

    keepDraft(id(), text);
    tellDraft(id());

    expect(fake.calls).toEqual([["settings", id(), { draft: "short" }]]);
    expect(draftOf(id())).toBe(text);
  });

  it("that the server refuses stay here", async () => {
    fake.settings = async (conversation, { draft = "" }) => {
      const { info } = fake.conversation(conversation) ?? {};
      if (info) fake.patch(conversation, { info: { ...info, draft } });
      await Promise.resolve();
      if (info) fake.patch(conversation, { info });
      throw new PingMeError("refused", ErrorCode.LIMIT_REACHED, "not now");
    };
    keepDraft(id(), "mine");

    tellDraft(id());
    await new Promise((resolve) => setTimeout(resolve));

    expect(draftOf(id())).toBe("mine");
  });

  it("of one user are not shown to the next one", () => {
    keepDraft(id(), "mine");
    const shared = id();
    fake.me = fake.addUser("uother", "Other");

    expect(draftOf(shared)).toBe("");
  });
});

describe("names and passwords", () => {
  it("are checked by the rules that need no server", () => {
    expect(usernameFault("ada_l.2-x")).toBeUndefined();
    expect(usernameFault("小林桜")).toBeUndefined();
    for (const bad of ["", "ab", "a b c", "x".repeat(33), "<b>x"])
      expect(usernameFault(bad)).toBeTypeOf("string");
    expect(passwordFault("correct horse", "ada")).toBeUndefined();
    for (const bad of ["", "short", "x".repeat(129), "adalovelace"]) {
      expect(passwordFault(bad, "AdaLovelace")).toBeTypeOf("string");
    }
  });
});

describe("avatars", () => {
  it.each([
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["小林 さくら", "小"],
    ["🙂", ""],
    ["  ", ""],
  ])("%s has the initials %s", (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });

  it("spread colours over ids", () => {
    const hues = new Set(Array.from({ length: 100 }, (_, n) => hueOf(`u${n}`)));

    expect(hues.size).toBe(10);
  });
});

describe("the name of a device", () => {
  it("says browser and system", () => {
    const agent =
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";

    expect(deviceName(agent)).toBe("Chrome on Linux");
  });
});
