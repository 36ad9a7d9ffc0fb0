import type { Member, Role } from "@pingme/sdk";
import { t } from "../i18n";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { type MenuItem, openDialog, toast } from "../ui";
import { openChatWith } from "./parts/people";
import { nameOfPerson } from "./parts/person-row";

interface Around {
  readonly groupId: string;
  /** Does a change and shows what it led to. */
  readonly onChange: (work: () => Promise<void>) => void;
  readonly onClose: () => void;
}

/**
 * What one may do with another member, by both roles: the rules are the server's (docs/access.md), this only leaves
 * out what it would refuse.
 */
export function memberMenu(member: Member, mine: Role | undefined, around: Around): MenuItem[] {
  const { groupId, onChange, onClose } = around;
  const { user_id, role } = member;
  const name = nameOfPerson(member);
  const setRole = (next: Role) => () => onChange(() => client().setRole(groupId, user_id, next));
  const items: MenuItem[] = [
    { label: t("group.message"), icon: "chat", onSelect: () => write(user_id, onClose) },
  ];
  if (mine === "owner") {
    items.push(
      role === "admin"
        ? { label: t("group.take_admin"), icon: "person", onSelect: setRole("member") }
        : { label: t("group.make_admin"), icon: "key", onSelect: setRole("admin") },
      {
        label: t("group.transfer"),
        icon: "crown",
        onSelect: () =>
          openDialog("confirm", {
            title: t("group.transfer_title", { name }),
            text: t("group.transfer_text", { name }),
            action: t("group.transfer"),
            danger: true,
            onConfirm: setRole("owner"),
          }),
      },
    );
  }
  if (mine === "owner" || (mine === "admin" && role === "member")) {
    items.push({
      label: t("group.remove"),
      icon: "trash",
      danger: true,
      onSelect: () =>
        openDialog("confirm", {
          title: t("group.remove_title", { name }),
          text: t("group.remove_text", { name }),
          action: t("group.remove"),
          danger: true,
          onConfirm: () => onChange(() => client().removeMember(groupId, user_id)),
        }),
    });
  }
  return items;
}

function write(userId: string, onClose: () => void): void {
  openChatWith(userId).then(onClose, (error: unknown) => toast(explain(error), { kind: "error" }));
}
