import type { Timeline } from "@pingme/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { formatDay, formatNumber, t } from "../i18n";
import { looking } from "../state/attention";
import { client } from "../state/client";
import { me, pending } from "../state/store";
import { Icon, Spinner } from "../ui";
import { Beginning } from "./beginning";
import type { Chat, Target } from "./chat";
import { EventLine } from "./event-line";
import { hearRows } from "./list-events";
import { MessageRow } from "./message-row";
import { PendingRow } from "./pending-row";
import { type Day, daysOf, type Row } from "./rows";
import { Scroller } from "./scroller";

const MAX_ROWS = 300; // in the document, and so in the timeline
const KEPT_AT_END = 200; // when live messages pass the bound: not one by one
const PAGE = 60;
const AHEAD = 1.5; // heights of the list before an end of what is loaded, more is

/** The messages: a range of the conversation that grows at the end where one scrolls, and shrinks at the other. */
export function MessageList({ chat, timeline }: { chat: Chat; timeline: Timeline }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller | null>(null);
  const atEnd = useSignal(true);
  const busy = useRef(false);
  chat.version.value; // drawn anew when the timeline changes
  scroller.current?.before();

  const days = daysOf({
    items: timeline.items,
    pending: pending(chat.id),
    me: me()?.user_id ?? "",
    readAtOpen: chat.readAtOpen,
    atEnd: timeline.atEnd,
  });

  const loadMore = async (): Promise<void> => {
    const list = scroller.current;
    if (!list || busy.current) return;
    const near = list.box.clientHeight * AHEAD;
    const older = !timeline.atStart && list.box.scrollTop < near;
    if (!older && (timeline.atEnd || list.below >= near)) return;
    busy.current = true;
    try {
      if (older) await timeline.loadOlder(PAGE);
      else await timeline.loadNewer(PAGE);
      if (timeline.items.length > MAX_ROWS) timeline.trim(older ? "end" : "start", MAX_ROWS);
      chat.failed.value = null;
    } catch (error) {
      chat.failed.value = error;
    } finally {
      busy.current = false;
    }
  };

  const settle = (): void => {
    const list = scroller.current;
    if (!list) return;
    atEnd.value = timeline.atEnd && list.below < list.box.clientHeight / 2;
    markRead(chat, list);
    void loadMore();
  };

  useLayoutEffect(() => {
    if (!box.current || !content.current) return;
    const made = new Scroller(box.current, content.current, () => timeline.atEnd);
    scroller.current = made;
    const stop = hearRows(box.current, chat);
    return () => {
      made.close();
      stop();
    };
  }, [chat, timeline]);

  useLayoutEffect(() => {
    const list = scroller.current;
    if (!list || !content.current) return;
    if (chat.target) aim(chat, list, content.current);
    else list.restore();
    chat.drawn(keysOf(days));
    trimLive(timeline, list);
    settle();
    settleSizes(content.current);
  });

  useEffect(
    () => looking.subscribe((is) => is && scroller.current && markRead(chat, scroller.current)),
    [chat],
  );

  const unread = chat.now?.unread ?? 0;
  return (
    <div class="messages-frame">
      <section
        ref={box}
        class="messages"
        aria-label={t("chat.messages")}
        onScroll={() => {
          if (scroller.current?.scrolled()) settle();
        }}
      >
        <div ref={content} class="messages-inner">
          {timeline.atStart ? <Beginning chat={chat} /> : <MoreAbove chat={chat} retry={loadMore} />}
          {days.map((day) => (
            <section key={day.key} class="day" aria-label={formatDay(day.ts)}>
              <h3 class="day-line">
                <time dateTime={new Date(day.ts).toISOString()}>{formatDay(day.ts)}</time>
              </h3>
              {day.rows.map((row) => (
                <AnyRow key={row.key} row={row} chat={chat} timeline={timeline} />
              ))}
            </section>
          ))}
        </div>
      </section>
      {!atEnd.value && (
        <button
          type="button"
          class="to-end"
          title={t("chat.jump_to_end")}
          onClick={() => void chat.goToEnd()}
        >
          <Icon name="arrow_down" />
          <span class="visually-hidden">{t("chat.jump_to_end")}</span>
          {unread > 0 && (
            <span class="to-end-count">
              <span class="visually-hidden">{t("chat.new_below", { count: unread })}</span>
              <span aria-hidden="true">{unread > 999 ? t("list.unread_many") : formatNumber(unread)}</span>
            </span>
          )}
        </button>
      )}
    </div>
  );
}

