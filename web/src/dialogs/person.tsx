import type { Conversation } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../i18n";
import { client } from "../state/client";
import { me, nameOf, presence, user } from "../state/store";
import { Avatar, Button, Dialog, type DialogProps, toast } from "../ui";
import { useAction } from "./parts/action";
import { ConversationToggles } from "./parts/conversation-toggles";
import { useLoaded } from "./parts/loaded";
import { CopyLine, ErrorNote } from "./parts/notes";
import { openChatWith } from "./parts/people";
import { presenceText, useShown } from "./parts/person-row";

/** Somebody, from a mention or a list of members: there may be no chat with them yet. */
export function Person({ args, onClose }: DialogProps<"person">): JSX.Element {
  const found = useLoaded(() => client().conversationWith(args.user_id), [args.user_id]);
  const known = found.value === undefined ? undefined : client().conversation(found.value);
  return <PersonDetails userId={args.user_id} conversation={known} onClose={onClose} />;
}

/** Who somebody is, and the settings of the chat with them, if there is one. */
export function PersonDetails(props: {
  userId: string;
  conversation: Conversation | undefined;
  onClose: () => void;
}): JSX.Element {
  const { userId, conversation, onClose } = props;
  const { busy, error, run } = useAction();
  useShown([userId]);
  const known = user(userId);
  const name = nameOf(userId) || t("common.unknown_user");
  const mine = me()?.user_id === userId;
  const write = async (): Promise<void> => {
    if (await run(() => openChatWith(userId))) onClose();
  };
  return (
    <Dialog title={t("private.title")} size="s" onClose={onClose}>
      <div class="stack">
        <div class="portrait">
          <Avatar id={userId} name={name} size="xl" presence={mine ? undefined : presence(userId)?.status} />
          <p class="portrait-name">
            <bdi>{name}</bdi>
          </p>
          {!mine && <p class="soft">{presenceText(userId)}</p>}
          {!mine && (
            <Button kind="primary" icon="chat" busy={busy} onClick={() => void write()}>
              {t("group.message")}
            </Button>
          )}
        </div>
        <ErrorNote text={error} />
        {known && <CopyLine label={t("private.username")} value={known.username} />}
        <CopyLine label={t("private.user_id")} value={userId} />
        {conversation && <ConversationToggles conversation={conversation} onError={sayError} />}
      </div>
    </Dialog>
  );
}

function sayError(text: string): void {
  toast(text, { kind: "error" });
}
