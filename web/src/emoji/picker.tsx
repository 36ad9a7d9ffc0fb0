import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { active, t } from "../i18n";
import { Spinner } from "../ui";
import { type EmojiData, type Entry, GROUPS, loadEmoji, searchEmoji } from "./data";
import "./emoji.css";
import { Grid, nextCell, type Shelf } from "./grid";
import { memory, remember } from "./memory";
import { Tones } from "./tone-menu";

const AT_FIRST = 2; // groups: what is seen when it opens; the rest is drawn when that stands

/** Groups by an emoji of each, as they stand above the grid. */
const MARKS: Readonly<Record<string, string>> = {
  recent: "🕘",
  smileys: "😀",
  people: "👋",
  animals: "🐻",
  food: "🍎",
  travel: "✈️",
  activities: "⚽",
  objects: "💡",
  symbols: "💛",
  flags: "🏁",
};

/** The picker: search, groups, skin tone, all by pointer and by keyboard. */
export default function Picker({ onPick }: { onPick: (emoji: string) => void }): JSX.Element {
  const { language } = active.value;
  const [data, setData] = useState<EmojiData>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    loadEmoji(language).then(setData, () => setFailed(true));
  }, [language]);
  if (data) return <Ready data={data} onPick={onPick} />;
  return (
    <div class="emoji-picker emoji-waiting">
      {failed ? <p>{t("error.network")}</p> : <Spinner size={28} label={t("common.loading")} />}
    </div>
  );
}

function Ready({ data, onPick }: { data: EmojiData; onPick: (emoji: string) => void }): JSX.Element {
  const [query, setQuery] = useState("");
  const [all, setAll] = useState(false);
  const [pointed, setPointed] = useState<{ name: string; shown: string }>();
  const box = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const { recent, tone } = memory.value;
  // What was recent when it opened: rows that jump under the pointer are worse than late ones.
  const before = useMemo(() => recent, []);
  const shelves = query.trim() === "" ? shelvesOf(data, before) : foundIn(data, query);

  useEffect(() => {
    search.current?.focus({ preventScroll: true });
    const timer = setTimeout(() => setAll(true), 0);
    return () => clearTimeout(timer);
  }, []);

  const pick = (emoji: string): void => {
    remember(emoji);
    onPick(emoji);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const cells = box.current;
    if (!cells || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const first = cells.querySelector<HTMLElement>("button");
    if (event.target === search.current) {
      if (event.key === "Enter" && query !== "") first?.click();
      else if (event.key === "ArrowDown") first?.focus();
      else return;
    } else if (cells.contains(event.target as Node)) {
      const next = nextCell(cells, event.key);
      if (next === "out" || (event.key.length === 1 && event.key !== " ")) search.current?.focus();
      else next?.focus();
      if (next === undefined) return; // a letter goes on into the search, Enter and space press the cell
    } else return;
    event.preventDefault();
  };
  const point = (entry: Entry, shown: string): void => setPointed({ name: entry.name, shown });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys are heard here for the field and the cells inside.
    <div class="emoji-picker" onKeyDown={onKeyDown}>
      <span class="field-box">
        <input
          ref={search}
          type="search"
          dir="auto"
          aria-label={t("emoji.search")}
          placeholder={t("emoji.search")}
          value={query}
          autocomplete="off"
          spellcheck={false}
          maxLength={40}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </span>
      <Groups shelves={shelves} onGo={(id) => goTo(box.current, id)} />
      <div class="emoji-shelves" ref={box}>
        {shelves.slice(0, all ? undefined : AT_FIRST).map((shelf) => (
          <Grid
            key={shelf.id}
            shelf={shelf}
            tone={shelf.id === "recent" ? 0 : tone}
            onPick={pick}
            onPoint={point}
          />
        ))}
        {query.trim() !== "" && shelves[0]?.entries.length === 0 && (
          <p class="emoji-none">{t("emoji.none", { query: query.trim() })}</p>
        )}
      </div>
      <footer class="emoji-foot">
        <span class="emoji-name truncate">
          {pointed && (
            <>
              <span aria-hidden="true">{pointed.shown}</span> {pointed.name}
            </>
          )}
        </span>
        <Tones />
      </footer>
      <p class="visually-hidden" role="status">
        {query.trim() !== "" && t("emoji.results", { count: shelves[0]?.entries.length ?? 0 })}
      </p>
    </div>
  );
}

function Groups({
  shelves,
  onGo,
}: {
  shelves: readonly Shelf[];
  onGo: (id: string) => void;
}): JSX.Element | null {
  if (shelves.length === 1) return null;
  return (
    <div class="emoji-groups">
      {shelves.map(({ id, title }) => (
        <button key={id} type="button" title={title} aria-label={title} onClick={() => onGo(id)}>
          {MARKS[id]}
        </button>
      ))}
    </div>
  );
}

function goTo(box: HTMLElement | null, id: string): void {
  box?.querySelector(`[data-shelf="${id}"]`)?.scrollIntoView({ block: "start" });
}

function shelvesOf(data: EmojiData, recent: readonly string[]): readonly Shelf[] {
  const groups = GROUPS.map((id) => ({ id, title: t(`emoji.${id}`), entries: data.groups[id] }));
  if (recent.length === 0) return groups;
  const entries = recent.map((emoji) => known(data, emoji));
  return [{ id: "recent", title: t("emoji.recent"), entries }, ...groups];
}

/** A recent emoji has its tone already: it is shown as it was picked, under the name of the one without. */
function known(data: EmojiData, emoji: string): Entry {
  const name = (data.byEmoji.get(emoji) ?? data.byEmoji.get(withoutTone(emoji)))?.name ?? emoji;
  return { emoji, tones: false, name, words: [] };
}

function withoutTone(emoji: string): string {
  return emoji.replace(/\p{Emoji_Modifier}/gu, "");
}

function foundIn(data: EmojiData, query: string): readonly Shelf[] {
  return [{ id: "found", title: t("common.search"), entries: searchEmoji(data, query) }];
}
