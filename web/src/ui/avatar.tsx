import type { JSX } from "preact";
import "./avatar.css";
import { Icon } from "./icons";

const HUES = 10; // rules of avatar.css

interface AvatarProps {
  /** Whose: the same id has the same colour everywhere. */
  readonly id: string;
  readonly name: string;
  readonly size?: "s" | "m" | "l" | "xl";
  /** Shown as a dot for people who are online or away. */
  readonly presence?: string | undefined;
  /** Groups have corners, people are round. */
  readonly group?: boolean;
}

/** Initials on a colour. Screen readers pass over it: the name always stands beside it. */
export function Avatar({ id, name, size = "m", presence, group = false }: AvatarProps): JSX.Element {
  const initials = initialsOf(name);
  return (
    <span
      class={`avatar avatar-${size}${group ? " avatar-group" : ""}`}
      data-hue={hueOf(id)}
      data-initials={initials} // drawn by the style: they are a picture, no text
      aria-hidden="true"
    >
      {initials === "" && <Icon name={group ? "people" : "person"} size={18} />}
      {(presence === "online" || presence === "away") && <span class={`dot dot-${presence}`} />}
    </span>
  );
}

/** The first letters of the first and the last word; one letter where there are no words. */
export function initialsOf(name: string): string {
  const words = name
    .normalize("NFC")
    .split(/[\s._-]+/)
    .map((word) => /[\p{L}\p{N}]/u.exec(word)?.[0])
    .filter((letter) => letter !== undefined);
  const first = words[0] ?? "";
  // Ideographs fill a square each: one is enough.
  if (
    words.length < 2 ||
    /\p{Ideographic}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(first)
  ) {
    return first.toLocaleUpperCase();
  }
  return (first + (words.at(-1) ?? "")).toLocaleUpperCase();
}

/** FNV-1a over the id (http://www.isthe.com/chongo/tech/comp/fnv/): neighbouring ids get different colours. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < id.length; place++) {
    hash = Math.imul(hash ^ id.charCodeAt(place), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % HUES;
}
