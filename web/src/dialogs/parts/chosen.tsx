import type { User } from "@pingme/sdk";
import type { JSX } from "preact";
import { t } from "../../i18n";
import { Avatar, Icon } from "../../ui";
import { nameOfPerson } from "./person-row";

/** The people who were picked, each a button that takes them off. */
export function Chosen({
  people,
  none,
  onRemove,
}: {
  /** Said while nobody is chosen. */
  none?: string;
  people: readonly User[];
  onRemove: (userId: string) => void;
}): JSX.Element {
  return (
    <>
      <p class="small soft" role="status">
        {people.length === 0 ? none : t("group.chosen", { count: people.length })}
      </p>
      {people.length > 0 && (
        <ul class="chosen">
          {people.map((user) => {
            const name = nameOfPerson(user);
            return (
              <li key={user.user_id}>
                <button
                  type="button"
                  class="chip"
                  aria-label={t("group.unchoose", { name })}
                  onClick={() => onRemove(user.user_id)}
                >
                  <Avatar id={user.user_id} name={name} size="s" />
                  <bdi class="truncate">{name}</bdi>
                  <Icon name="close" size={14} />
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}

/** Adds somebody, or takes them off. */
export function toggled(people: readonly User[], user: User): readonly User[] {
  const without = people.filter(({ user_id }) => user_id !== user.user_id);
  return without.length < people.length ? without : [...people, user];
}
