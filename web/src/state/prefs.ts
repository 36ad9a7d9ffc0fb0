import { effect, type Signal, signal } from "@preact/signals";

/** What a person chose for this browser. */
export interface Prefs {
  theme: "system" | "light" | "dark";
  /** False: Enter begins a new line, and Ctrl+Enter sends. */
  enterSends: boolean;
}

const KEY = "pingme.prefs";
const DEFAULTS: Prefs = { theme: "system", enterSends: true };

/** The choices of this browser; assigning keeps them. */
export const prefs: Signal<Prefs> = signal(read());

/** Keeps choices, applies the theme, and hears what other tabs choose. */
export function watchPrefs(): void {
  addEventListener("storage", (event) => {
    if (event.key === KEY) prefs.value = read();
  });
  effect(() => {
    const { theme } = prefs.value;
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, JSON.stringify(prefs.value));
    } catch {
      // Storage is full or forbidden: the choice holds until the page is closed.
    }
  });
}

function read(): Prefs {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...DEFAULTS, ...(typeof kept === "object" ? kept : {}) };
  } catch {
    return DEFAULTS;
  }
}
