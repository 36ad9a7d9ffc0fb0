import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n";
import { navigate } from "../state/route";
import { leave } from "../state/session";
import { me } from "../state/store";
import { Avatar, Icon, IconButton, openDialog, openMenu } from "../ui";
import { ConversationList } from "./conversation-list";
import { type Filter, findConversations } from "./find";
import "./list.css";

const FILTERS = [
  ["all", "list.filter_all"],
  ["unread", "list.filter_unread"],
  ["groups", "list.filter_groups"],
] as const;

/** The side of the page: who one is, what to start, and the conversations. */
export function Side(): JSX.Element {
  const query = useSignal("");
  const filter = useSignal<Filter>("all");
  const found = findConversations(query.value, filter.value);
  return (
    <>
      <Head />
      <search class="side-search">
        <Icon name="search" size={18} />
        <input
          id="search"
          type="search"
          dir="auto"
          placeholder={t("list.search")}
          aria-label={t("list.search")}
          autocomplete="off"
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
          onKeyDown={(event) =>
            onSearchKey(event, findConversations(event.currentTarget.value, filter.value)[0]?.id, () => {
              query.value = "";
            })
          }
        />
        {query.value !== "" && (
          <IconButton
            icon="close"
            size={18}
            label={t("common.clear")}
            onClick={() => {
              query.value = "";
              document.getElementById("search")?.focus();
            }}
          />
        )}
      </search>
      <div class="side-filters">
        {FILTERS.map(([name, key]) => (
          <button
            key={name}
            type="button"
            class="side-filter"
            aria-pressed={filter.value === name}
            onClick={() => {
              filter.value = name;
            }}
          >
            {t(key)}
          </button>
        ))}
      </div>
      <ConversationList shown={found} query={query.value} filter={filter.value} />
    </>
  );
}

function Head(): JSX.Element {
  const user = me();
  const name = user ? user.nickname || user.username : "";
  return (
    <header class="bar side-head">
      <button
        type="button"
        class="side-me"
        aria-haspopup="menu"
        aria-label={`${t("shell.menu")}: ${name}`}
        title={t("shell.menu")}
        onClick={(event) => openMainMenu(event.currentTarget)}
      >
        <Avatar id={user?.user_id ?? ""} name={name} size="s" />
        <Icon name="down" size={16} />
      </button>
      <span class="grow side-title">{t("common.app")}</span>
      <IconButton icon="people" label={t("shell.new_group")} onClick={() => openDialog("newGroup")} />
      <IconButton icon="person_plus" label={t("shell.new_chat")} onClick={() => openDialog("newChat")} />
    </header>
  );
}

function openMainMenu(anchor: Element): void {
  const user = me();
  openMenu({
    anchor,
    label: t("shell.menu"),
    head: user && (
      <div class="side-whoami">
        <Avatar id={user.user_id} name={user.nickname || user.username} />
        <span class="grow">
          <bdi class="side-whoami-name">{user.nickname || user.username}</bdi>
          <bdi class="soft small">@{user.username}</bdi>
        </span>
      </div>
    ),
    items: [
      { label: t("shell.profile"), icon: "person", onSelect: () => openDialog("profile") },
      { label: t("shell.devices"), icon: "device", onSelect: () => openDialog("devices") },
      { label: t("shell.settings"), icon: "settings", onSelect: () => openDialog("settings") },
      { label: t("shell.join_group"), icon: "people", onSelect: () => openDialog("joinGroup") },
      { label: t("shell.shortcuts"), icon: "keyboard", onSelect: () => openDialog("shortcuts") },
      { label: t("shell.about"), icon: "info", onSelect: () => openDialog("about") },
      { label: t("auth.logout"), icon: "logout", danger: true, onSelect: askToLeave },
    ],
  });
}

function askToLeave(): void {
  openDialog("confirm", {
    title: t("auth.logout"),
    text: t("auth.logout_confirm"),
    action: t("auth.logout"),
    danger: true,
    onConfirm: () => void leave(),
  });
}

/**
 * From the search one goes down into what was found, or opens the first of it. What that is the field's own text says,
 * not the list: who types fast is ahead of what is drawn, and would write to somebody else.
 */
function onSearchKey(event: KeyboardEvent, first: string | undefined, clear: () => void): void {
  if (event.isComposing) return;
  if (event.key === "ArrowDown") document.querySelector<HTMLElement>(".conv-link")?.focus();
  else if (event.key === "Enter") {
    if (first === undefined) return;
    navigate({ view: "conversation", id: first });
    clear();
  } else if (event.key === "Escape") clear();
  else return;
  event.preventDefault();
}
