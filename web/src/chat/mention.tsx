import type { Member } from "@pingme/sdk";
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { fold } from "../list/find";
import { client } from "../state/client";
import { EVERYONE, EVERYONE_NAMES, mentionedIn } from "../text/mentions";
import { Avatar, Icon } from "../ui";
import type { Chat } from "./chat";

const MAX_SHOWN = 8;
const MAX_MENTIONS = 50; // docs/protocol.md, "send"
const FRESH_MS = 60_000; // members change seldom; a minute later they are asked for again
// An @ at the beginning of a word, and what is typed of a name: up to two words.
const BEGUN = /(?:^|[\s([{"'])@([\p{L}\p{M}\p{N}_.-]*(?: [\p{L}\p{M}\p{N}_.-]*)?)$/u;

/** Somebody to mention. */
interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly username: string;
}

const known = new Map<string, { at: number; people: readonly Candidate[] }>();

/** The mention that is being typed at the caret: where its @ stands, and what follows. */
export function mentionBegunAt(text: string, caret: number): { from: number; query: string } | undefined {
  const found = BEGUN.exec(text.slice(0, caret));
  return found?.[1] === undefined ? undefined : { from: caret - found[1].length - 1, query: found[1] };
}

/** Asks who is in the group, once in a while. */
export async function loadMembers(chat: Chat): Promise<void> {
  if (!chat.isGroup || Date.now() - (known.get(chat.id)?.at ?? 0) < FRESH_MS) return;
  known.set(chat.id, { at: Date.now(), people: known.get(chat.id)?.people ?? [] });
  try {
    const members = await client().members(chat.id);
    const people = members.filter(({ user_id }) => user_id !== client().me?.user_id).map(candidate);
    known.set(chat.id, { at: Date.now(), people });
  } catch {
    known.delete(chat.id); // offline: there is no completion until it is asked again
  }
}

function candidate({ user_id, username, nickname }: Member): Candidate {
  const user = client().user(user_id);
  const login = username ?? user?.username ?? "";
  return { id: user_id, name: nickname || user?.nickname || login, username: login };
}

/** Ids of those whom a text to the group mentions. */
export function findMentions(chat: Chat, text: string): string[] {
  if (!text.includes("@") || !chat.isGroup) return [];
  const people = (known.get(chat.id)?.people ?? []).map(({ id, name, username }) => ({
    id,
    names: [name, username].filter((each) => each !== ""),
  }));
  const everyone = mayMentionAll(chat) ? [{ id: EVERYONE, names: EVERYONE_NAMES }] : [];
  const found = mentionedIn(text, [...everyone, ...people]);
  return found.includes(EVERYONE) ? [EVERYONE] : found.slice(0, MAX_MENTIONS);
}

function everyone(): Candidate {
  return { id: EVERYONE, name: t("chat.mention_everyone"), username: "all" };
}

function mayMentionAll(chat: Chat): boolean {
  const role = chat.now?.info.role;
  return role === "owner" || role === "admin";
}

/** The completion of a mention. */
export interface Mentions {
  readonly shown: Signal<readonly Candidate[]>;
  readonly chosen: Signal<number>;
  /** The text or the caret has changed. */
  look(text: string, caret: number): void;
  close(): void;
  /** Takes the keys that belong to the list; true when it was one. */
  onKey(event: KeyboardEvent, pick: (name: string) => void): boolean;
  aria(): object;
}

export function useMentions(chat: Chat): Mentions {
  const shown = useSignal<readonly Candidate[]>([]);
  const chosen = useSignal(0);
  const close = (): void => {
    shown.value = [];
  };
  return {
    shown,
    chosen,
    close,
    look(text, caret) {
      const at = chat.isGroup ? mentionBegunAt(text, caret) : undefined;
      shown.value = at ? matching(chat, at.query) : [];
      chosen.value = 0;
    },
    onKey(event, pick) {
      const all = shown.value;
      if (all.length === 0) return false;
      if (event.key === "ArrowDown") chosen.value = (chosen.value + 1) % all.length;
      else if (event.key === "ArrowUp") chosen.value = (chosen.value + all.length - 1) % all.length;
      else if (event.key === "Escape") close();
      else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab")
        pick(all[chosen.value]?.name ?? "");
      else return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
    aria() {
      if (shown.value.length === 0) return {};
      return {
        "aria-autocomplete": "list",
        "aria-controls": "mentions",
        "aria-activedescendant": `mention-${chosen.value}`,
      };
    },
  };
}

function matching(chat: Chat, query: string): readonly Candidate[] {
  const wanted = fold(query);
  const all = [...(mayMentionAll(chat) ? [everyone()] : []), ...(known.get(chat.id)?.people ?? [])];
  const begins = (text: string): boolean =>
    fold(text)
      .split(/\s+/)
      .some((word) => word.startsWith(wanted)) || fold(text).startsWith(wanted);
  return all.filter(({ name, username }) => begins(name) || begins(username)).slice(0, MAX_SHOWN);
}

/** The people whose names begin so, above the field. The focus stays in the field. */
export function MentionList({
  mentions,
  pick,
}: {
  mentions: Mentions;
  pick: (name: string) => void;
}): JSX.Element | null {
  const all = mentions.shown.value;
  const list = useRef<HTMLDivElement>(null);
  const chosen = mentions.chosen.value;
  useLayoutEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  if (all.length === 0) return null;
  return (
    <div class="mentions" id="mentions" role="listbox" aria-label={t("chat.mention_people")} ref={list}>
      {all.map(({ id, name, username }, place) => (
        <div
          key={id}
          id={`mention-${place}`}
          class="mention-option"
          role="option"
          tabIndex={-1}
          aria-selected={place === chosen}
          onPointerDown={(event) => {
            event.preventDefault();
            pick(name);
          }}
        >
          {id === "all" ? (
            <span class="mention-all">
              <Icon name="people" size={18} />
            </span>
          ) : (
            <Avatar id={id} name={name} size="s" />
          )}
          <bdi class="truncate mention-name">{name}</bdi>
          <bdi class="truncate soft small">
            {id === "all" ? t("chat.mention_everyone_hint") : `@${username}`}
          </bdi>
        </div>
      ))}
    </div>
  );
}
