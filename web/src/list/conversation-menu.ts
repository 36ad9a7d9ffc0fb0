import { t } from "../i18n";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { conversation, titleOf } from "../state/store";
import { type Anchor, type MenuItem, openDialog, openMenu, toast } from "../ui";

/** What one can do with a conversation. `open`: it is the one that is open. */
export function openConversationMenu(id: string, anchor: Anchor, { open = false } = {}): void {
  const one = conversation(id);
  if (!one) return;
  const { pinned = false, muted = false } = one.info;
  const set = (values: { pinned?: boolean; muted?: boolean }): void => {
    client()
      .settings(id, values)
      .catch((error: unknown) => toast(explain(error), { kind: "error" }));
  };
  const read: MenuItem[] =
    one.unread === 0
      ? []
      : [{ label: t("list.mark_read"), icon: "check", onSelect: () => client().markRead(id) }];
  openMenu({
    anchor,
    label: titleOf(one),
    items: [
      ...read,
      { label: t(pinned ? "list.unpin" : "list.pin"), icon: "pin", onSelect: () => set({ pinned: !pinned }) },
      {
        label: t(muted ? "list.unmute" : "list.mute"),
        icon: muted ? "bell" : "mute",
        onSelect: () => set({ muted: !muted }),
      },
      ...(open
        ? [
            {
              label: t("chat.jump_to_date"),
              icon: "calendar" as const,
              onSelect: () => openDialog("jumpToDate", { conversation_id: id }),
            },
          ]
        : []),
      { label: t("chat.info"), icon: "info", onSelect: () => openDialog("details", { conversation_id: id }) },
    ],
  });
}
