import type { JSX } from "preact";

// Each drawing stands on 24 by 24 units, in strokes of two units with round ends.
const DRAWINGS = {
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  arrow_down: "M12 5v14m0 0l-6-6m6 6l6-6",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.2 16.2L20 20",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M12 4.8a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4zM12 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4zM12 17.8a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4z",
  send: "M4.5 12h8M4.2 4.6l16 7.4-16 7.4 2-7.4z",
  smile:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14.2c.8 1.2 2 1.8 3.5 1.8s2.7-.6 3.5-1.8M9 9.5v.01M15 9.5v.01",
  reply: "M10 6l-6 6 6 6M4.5 12H14a6 6 0 0 1 6 6v1",
  edit: "M4 20l1-4.5L16.5 4a2 2 0 0 1 3 0l.5.500a2 2 0 0 1 0 3L8.5 19zM14.5 6l3.5 3.5",
  recall: "M5 12a7 7 0 1 0 2.2-5.1L4.5 9.5M4.5 4.5v5h5",
  trash: "M4.5 6.5h15M9.5 6V4h5v2M6.5 6.5l.8 13h9.4l.8-13M10.2 10.5v5M13.8 10.5v5",
  copy: "M9 9h10v11H9zM5.5 15H5V4h10v1.5",
  people:
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.6-3.2 3.2-5 6.5-5s5.9 1.8 6.5 5M16 4.9a3.5 3.5 0 0 1 0 6.2M18 15c1.9.8 3.1 2.3 3.5 4.5",
  person: "M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-3.8 3.8-6 7.5-6s6.7 2.2 7.5 6",
  person_plus:
    "M10 11.5a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6zM3 20.5c.7-3.7 3.5-5.8 7-5.8 1.6 0 3 .4 4.2 1.2M18 14.5v6M15 17.5h6",
  chat: "M4 5h16v11.5H10.5L6 20.5v-4H4z",
  pin: "M9 4h6l-.6 6 3.1 3.5h-11L9.6 10zM12 13.5V20",
  mute: "M6.2 9.5A6 6 0 0 1 15.5 5.2M18 10c0 5 2 6 2 6.5H9M4 16.5h1.5M10 19.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  bell: "M6 10a6 6 0 0 1 12 0c0 5 2 6 2 6.5H4c0-.5 2-1.5 2-6.5zM10 19.5a2.2 2.2 0 0 0 4 0",
  at: "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM15.5 8.5V13a2.5 2.5 0 0 0 5 0v-1a8.5 8.5 0 1 0-3.5 6.9",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 7.5V12l3 2",
  alert: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5M12 15.9v.01",
  info: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11.5V16M12 8.1v.01",
  settings:
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v2.5M12 18.5V21M3 12h2.5M18.5 12H21M5.6 5.6l1.8 1.8M16.6 16.6l1.8 1.8M18.4 5.6l-1.8 1.8M7.4 16.6l-1.8 1.8",
  device: "M4 5h16v11H4zM9 20h6M12 16v4",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10.9 12.1L19 4M16 7l3 3",
  logout: "M14 4.5H5.5v15H14M10 12h10.5m0 0L17 8.5m3.5 3.5L17 15.5",
  keyboard: "M3 7h18v10H3zM7 10.5v.01M10.3 10.5v.01M13.7 10.5v.01M17 10.5v.01M8 13.8h8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  eye_off:
    "M4 4l16 16M9.5 5.9A9.5 9.5 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-2.7 3.4M6.4 7.8A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9.5 9.5 0 0 0 4.3-1M10 10.3a2.5 2.5 0 0 0 3.6 3.5",
  calendar: "M4.5 6h15v13.5h-15zM4.5 10.5h15M8.5 3.5V7M15.5 3.5V7",
  refresh: "M19 12a7 7 0 1 1-2.2-5.1l2.7 2.6M19.5 4.5v5h-5",
  offline:
    "M4 4l16 16M8.5 7.3A8 8 0 0 1 19 10.5M5 10.5c.7-.8 1.5-1.4 2.4-1.9M8.3 14c1-1 2.3-1.5 3.7-1.5M12 18.5v.01",
  crown: "M4 8l4 4 4-6.5L16 12l4-4-1.5 10h-13z",
  globe: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM4 12h16M12 4c5 5 5 11 0 16M12 4c-5 5-5 11 0 16",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  sent: "M5 12.5l4.5 4.5L19 7.5",
  double: "M2.5 12.5L7 17l9-9.5M11.5 16l1 1 9-9.5",
} as const;

/** The names of the drawings. */
export type IconName = keyof typeof DRAWINGS;

// Drawings that point to where one reads on, or back: they turn where one reads from right to left.
const TURNING: ReadonlySet<string> = new Set(["back", "forward", "send", "reply", "logout"]);

/** A drawing in the colour of the text around it. Screen readers pass over it: the words beside it say what it means. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg
      class={TURNING.has(name) ? "icon icon-turning" : "icon"}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={DRAWINGS[name]} />
    </svg>
  );
}
