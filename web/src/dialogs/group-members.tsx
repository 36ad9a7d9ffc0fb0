import type { Conversation, Member } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { me } from "../state/store";
import { Badge, Button, IconButton, openDialog, openMenu } from "../ui";
import { AddMembers } from "./add-members";
import { isAdmin } from "./group-details";
import { memberMenu } from "./member-menu";
import { useAction } from "./parts/action";
import { useLoaded } from "./parts/loaded";
import { ErrorNote, Section, Waiting } from "./parts/notes";
import { nameOfPerson, PersonRow, presenceText, useShown } from "./parts/person-row";

const SEARCH_FROM = 9; // members: fewer are seen at a glance
const STEP = 60; // rows drawn at once; a thousand would take long and nobody reads them
const RANK: Readonly<Record<Member["role"], number>> = { owner: 0, admin: 1, member: 2 };

/** The members of a group, and what one may do with them. */
export function GroupMembers({
  conversation,
  open,
  onClose,
}: {
  conversation: Conversation;
  open: boolean;
  onClose: () => void;
}): JSX.Element {
  const { id, info } = conversation;
  const [query, setQuery] = useState("");
  const [adding, setAdding] = useState(false);
  const [limit, setLimit] = useState(STEP);
  const action = useAction();
  // Whatever changes members or roles also changes one of these, or is done here.
  const members = useLoaded(() => client().members(id), [id, info.member_count, info.role]);
  const all = [...(members.value ?? [])].sort(byRankAndName);
  const shown = all.filter((member) => matches(member, query));
  useShown(shown.slice(0, limit).map(({ user_id }) => user_id));
  const change = async (work: () => Promise<void>): Promise<void> => {
    if (await action.run(work)) await members.reload();
  };
  return (
    <Section
      ruled
      title={`${t("group.members")} (${info.member_count ?? all.length})`}
      aside={
        open &&
        (info.join_policy === "open" || isAdmin(info.role)) && (
          <Button kind="ghost" icon="person_plus" onClick={() => setAdding(true)}>
            {t("common.add")}
          </Button>
        )
      }
    >
      <ErrorNote text={action.error ?? members.error} retry={() => void members.reload()} />
      {!members.value && members.error === undefined && <Waiting />}
      {all.length >= SEARCH_FROM && <MemberSearch value={query} onChange={setQuery} />}
      {members.value && shown.length === 0 && (
        <p class="soft picker-none">{t("group.no_member_found", { query })}</p>
      )}
      <ul class="members">
        {shown.slice(0, limit).map((member) => (
          <MemberLine
            key={member.user_id}
            groupId={id}
            member={member}
            mine={open ? info.role : undefined}
            onChange={(work) => void change(work)}
            onClose={onClose}
          />
        ))}
      </ul>
      {shown.length > limit && (
        <Button wide kind="ghost" onClick={() => setLimit(limit + STEP)}>
          {t("group.show_more", { count: shown.length - limit })}
        </Button>
      )}
      {adding && (
        <AddMembers
          groupId={id}
          members={new Set(all.map(({ user_id }) => user_id))}
          onClose={() => setAdding(false)}
          onDone={() => void members.reload()}
        />
      )}
    </Section>
  );
}

function MemberLine(props: {
  groupId: string;
  member: Member;
  /** One's own role; undefined where nothing can be changed. */
  mine: Member["role"] | undefined;
  onChange: (work: () => Promise<void>) => void;
  onClose: () => void;
}): JSX.Element {
  const { groupId, member, mine, onChange, onClose } = props;
  const name = nameOfPerson(member);
  const self = member.user_id === me()?.user_id;
  const show = (event: MouseEvent): void => {
    openMenu({
      anchor: event.currentTarget as HTMLElement,
      label: t("group.member_actions", { name }),
      items: memberMenu(member, mine, { groupId, onChange, onClose }),
    });
  };
  return (
    <li class="member">
      <button type="button" class="option" onClick={() => openDialog("person", { user_id: member.user_id })}>
        <PersonRow person={member} note={self ? undefined : presenceText(member.user_id)}>
          {member.role !== "member" && <Badge kind="quiet">{t(`group.role_${member.role}`)}</Badge>}
        </PersonRow>
      </button>
      {!self && <IconButton icon="more" label={t("group.member_actions", { name })} onClick={show} />}
    </li>
  );
}

function MemberSearch({
  value,
  onChange,
}: {
  value: string;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <span class="field-box">
      <input
        type="search"
        dir="auto"
        aria-label={t("group.search_members")}
        placeholder={t("group.search_members")}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </span>
  );
}

function byRankAndName(a: Member, b: Member): number {
  return RANK[a.role] - RANK[b.role] || nameOfPerson(a).localeCompare(nameOfPerson(b));
}

function matches({ username, nickname }: Member, query: string): boolean {
  const wanted = query.trim().toLocaleLowerCase();
  return [username, nickname].some((name) => name.toLocaleLowerCase().includes(wanted));
}
