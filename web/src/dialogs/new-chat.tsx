import type { JSX } from "preact";
import { t } from "../i18n";
import { Button, Dialog, type DialogProps, openDialog } from "../ui";
import { useAction } from "./parts/action";
import { ErrorNote, Section } from "./parts/notes";
import { openChatWith, recentPeople } from "./parts/people";
import { PeoplePicker } from "./parts/people-picker";
import { PersonRow } from "./parts/person-row";

const RECENT = 6;

/** Finds somebody and goes to the chat with them. */
export function NewChat({ args, onClose }: DialogProps<"newChat">): JSX.Element {
  const { error, run } = useAction();
  const open = async (userId: string): Promise<void> => {
    if (await run(() => openChatWith(userId))) onClose();
  };
  const recent = recentPeople(RECENT);
  const instead = (name: "newGroup" | "joinGroup"): void => {
    onClose();
    openDialog(name);
  };
  return (
    <Dialog title={t("people.title")} onClose={onClose}>
      <div class="people">
        <PeoplePicker
          label={t("people.search")}
          {...(args.query === undefined ? {} : { initial: args.query })}
          onPick={({ user_id }) => void open(user_id)}
        >
          <div class="instead">
            <Button icon="people" onClick={() => instead("newGroup")}>
              {t("shell.new_group")}
            </Button>
            <Button icon="plus" onClick={() => instead("joinGroup")}>
              {t("shell.join_group")}
            </Button>
          </div>
          {recent.length === 0 ? (
            <p class="soft picker-none">{t("people.start_typing")}</p>
          ) : (
            <Section title={t("people.recent")}>
              {recent.map((user) => (
                <button
                  key={user.user_id}
                  type="button"
                  class="option"
                  onClick={() => void open(user.user_id)}
                >
                  <PersonRow person={user} />
                </button>
              ))}
            </Section>
          )}
        </PeoplePicker>
      </div>
      <ErrorNote text={error} />
    </Dialog>
  );
}