function AnyRow({ row, chat, timeline }: { row: Row; chat: Chat; timeline: Timeline }): JSX.Element {
  switch (row.kind) {
    case "message":
      return (
        <MessageRow
          chat={chat}
          rowKey={row.key}
          message={row.message}
          first={row.first}
          mine={row.mine}
          op={row.op}
          counts={row.mine ? timeline.counts.get(row.message.seq) : undefined}
        />
      );
    case "event":
      return <EventLine chat={chat} rowKey={row.key} event={row.event} />;
    case "pending":
      return <PendingRow chat={chat} rowKey={row.key} pending={row.pending} first={row.first} />;
    case "unread":
      return (
        <p class="unread-line">
          <span>{t("chat.new_messages")}</span>
        </p>
      );
  }
}

function MoreAbove({ chat, retry }: { chat: Chat; retry: () => Promise<void> }): JSX.Element {
  return (
    <div class="more-above">
      {chat.failed.value === null ? (
        <Spinner size={22} label={t("common.loading")} />
      ) : (
        <button type="button" class="more-retry" onClick={() => void retry()}>
          {t("common.retry")}
        </button>
      )}
    </div>
  );
}

/** Goes where it was told to, when the row is there. */
function aim(chat: Chat, list: Scroller, content: HTMLElement): void {
  const { target } = chat;
  chat.target = null;
  const row = target && rowOf(target, content);
  if (row) list.show(row, target.kind === "unread" ? 0.2 : 0.5);
  else list.toEnd();
  if (row && target.kind === "seq" && target.lit) chat.light(Number(row.dataset["seq"]));
}

/** The row of a target. Reactions, edits and recalls have none: the next one stands for them. */
function rowOf(target: Target, content: HTMLElement): HTMLElement | null | undefined {
  if (target.kind === "end") return null;
  if (target.kind === "unread") return content.querySelector<HTMLElement>(".unread-line");
  const rows = [...content.querySelectorAll<HTMLElement>("[data-seq]")];
  return rows.find((row) => Number(row.dataset["seq"]) >= target.seq) ?? rows.at(-1);
}

/** The keys of what the focus can be at, in order. */
function keysOf(days: readonly Day[]): readonly string[] {
  return days.flatMap(({ rows }) => rows.filter(({ kind }) => kind !== "unread").map(({ key }) => key));
}

/** What arrives while the end is in view pushes the oldest out; elsewhere it waits to be scrolled to. */
function trimLive(timeline: Timeline, list: Scroller): void {
  if (timeline.items.length <= MAX_ROWS) return;
  if (list.stuck) timeline.trim("start", KEPT_AT_END);
  else timeline.trim("end", MAX_ROWS);
}

/** What is in view of somebody who looks is read. */
function markRead(chat: Chat, list: Scroller): void {
  const one = client().conversation(chat.id);
  if (!looking.peek() || !one || one.unread === 0) return;
  const seq = Number(list.visible().findLast((row) => row.dataset["seq"] !== undefined)?.dataset["seq"] ?? 0);
  if (seq > one.read_seq) client().markRead(chat.id, seq);
}

/**
 * Rows that have had their size drawn once may be skipped while they are out of view: `content-visibility: auto` then
 * remembers that size, so that scrolling back to them moves nothing.
 */
function settleSizes(content: HTMLElement): void {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      for (const row of content.querySelectorAll<HTMLElement>(".row:not([data-settled])"))
        row.dataset["settled"] = "";
    }),
  );
}
