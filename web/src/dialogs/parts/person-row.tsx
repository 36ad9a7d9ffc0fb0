import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { formatAgo, t } from "../../i18n";
import { shownInDialog } from "../../shell/watch";
import { me, presence } from "../../state/store";
import { Avatar } from "../../ui";

/** What of a user a row needs; members come with their names, or without. */
export interface Person {
  readonly user_id: string;
  readonly username?: string | undefined;
  readonly nickname?: string | undefined;
}

/** What to call somebody in a list. */
export function nameOfPerson({ nickname, username }: Person): string {
  return nickname || username || t("common.unknown_user");
}

/** Avatar, name and username of somebody, with what else there is to say. Whoever calls it makes it a button or not. */
export function PersonRow({
  person,
  note,
  children,
}: {
  person: Person;
  /** Instead of the username. */
  note?: string | undefined;
  children?: ComponentChildren;
}): JSX.Element {
  const name = nameOfPerson(person);
  const mine = me()?.user_id === person.user_id;
  return (
    <span class="person">
      <Avatar
        id={person.user_id}
        name={name}
        presence={mine ? undefined : presence(person.user_id)?.status}
      />
      <span class="grow person-words">
        <span class="truncate">
          <bdi>{name}</bdi>
          {mine && <span class="soft"> ({t("common.you")})</span>}
        </span>
        <span class="truncate small soft">
          {note ?? (person.username !== undefined && <bdi>@{person.username}</bdi>)}
        </span>
      </span>
      {children}
    </span>
  );
}

/** Where somebody is, in words. */
export function presenceText(userId: string): string | undefined {
  const known = presence(userId);
  if (!known) return undefined;
  if (known.status === "offline" && known.last_seen_ts !== undefined) {
    return t("presence.last_seen", { when: formatAgo(known.last_seen_ts) });
  }
  return t(`presence.${known.status}`);
}

/** Asks for the presence of people for as long as a dialog shows them. */
export function useShown(ids: readonly string[]): void {
  useEffect(() => {
    shownInDialog.value = ids;
    return () => {
      shownInDialog.value = [];
    };
  }, [ids.join(" ")]);
}
