import type { JSX } from "preact";
import { type Key, t } from "../i18n";
import { chooseTone, memory } from "./memory";
import { TONES, toned } from "./tones";

/** The six skin tones, as hands. */
export function Tones(): JSX.Element {
  return (
    <fieldset class="emoji-tones">
      <legend class="visually-hidden">{t("emoji.tone")}</legend>
      {TONES.map((mark, tone) => {
        const name = t(`emoji.tone_${tone}` as Key & `emoji.tone_${0 | 1 | 2 | 3 | 4 | 5}`);
        return (
          <label key={mark} title={name}>
            <input
              type="radio"
              name="tone"
              aria-label={name}
              checked={memory.value.tone === tone}
              onChange={() => chooseTone(tone)}
            />
            <span aria-hidden="true">{toned("✋", tone)}</span>
          </label>
        );
      })}
    </fieldset>
  );
}
