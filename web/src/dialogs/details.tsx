import type { JSX } from "preact";
import { t } from "../i18n";
import { conversation } from "../state/store";
import { Dialog, type DialogProps, EmptyState } from "../ui";
import { GroupDetails } from "./group-details";
import { PersonDetails } from "./person";

/** What there is to know and to do about a conversation. */
export function Details({ args, onClose }: DialogProps<"details">): JSX.Element {
  const known = conversation(args.conversation_id);
  if (known?.info.type === "group") return <GroupDetails conversation={known} onClose={onClose} />;
  if (known?.info.peer_id !== undefined) {
    return <PersonDetails userId={known.info.peer_id} conversation={known} onClose={onClose} />;
  }
  return (
    <Dialog title={t("private.title")} onClose={onClose}>
      <EmptyState icon="chat" title={t("shell.not_found")} />
    </Dialog>
  );
}
