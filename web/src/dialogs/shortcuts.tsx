import type { JSX } from "preact";
import { type Key, t } from "../i18n";
import { prefs } from "../state/prefs";
import { Dialog, type DialogProps } from "../ui";
import { Section } from "./parts/notes";

/** Ways to do one thing by keyboard: each is keys that are pressed together. */
interface Shortcut {
  readonly what: Key & `shortcuts.${string}`;
  readonly ways: readonly (readonly string[])[];
}

interface Place {
  readonly where: Key & `shortcuts.${string}`;
  readonly shortcuts: readonly Shortcut[];
}

const MAIN = "Ctrl"; // ⌘ on Apple's keyboards

const PLACES: readonly Place[] = [
  {
    where: "shortcuts.anywhere",
    shortcuts: [
      { what: "shortcuts.search", ways: [[MAIN, "K"]] },
      { what: "shortcuts.new_chat", ways: [["Alt", "N"]] },
      { what: "shortcuts.previous", ways: [["Alt", "↑"]] },
      { what: "shortcuts.next", ways: [["Alt", "↓"]] },
      { what: "shortcuts.next_unread", ways: [["Alt", "Shift", "↓"]] },
      { what: "shortcuts.settings", ways: [[MAIN, ","]] },
      { what: "shortcuts.sheet", ways: [[MAIN, "/"], ["?"]] },
      { what: "shortcuts.close", ways: [["Esc"]] },
    ],
  },
  {
    where: "shortcuts.in_composer",
    shortcuts: [
      { what: "shortcuts.send", ways: [["Enter"]] },
      { what: "shortcuts.newline", ways: [["Shift", "Enter"]] },
      { what: "shortcuts.edit_last", ways: [["↑"]] },
      { what: "shortcuts.bold", ways: [[MAIN, "B"]] },
      { what: "shortcuts.italic", ways: [[MAIN, "I"]] },
      { what: "shortcuts.code", ways: [[MAIN, "E"]] },
      { what: "shortcuts.mention", ways: [["@"]] },
    ],
  },
  {
    where: "shortcuts.in_chat",
    shortcuts: [
      { what: "shortcuts.up_down", ways: [["↑"], ["↓"]] },
      { what: "shortcuts.page", ways: [["PgUp"], ["PgDn"]] },
      { what: "shortcuts.end", ways: [["End"]] },
      { what: "shortcuts.reply", ways: [["R"]] },
      { what: "shortcuts.react", ways: [["+"]] },
      { what: "shortcuts.edit", ways: [["E"]] },
      { what: "shortcuts.copy", ways: [["C"]] },
    ],
  },
];

/** The keys of one thing; two of them are a choice of the settings. */
function waysOf({ what, ways }: Shortcut): Shortcut["ways"] {
  if (prefs.value.enterSends) return ways;
  if (what === "shortcuts.send") return [[MAIN, "Enter"]];
  return what === "shortcuts.newline" ? [["Enter"]] : ways;
}

/** Every key that does something. */
export function Shortcuts({ onClose }: DialogProps<"shortcuts">): JSX.Element {
  const apple = /Mac|iP(?:hone|ad|od)/.test(navigator.userAgent);
  const cap = (key: string): string => (key === MAIN && apple ? "⌘" : key);
  return (
    <Dialog title={t("shortcuts.title")} size="l" reading onClose={onClose}>
      <div class="shortcuts">
        {PLACES.map(({ where, shortcuts }) => (
          <Section key={where} title={t(where)}>
            <dl>
              {shortcuts.map((shortcut) => (
                <div key={shortcut.what}>
                  <dt>{t(shortcut.what)}</dt>
                  <dd>
                    {waysOf(shortcut).map((keys, place) => (
                      <span key={keys.join("+")} class="keys">
                        {place > 0 && <span class="small soft">{t("shortcuts.or")}</span>}
                        {keys.map((key) => (
                          <kbd key={key}>{cap(key)}</kbd>
                        ))}
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </Section>
        ))}
      </div>
    </Dialog>
  );
}
