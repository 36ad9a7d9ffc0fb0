import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { IconButton } from "./button";
import { Icon, type IconName } from "./icons";
import "./toast.css";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "info" | "error" | "good";
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}

const SHOWN_MS = 5_000; // WCAG 2.2.1 wants more for what one can act on:
const SHOWN_WITH_ACTION_MS = 12_000;
const MAX_SHOWN = 3;
const ICONS: Readonly<Record<Toast["kind"], IconName>> = { info: "info", error: "alert", good: "check" };

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Says something in passing. What must not be missed belongs where it happened instead. */
export function toast(text: string, options: { kind?: Toast["kind"]; action?: Toast["action"] } = {}): void {
  const { kind = "info", action } = options;
  const id = ++lastId;
  const others = toasts.value.filter((each) => each.text !== text);
  toasts.value = [...others, { id, text, kind, action }].slice(-MAX_SHOWN);
  setTimeout(() => dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** Where toasts appear: once in the page. */
export function ToastHost(): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const shown = toasts.value;
  const newest = shown.at(-1)?.id;

  useLayoutEffect(() => {
    // Shown anew each time, to stand above a dialog that was opened since.
    box.current?.hidePopover();
    if (newest !== undefined) box.current?.showPopover();
  }, [newest]);

  return (
    <div ref={box} popover="manual" class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, kind, action }) => (
        <div key={id} class={`toast toast-${kind}`}>
          <Icon name={ICONS[kind]} />
          <span class="grow" dir="auto">
            {text}
          </span>
          {action && (
            <button
              type="button"
              class="toast-action"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <IconButton icon="close" size={16} label={t("common.close")} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
