import type { JSX } from "preact";
import { t } from "../i18n";
import { IconButton } from "../ui";
import "./quick.css";

/** What nearly all reactions are: agreement, love, laughter, surprise, sorrow, joy. */
export const QUICK: readonly string[] = ["👍", "❤️", "😂", "😮", "😢", "🎉"];

/** Six emoji in a row, and the way to all others. */
export function QuickReactions(props: {
  /** Those that the person has put already. */
  mine?: readonly string[];
  onPick: (emoji: string) => void;
  onMore: (anchor: HTMLElement) => void;
}): JSX.Element {
  const { mine = [], onPick, onMore } = props;
  return (
    <div class="quick" role="toolbar" aria-label={t("emoji.quick")}>
      {QUICK.map((emoji) => {
        const put = mine.includes(emoji);
        return (
          <button
            key={emoji}
            type="button"
            class="quick-emoji"
            aria-pressed={put}
            aria-label={t(put ? "chat.reaction_remove" : "chat.reaction_add", { emoji })}
            onClick={() => onPick(emoji)}
          >
            {emoji}
          </button>
        );
      })}
      <IconButton
        icon="plus"
        label={t("emoji.all")}
        onClick={(event) => onMore(event.currentTarget as HTMLElement)}
      />
    </div>
  );
}
