import type { Conversation } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { Button, Dialog, Field, openDialog } from "../ui";
import { useAction } from "./parts/action";
import { ErrorNote } from "./parts/notes";

/** The ways out of a group: leaving it, and for its owner ending it. */
export function GroupEnd({
  conversation,
  onClose,
}: {
  conversation: Conversation;
  onClose: () => void;
}): JSX.Element {
  const { id, info } = conversation;
  const [dissolving, setDissolving] = useState(false);
  const { busy, error, run } = useAction();
  const owner = info.role === "owner";
  const alone = (info.member_count ?? 1) <= 1;
  // The server lets an owner leave only behind nobody, or behind a group that has ended.
  const stuck = owner && !alone && !info.dissolved;
  const leave = async (): Promise<void> => {
    if (await run(() => client().leaveGroup(id))) onClose();
  };
  return (
    <div class="group-end section-ruled">
      <ErrorNote text={error} />
      {stuck && <p class="small soft">{t("group.leave_owner")}</p>}
      <Button
        icon="logout"
        class="button-warn"
        busy={busy}
        disabled={stuck}
        onClick={() =>
          openDialog("confirm", {
            title: t("group.leave_title", { group: info.name ?? id }),
            text: t("group.leave_text"),
            action: t("group.leave"),
            danger: true,
            onConfirm: () => void leave(),
          })
        }
      >
        {t("group.leave")}
      </Button>
      {owner && !info.dissolved && (
        <Button icon="trash" class="button-warn" onClick={() => setDissolving(true)}>
          {t("group.dissolve")}
        </Button>
      )}
      {dissolving && (
        <Dissolve id={id} name={info.name ?? id} onClose={() => setDissolving(false)} onDone={onClose} />
      )}
    </div>
  );
}

/** Asks for the group's name: what this does cannot be undone, and it does it to everybody. */
function Dissolve(props: { id: string; name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const { id, name, onClose, onDone } = props;
  const [typed, setTyped] = useState("");
  const { busy, error, run } = useAction();
  const same = typed.trim().normalize() === name.trim().normalize();
  const dissolve = async (): Promise<void> => {
    if (!same || !(await run(() => client().dissolveGroup(id)))) return;
    onClose();
    onDone();
  };
  return (
    <Dialog
      title={t("group.dissolve_title", { group: name })}
      size="s"
      onClose={onClose}
      onSubmit={() => void dissolve()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={!same}>
            {t("group.dissolve")}
          </Button>
        </>
      }
    >
      <div class="stack">
        <p>{t("group.dissolve_text")}</p>
        <Field
          label={t("group.dissolve_type")}
          placeholder={name}
          value={typed}
          autofocus
          autocomplete="off"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <ErrorNote text={error} />
      </div>
    </Dialog>
  );
}
