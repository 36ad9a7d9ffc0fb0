import { describe, expect, it } from "vitest";
import { formatAgo, formatDay, formatListTime, formatTime, isSameDay, startOfDay } from "../../src/i18n";

const at = (...parts: [number, number, number, number?, number?]): number =>
  new Date(parts[0], parts[1] - 1, parts[2], parts[3] ?? 12, parts[4] ?? 0).getTime();

const NOW = at(2026, 3, 20, 15, 30);

describe("formatDay()", () => {
  it("names today and yesterday by the calendar, not by 24 hours", () => {
    expect(formatDay(at(2026, 3, 20, 0, 0), NOW)).toBe("Today");
    expect(formatDay(at(2026, 3, 19, 23, 59), NOW)).toBe("Yesterday");
    expect(formatDay(at(2026, 3, 19, 0, 0), NOW)).toBe("Yesterday");
  });

  it("writes the year only when it is another", () => {
    expect(formatDay(at(2026, 3, 3), NOW)).not.toMatch(/2026/);
    expect(formatDay(at(2025, 3, 3), NOW)).toMatch(/2025/);
  });
});

describe("formatListTime()", () => {
  it("is the time today, the weekday within a week, and then the date", () => {
    expect(formatListTime(at(2026, 3, 20, 9, 5), NOW)).toBe(formatTime(at(2026, 3, 20, 9, 5)));
    expect(formatListTime(at(2026, 3, 19), NOW)).toBe("Yesterday");
    expect(formatListTime(at(2026, 3, 16), NOW)).toBe("Mon");
    expect(formatListTime(at(2026, 3, 13), NOW)).toMatch(/2026/);
  });

  it("shows a time ahead of the clock as a time", () => {
    expect(formatListTime(NOW + 60_000, NOW)).toBe(formatTime(NOW + 60_000));
  });
});

describe("formatAgo()", () => {
  it.each([
    [0, "just now"],
    [-5_000, "just now"],
    [59_999, "just now"],
    [60_000, "1 minute ago"],
    [59 * 60_000, "59 minutes ago"],
    [2 * 3_600_000, "2 hours ago"],
    [24 * 3_600_000, "yesterday"],
    [3 * 24 * 3_600_000, "3 days ago"],
    [65 * 24 * 3_600_000, "2 months ago"],
    [800 * 24 * 3_600_000, "2 years ago"],
  ])("says of %d ms: %s", (ago, text) => {
    expect(formatAgo(NOW - ago, NOW)).toBe(text);
  });
});

describe("days", () => {
  it("are the same from midnight to midnight", () => {
    expect(isSameDay(at(2026, 3, 20, 0, 0), at(2026, 3, 20, 23, 59))).toBe(true);
    expect(isSameDay(at(2026, 3, 20, 23, 59), at(2026, 3, 21, 0, 0))).toBe(false);
    expect(startOfDay(NOW)).toBe(at(2026, 3, 20, 0, 0));
  });
});
