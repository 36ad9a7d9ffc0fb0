import type { JSX } from "preact";
import { type Entry, withTone } from "./data";

/** Emoji in a row, on every width: fingers remember places. */
export const COLUMNS = 8;

/** A part of the picker with its emoji. */
export interface Shelf {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly Entry[];
}

interface GridProps {
  readonly shelf: Shelf;
  readonly tone: number;
  readonly onPick: (emoji: string) => void;
  /** What to say about the emoji that has the pointer or the focus. */
  readonly onPoint: (entry: Entry, shown: string) => void;
}

/** The emoji of a shelf, in rows. One of all cells of the picker is in the tab order; arrows do the rest. */
export function Grid({ shelf, tone, onPick, onPoint }: GridProps): JSX.Element {
  const { id, title, entries } = shelf;
  const rows = rowsOf(entries);
  return (
    <section
      class="emoji-shelf"
      data-shelf={id}
      style={{ containIntrinsicBlockSize: `${rows.length * 2.5 + 2}rem` }}
    >
      <h3 id={`emoji-${id}`}>{title}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose cells are pressed is a grid. */}
      <table role="grid" aria-labelledby={`emoji-${id}`}>
        <colgroup span={COLUMNS} />
        <tbody>
          {rows.map((row) => (
            <tr class="emoji-row" key={row[0]?.emoji}>
              {row.map((entry) => {
                const shown = withTone(entry, tone);
                return (
                  <td key={entry.emoji}>
                    <button
                      type="button"
                      class="emoji"
                      tabIndex={-1}
                      aria-label={entry.name}
                      onClick={() => onPick(shown)}
                      onFocus={() => onPoint(entry, shown)}
                      onPointerEnter={() => onPoint(entry, shown)}
                    >
                      {shown}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/**
 * Moves the focus in the grids by a key.
 *
 * @returns the cell to go to; "out" above the first row; undefined when the key is not for moving.
 */
export function nextCell(box: HTMLElement, key: string): HTMLElement | "out" | undefined {
  const rows = [...box.querySelectorAll<HTMLElement>(".emoji-row")].map((row) => [
    ...row.querySelectorAll<HTMLElement>("button"),
  ]);
  const at = rows.findIndex((row) => row.includes(document.activeElement as HTMLElement));
  const row = rows[at] ?? [];
  const column = row.indexOf(document.activeElement as HTMLElement);
  const rtl = getComputedStyle(box).direction === "rtl";
  switch (key) {
    case "ArrowDown":
      return cell(rows[at + 1], column);
    case "ArrowUp":
      return at === 0 ? "out" : cell(rows[at - 1], column);
    case rtl ? "ArrowLeft" : "ArrowRight":
      return row[column + 1] ?? rows[at + 1]?.[0];
    case rtl ? "ArrowRight" : "ArrowLeft":
      return row[column - 1] ?? rows[at - 1]?.at(-1);
    case "Home":
      return row[0];
    case "End":
      return row.at(-1);
    default:
      return undefined;
  }
}

function cell(row: readonly HTMLElement[] | undefined, column: number): HTMLElement | undefined {
  return row?.[Math.min(column, row.length - 1)];
}

function rowsOf(entries: readonly Entry[]): Entry[][] {
  const rows: Entry[][] = [];
  for (let at = 0; at < entries.length; at += COLUMNS) rows.push(entries.slice(at, at + COLUMNS));
  return rows;
}
