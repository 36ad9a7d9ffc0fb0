import type { User } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { Button, Dialog } from "../ui";
import { useAction } from "./parts/action";
import { Chosen, toggled } from "./parts/chosen";
import { ErrorNote } from "./parts/notes";
import { PeoplePicker } from "./parts/people-picker";

/** Picks people and adds them to a group. */
export function AddMembers(props: {
  groupId: string;
  members: ReadonlySet<string>;
  onClose: () => void;
  onDone: () => void;
}): JSX.Element {
  const { groupId, members, onClose, onDone } = props;
  const [people, setPeople] = useState<readonly User[]>([]);
  const { busy, error, run } = useAction();
  const add = async (): Promise<void> => {
    const ids = people.map(({ user_id }) => user_id);
    if (ids.length === 0 || !(await run(() => client().addMembers(groupId, ids)))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog
      title={t("group.add_members")}
      onClose={onClose}
      onSubmit={() => void add()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={people.length === 0}>
            {people.length === 0 ? t("common.add") : t("group.add_count", { count: people.length })}
          </Button>
        </>
      }
    >
      <div class="stack people">
        <PeoplePicker
          label={t("people.search")}
          picked={new Set(people.map(({ user_id }) => user_id))}
          refuse={(id) => (members.has(id) ? t("group.already_member") : undefined)}
          onPick={(user) => setPeople(toggled(people, user))}
        />
        <Chosen
          people={people}
          onRemove={(id) => setPeople(people.filter(({ user_id }) => user_id !== id))}
        />
        <ErrorNote text={error} />
      </div>
    </Dialog>
  );
}
