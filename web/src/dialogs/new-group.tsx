import type { HistoryPolicy, JoinPolicy, User } from "@pingme/sdk";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { navigate } from "../state/route";
import { Button, Dialog, type DialogProps, Field } from "../ui";
import { useAction } from "./parts/action";
import { Chosen, toggled } from "./parts/chosen";
import { ErrorNote, Section } from "./parts/notes";
import { PeoplePicker } from "./parts/people-picker";
import { HistoryChoice, JoinChoice } from "./parts/policies";

const MAX_NAME = 100; // characters; the server's bound (docs/protocol.md)

/** Makes a group: its name, its first members, and its two rules. */
export function NewGroup({ args, onClose }: DialogProps<"newGroup">): JSX.Element {
  const [name, setName] = useState("");
  const [people, setPeople] = useState<readonly User[]>([]);
  const [history, setHistory] = useState<HistoryPolicy>("from_join");
  const [join, setJoin] = useState<JoinPolicy>("invite");
  const [missing, setMissing] = useState(false);
  const { busy, error, run } = useAction();

  useEffect(() => {
    if (args.member_ids)
      void client()
        .users(args.member_ids)
        .then(setPeople, () => undefined);
  }, [args.member_ids]);

  const create = async (): Promise<void> => {
    setMissing(name.trim() === "");
    if (name.trim() === "") return;
    const done = await run(async () => {
      const member_ids = people.map(({ user_id }) => user_id);
      const group = await client().createGroup({
        name: name.trim(),
        member_ids,
        history_policy: history,
        join_policy: join,
      });
      navigate({ view: "conversation", id: group.group_id });
    });
    if (done) onClose();
  };

  return (
    <Dialog
      title={t("group.new_title")}
      onClose={onClose}
      onSubmit={() => void create()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("group.create")}
          </Button>
        </>
      }
    >
      <div class="stack">
        <Field
          label={t("group.name")}
          placeholder={t("group.name_placeholder")}
          value={name}
          maxLength={MAX_NAME}
          autofocus
          error={missing && name.trim() === "" ? t("group.name_missing") : undefined}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Section title={t("group.choose_members")}>
          <PeoplePicker
            label={t("people.search")}
            focus={false}
            picked={new Set(people.map(({ user_id }) => user_id))}
            onPick={(user) => setPeople(toggled(people, user))}
          />
          <Chosen
            none={t("group.no_members_yet")}
            people={people}
            onRemove={(id) => setPeople(people.filter(({ user_id }) => user_id !== id))}
          />
        </Section>
        <HistoryChoice value={history} onChange={setHistory} />
        <JoinChoice value={join} onChange={setJoin} />
        <ErrorNote text={error} />
      </div>
    </Dialog>
  );
}
