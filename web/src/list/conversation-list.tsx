import type { Conversation } from "@pingme/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { shownInList } from "../shell/watch";
import { route } from "../state/route";
import { Button, EmptyState, openDialog } from "../ui";
import { ConversationRow } from "./conversation-row";
import type { Filter } from "./find";

// A row's height, in rem: list.css has the same number. All are alike, so where one stands needs no measuring.
const ROW_REM = 4.5;
const BEYOND = 6; // rows drawn above and below what is seen, so that scrolling meets no holes

interface ListProps {
  readonly shown: readonly Conversation[];
  readonly query: string;
  readonly filter: Filter;
}

/** The conversations, of which only those are in the document that are seen, or nearly. */
export function ConversationList({ shown, query, filter }: ListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const count = useSignal(20);
  const focused = useSignal(0);
  const now = route.value;
  const openId = now.view === "conversation" ? now.id : undefined;
  const height = ROW_REM * rem();

  const measure = (): void => {
    const element = box.current;
    if (!element) return;
    first.value = Math.floor(element.scrollTop / height);
    count.value = Math.ceil(element.clientHeight / height) + 1;
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  });
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [query, filter]);

  const at = shown.findIndex(({ id }) => id === openId);
  // The open one comes into view when it is opened by a key or a link, not whenever the order changes.
  useLayoutEffect(() => {
    if (at !== -1 && box.current) reveal(box.current, at * height, height);
  }, [openId]);

  const from = Math.max(0, first.value - BEYOND);
  const drawn = shown.slice(from, first.value + count.value + BEYOND);
  usePresenceOf(drawn);

  if (shown.length === 0) return <NothingHere query={query} filter={filter} />;
  const inTab = clamp(at === -1 ? focused.value : at, from, from + drawn.length - 1);
  return (
    <div class="list" ref={box} onScroll={measure}>
      <ul class="list-rows" style={{ height: `${shown.length * ROW_REM}rem` }} onKeyDown={onArrows}>
        {drawn.map((each, index) => (
          <ConversationRow
            key={each.id}
            id={each.id}
            place={from + index}
            of={shown.length}
            open={each.id === openId}
            inTab={from + index === inTab}
            onFocus={(place) => {
              focused.value = place;
            }}
          />
        ))}
      </ul>
    </div>
  );
}

function NothingHere({ query, filter }: { query: string; filter: Filter }): JSX.Element {
  if (query !== "") {
    return (
      <EmptyState icon="search" title={t("list.no_match", { query })}>
        <Button icon="person_plus" onClick={() => openDialog("newChat", { query })}>
          {t("list.find_people")}
        </Button>
      </EmptyState>
    );
  }
  if (filter === "unread") return <EmptyState icon="check" title={t("list.no_unread")} />;
  return (
    <EmptyState icon="chat" title={t("list.empty")} hint={t("list.empty_hint")}>
      <Button kind="primary" icon="person_plus" onClick={() => openDialog("newChat")}>
        {t("shell.new_chat")}
      </Button>
      <Button icon="people" onClick={() => openDialog("newGroup")}>
        {t("shell.new_group")}
      </Button>
    </EmptyState>
  );
}

/** Asks for the presence of the people whose rows are drawn. */
function usePresenceOf(drawn: readonly Conversation[]): void {
  const ids = drawn.flatMap(({ info }) => info.peer_id ?? []);
  const key = ids.join(" ");
  useEffect(() => {
    shownInList.value = ids;
  }, [key]);
}

/** The arrows go from row to row; the list scrolls along, and draws what comes. */
function onArrows(event: KeyboardEvent): void {
  const row = (event.target as HTMLElement).closest("li");
  const next =
    event.key === "ArrowDown"
      ? row?.nextElementSibling
      : event.key === "ArrowUp"
        ? row?.previousElementSibling
        : undefined;
  if (next === undefined || event.altKey) return;
  event.preventDefault();
  if (next === null) {
    if (event.key === "ArrowUp") document.getElementById("search")?.focus();
    return;
  }
  const link = next.querySelector<HTMLElement>(".conv-link");
  link?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function reveal(box: HTMLElement, top: number, height: number): void {
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
}

function rem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}
