// @vitest-environment happy-dom
import type { Member, Role } from "@pingme/sdk";
import { describe, expect, it } from "vitest";
import { isoDate, timeOf } from "../../src/dialogs/jump-to-date";
import { memberMenu } from "../../src/dialogs/member-menu";
import { faultsOf } from "../../src/dialogs/password";

function offered(mine: Role | undefined, theirs: Role): string[] {
  const ada = { user_id: "u1", username: "ada", nickname: "Ada", avatar: "" };
  const member: Member = { ...ada, role: theirs, joined_seq: 1 };
  const around = { groupId: "g1", onChange: () => undefined, onClose: () => undefined };
  return memberMenu(member, mine, around).map(({ label }) => label);
}

describe("what one may do with a member", () => {
  it.each<[Role | undefined, Role, string[]]>([
    ["owner", "member", ["Write a message", "Make admin", "Make owner", "Remove from group"]],
    ["owner", "admin", ["Write a message", "Take admin role away", "Make owner", "Remove from group"]],
    ["admin", "member", ["Write a message", "Remove from group"]],
    ["admin", "admin", ["Write a message"]],
    ["admin", "owner", ["Write a message"]],
    ["member", "member", ["Write a message"]],
    [undefined, "member", ["Write a message"]],
  ])("as %s with a %s is what the server allows", (mine, theirs, labels) => {
    expect(offered(mine, theirs)).toEqual(labels);
  });
});

describe("a new password", () => {
  const right = { current: "old password", next: "new password", again: "new password" };

  it("is taken when the fields agree", () => {
    expect(Object.values(faultsOf(right))).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ["current", { current: "" }],
    ["next", { next: "1234567", again: "1234567" }],
    ["next", { next: "x".repeat(129), again: "x".repeat(129) }],
    ["next", { next: right.current, again: right.current }],
    ["again", { again: "another one" }],
  ] as const)("is refused at the field %s for %j", (field, values) => {
    const faults = faultsOf({ ...right, ...values });

    expect(Object.entries(faults).filter(([, fault]) => fault !== undefined)).toHaveLength(1);
    expect(faults[field]).toBeTypeOf("string");
  });

  it("is counted in characters, not in UTF-16 units", () => {
    expect(faultsOf({ ...right, next: "🙂🙂🙂🙂", again: "🙂🙂🙂🙂" }).next).toBeTypeOf("string");
  });
});

describe("a date", () => {
  it("means midnight here, and goes there and back", () => {
    const ts = timeOf("2026-03-20") ?? 0;

    expect(new Date(ts).getHours()).toBe(0);
    expect(isoDate(ts)).toBe("2026-03-20");
  });

  it.each(["", "2026", "20.3.2026", "2026-3-1"])("is none in %j", (text) => {
    expect(timeOf(text)).toBeUndefined();
  });
});
