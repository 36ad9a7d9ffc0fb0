import type { Conversation, Role } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { formatFull, t } from "../i18n";
import { client } from "../state/client";
import { renderText } from "../text";
import { Avatar, Dialog, IconButton } from "../ui";
import { GroupEnd } from "./group-end";
import { GroupMembers } from "./group-members";
import { type Action, useAction } from "./parts/action";
import { ConversationToggles } from "./parts/conversation-toggles";
import { EditText } from "./parts/edit-text";
import { useLoaded } from "./parts/loaded";
import { CopyLine, ErrorNote, Section } from "./parts/notes";
import { HistoryChoice, JoinChoice } from "./parts/policies";

const MAX_NAME = 100; // characters; these two are the server's bounds (docs/protocol.md)
const MAX_ANNOUNCEMENT = 2_000;

interface PartProps {
  readonly conversation: Conversation;
  /** True for the owner and admins of a group that goes on. */
  readonly manages: boolean;
  readonly action: Action;
}

/** Everything about a group that is not its messages. */
export function GroupDetails({
  conversation,
  onClose,
}: {
  conversation: Conversation;
  onClose: () => void;
}): JSX.Element {
  const { info } = conversation;
  const action = useAction();
  const open = !(info.former ?? false) && !(info.dissolved ?? false);
  const part: PartProps = { conversation, manages: open && isAdmin(info.role), action };
  return (
    <Dialog title={t("group.details")} onClose={onClose}>
      <div class="stack">
        <Head {...part} />
        {info.former && <p class="note">{t("group.former")}</p>}
        {info.dissolved && <p class="note">{t("group.dissolved")}</p>}
        <ErrorNote text={action.error} />
        <Announcement {...part} />
        {!info.former && <ConversationToggles conversation={conversation} onError={action.complain} />}
        {!info.former && <GroupMembers conversation={conversation} open={open} onClose={onClose} />}
        {!info.former && <Rules {...part} />}
        {!info.former && <GroupEnd conversation={conversation} onClose={onClose} />}
      </div>
    </Dialog>
  );
}

function Head({ conversation, manages, action }: PartProps): JSX.Element {
  const { id, info } = conversation;
  const [editing, setEditing] = useState(false);
  const group = useLoaded(() => client().group(id), [id]);
  const name = info.name || id;
  const rename = async (next: string): Promise<void> => {
    if (await action.run(() => client().updateGroup(id, { name: next }))) setEditing(false);
  };
  return (
    <div class="portrait">
      <Avatar id={id} name={name} size="xl" group />
      {editing ? (
        <EditText
          label={t("group.name")}
          value={name}
          maxLength={MAX_NAME}
          required={t("group.name_missing")}
          busy={action.busy}
          onSave={(next) => void rename(next)}
          onCancel={() => setEditing(false)}
        />
      ) : (
        <p class="portrait-name">
          <bdi>{name}</bdi>
          {manages && (
            <IconButton icon="edit" size={18} label={t("group.rename")} onClick={() => setEditing(true)} />
          )}
        </p>
      )}
      <p class="soft small">
        {t("common.members", { count: info.member_count ?? 0 })}
        {group.value && ` · ${t("group.created", { when: formatFull(group.value.created_ts) })}`}
      </p>
    </div>
  );
}

function Announcement({ conversation, manages, action }: PartProps): JSX.Element | null {
  const { id, info } = conversation;
  const [editing, setEditing] = useState(false);
  const text = info.announcement ?? "";
  if (text === "" && !manages) return null;
  const save = async (next: string): Promise<void> => {
    if (await action.run(() => client().updateGroup(id, { announcement: next }))) setEditing(false);
  };
  return (
    <Section
      ruled
      title={t("group.announcement")}
      aside={
        manages &&
        !editing && (
          <IconButton
            icon="edit"
            size={18}
            label={t("group.announcement_edit")}
            onClick={() => setEditing(true)}
          />
        )
      }
    >
      {editing ? (
        <EditText
          label={t("group.announcement")}
          hint={t("group.announcement_hint")}
          value={text}
          maxLength={MAX_ANNOUNCEMENT}
          lines
          busy={action.busy}
          onSave={(next) => void save(next)}
          onCancel={() => setEditing(false)}
        />
      ) : text === "" ? (
        <p class="soft">{t("group.announcement_none")}</p>
      ) : (
        <div class="announcement">{renderText(text)}</div>
      )}
    </Section>
  );
}

function Rules({ conversation, manages, action }: PartProps): JSX.Element {
  const { id, info } = conversation;
  const history = info.history_policy ?? "from_join";
  const join = info.join_policy ?? "invite";
  const change = (values: Parameters<ReturnType<typeof client>["updateGroup"]>[1]): void => {
    void action.run(() => client().updateGroup(id, values));
  };
  return (
    <Section ruled title={t("group.permissions")}>
      {manages ? (
        <>
          <HistoryChoice
            value={history}
            disabled={action.busy}
            onChange={(history_policy) => change({ history_policy })}
          />
          <p class="small soft">{t("group.history_later")}</p>
          <JoinChoice
            value={join}
            disabled={action.busy}
            onChange={(join_policy) => change({ join_policy })}
          />
        </>
      ) : (
        <dl class="facts">
          <dt>{t("group.history")}</dt>
          <dd>{t(`group.history_${history}`)}</dd>
          <dt>{t("group.join")}</dt>
          <dd>{t(`group.join_${join}`)}</dd>
        </dl>
      )}
      {join === "open" && <CopyLine label={t("group.id")} value={id} hint={t("group.id_hint")} />}
    </Section>
  );
}

/** True for roles that may change a group. */
export function isAdmin(role: Role | undefined): boolean {
  return role === "owner" || role === "admin";
}
