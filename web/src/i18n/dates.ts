import { locale } from "./language";
import { t } from "./translate";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Shape = "time" | "weekday" | "short" | "day" | "day_year" | "full";

const SHAPES: Readonly<Record<Shape, Intl.DateTimeFormatOptions>> = {
  time: { hour: "2-digit", minute: "2-digit" },
  weekday: { weekday: "short" },
  short: { year: "numeric", month: "numeric", day: "numeric" },
  day: { weekday: "long", month: "long", day: "numeric" },
  day_year: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  full: { dateStyle: "long", timeStyle: "short" },
};

// Making a formatter costs some 50 µs, using it 1 µs; a list of messages uses it a hundred times a drawing.
const made = new Map<string, Intl.DateTimeFormat>();
const relative = new Map<string, Intl.RelativeTimeFormat>();

/** The time of day, "14:05". All times of this module are Unix milliseconds, shown in the browser's zone. */
export function formatTime(ts: number): string {
  return format("time", ts);
}

/** Date and time in full, for titles and screen readers. */
export function formatFull(ts: number): string {
  return format("full", ts);
}

/** The line between days in a conversation: "Today", "Yesterday", "Monday 3 March", with the year when it is another. */
export function formatDay(ts: number, now: number = Date.now()): string {
  const days = daysBetween(ts, now);
  if (days === 0) return t("time.today");
  if (days === 1) return t("time.yesterday");
  return format(sameYear(ts, now) ? "day" : "day_year", ts);
}

/** What stands beside a conversation in the list: the time of today, the weekday of this week, or the date. */
export function formatListTime(ts: number, now: number = Date.now()): string {
  const days = daysBetween(ts, now);
  if (days <= 0) return format("time", ts);
  if (days === 1) return t("time.yesterday");
  return format(days < 7 ? "weekday" : "short", ts);
}

/** How long ago: "just now", "5 minutes ago", "yesterday", "3 months ago". A time ahead of the clock is just now. */
export function formatAgo(ts: number, now: number = Date.now()): string {
  const ago = now - ts;
  if (ago < MINUTE) return t("time.just_now");
  if (ago < HOUR) return relate(-Math.floor(ago / MINUTE), "minute");
  const days = daysBetween(ts, now);
  if (days === 0) return relate(-Math.floor(ago / HOUR), "hour");
  if (days < 30) return relate(-days, "day");
  if (days < 365) return relate(-Math.floor(days / 30), "month");
  return relate(-Math.floor(days / 365), "year");
}

/** True when both times are on the same day here. */
export function isSameDay(a: number, b: number): boolean {
  return daysBetween(a, b) === 0;
}

/** Whole days of the calendar from one time to another; a day that the clocks change has 23 or 25 hours. */
function daysBetween(from: number, to: number): number {
  return Math.round((startOfDay(to) - startOfDay(from)) / DAY);
}

/** Midnight of a day here, in Unix milliseconds. */
export function startOfDay(ts: number): number {
  return new Date(ts).setHours(0, 0, 0, 0);
}

function sameYear(a: number, b: number): boolean {
  return new Date(a).getFullYear() === new Date(b).getFullYear();
}

function format(shape: Shape, ts: number): string {
  const tag = locale();
  const name = `${tag} ${shape}`;
  let formatter = made.get(name);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat(tag, SHAPES[shape]);
    made.set(name, formatter);
  }
  return formatter.format(ts);
}

function relate(value: number, unit: Intl.RelativeTimeFormatUnit): string {
  const tag = locale();
  let formatter = relative.get(tag);
  if (!formatter) {
    formatter = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
    relative.set(tag, formatter);
  }
  return formatter.format(value, unit);
}
