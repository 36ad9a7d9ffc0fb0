// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { findConversations, fold } from "../../src/list/find";
import { attachClient } from "../../src/state/client";
import { FakeClient } from "../../src/state/fake";

let fake: FakeClient;

beforeEach(() => {
  fake = new FakeClient();
  fake.me = fake.addUser("ume", "Me");
  attachClient(fake);
  fake.addUser("uzoe", "Zoë Müller");
  fake.addConversation({ conversation_id: "p1", type: "private", peer_id: "uzoe" });
  fake.addConversation({ conversation_id: "g1", type: "group", name: "Friday lunch" });
  fake.append("g1", { content: "soup?", sender_id: "uzoe" });
});

const ids = (query: string, filter: "all" | "unread" | "groups" = "all"): string[] =>
  findConversations(query, filter).map(({ id }) => id);

describe("finding conversations", () => {
  it("needs no accents, no case, and any order of the words", () => {
    expect(ids("zoe")).toEqual(["p1"]);
    expect(ids("LUNCH fri")).toEqual(["g1"]);
    expect(ids("lunch zoe")).toEqual([]);
  });

  it("shows the unread ones, or the groups", () => {
    expect(ids("", "unread")).toEqual(["g1"]);
    fake.markRead("g1");
    expect(ids("", "unread")).toEqual([]);
    expect(ids("", "groups")).toEqual(["g1"]);
  });

  it("compares full-width letters like others", () => {
    expect(fold("Ａｄａ")).toBe("ada");
  });
});
