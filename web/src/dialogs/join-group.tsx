import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { navigate } from "../state/route";
import { Button, Dialog, type DialogProps, Field } from "../ui";
import { useAction } from "./parts/action";

const GROUP_ID = /^g[A-Za-z0-9_-]{1,63}$/;

/** Joins an open group by its id. */
export function JoinGroup({ onClose }: DialogProps<"joinGroup">): JSX.Element {
  const [typed, setTyped] = useState("");
  const { busy, error, run, complain } = useAction();
  const join = async (): Promise<void> => {
    const id = typed.trim();
    if (!GROUP_ID.test(id)) return complain(t(id === "" ? "group.join_missing" : "group.join_bad"));
    const done = await run(async () => {
      await client().joinGroup(id);
      navigate({ view: "conversation", id });
    });
    if (done) onClose();
  };
  return (
    <Dialog
      title={t("group.join_title")}
      size="s"
      onClose={onClose}
      onSubmit={() => void join()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("group.join_button")}
          </Button>
        </>
      }
    >
      <Field
        label={t("group.join_label")}
        hint={t("group.join_hint")}
        value={typed}
        error={error}
        autofocus
        autocapitalize="none"
        autocomplete="off"
        spellcheck={false}
        maxLength={64}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          complain(undefined);
        }}
      />
    </Dialog>
  );
}
