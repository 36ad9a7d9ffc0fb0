import { type Signal, signal } from "@preact/signals";

/** What a person chose about being told of messages, for this browser. */
export interface NotifyPrefs {
  /** Desktop notifications. Off until the person turns them on: only then is the browser asked. */
  readonly desktop: boolean;
  /** The text of the message in them; otherwise only who wrote. */
  readonly preview: boolean;
  readonly sound: boolean;
}

const STORED = "pingme.notify";
const DEFAULTS: NotifyPrefs = { desktop: false, preview: true, sound: false };

/** The choices of this browser. Change them by `chooseNotify`. */
export const notifyPrefs: Signal<NotifyPrefs> = signal(read());

/** Changes some choices and keeps them. */
export function chooseNotify(values: Partial<NotifyPrefs>): void {
  notifyPrefs.value = { ...notifyPrefs.value, ...values };
  try {
    localStorage.setItem(STORED, JSON.stringify(notifyPrefs.value));
  } catch {
    // Storage is full or forbidden: the choice holds until the page is closed.
  }
}

/** Hears what other tabs choose; returns what stops it. */
export function watchNotifyPrefs(): () => void {
  const hear = (event: StorageEvent): void => {
    if (event.key === STORED) notifyPrefs.value = read();
  };
  addEventListener("storage", hear);
  return () => removeEventListener("storage", hear);
}

function read(): NotifyPrefs {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return { ...DEFAULTS, ...(typeof kept === "object" ? kept : {}) };
  } catch {
    return DEFAULTS;
  }
}
