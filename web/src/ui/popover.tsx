import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { dialogs } from "./dialogs";
import "./popover.css";

/** What a popover stands beside: an element, or a point of the window. */
export type Anchor = Element | { readonly x: number; readonly y: number };

const GAP = 6; // px between the anchor and the popover, and to the window's edge

interface PopoverProps {
  readonly anchor: Anchor;
  readonly onClose: () => void;
  readonly label: string;
  readonly role?: "menu" | "dialog" | "listbox";
  /** On phones it comes from the bottom instead of standing beside its anchor. */
  readonly sheet?: boolean;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  readonly children: ComponentChildren;
}

/**
 * Something small above the page, open as long as it is mounted; a press elsewhere or Esc asks its owner to close it.
 *
 * "manual": what browsers do for "auto" ends it when a button or finger goes up outside of it, and so every menu that
 * opened while it was down.
 */
export function Popover(props: PopoverProps): JSX.Element {
  const { anchor, onClose, label, role = "dialog", sheet = true, onKeyDown, children } = props;
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const before = document.activeElement;
    element.showPopover();
    if (!(sheet && isNarrow())) place(element, anchor);
    return () => {
      const held = element.contains(document.activeElement);
      element.hidePopover();
      if (held && before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [anchor, sheet]);
  useLayoutEffect(() => {
    if (box.current) return hearEnd(box.current, anchor, () => close.current());
  }, [anchor]);

  return (
    <div
      ref={box}
      popover="manual"
      class={sheet ? "popover popover-sheet" : "popover"}
      {...{ role, "aria-label": label }}
      {...(onKeyDown ? { onKeyDown } : {})}
      // On Windows the key for menus tells of itself when it goes up: by then the focus is in the menu that it opened.
      {...(role === "menu" ? { onContextMenu: (event: Event) => event.preventDefault() } : {})}
    >
      {children}
    </div>
  );
}

/** Tells when a press elsewhere, Esc, a dialog above it or the way back asks for the end. Returns what ends that. */
function hearEnd(element: HTMLElement, anchor: Anchor, close: () => void): () => void {
  const end = new AbortController();
  const { signal } = end;
  const onPointerDown = ({ target }: Event): void => {
    if (element.contains(target as Node)) return;
    if (anchor instanceof Element && anchor.contains(target as Node)) swallowClick(anchor);
    close();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.isComposing) return;
    // What stands below, a dialog or the conversation, stays open.
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  // Before anybody else hears of it, and whoever stops it.
  document.addEventListener("pointerdown", onPointerDown, { capture: true, signal });
  document.addEventListener("keydown", onKeyDown, { capture: true, signal });
  addEventListener("popstate", close, { signal });
  const before = dialogs.peek().length;
  const stop = dialogs.subscribe((all) => all.length > before && close());
  return () => {
    end.abort();
    stop();
  };
}

/** The press that closes something is not to open it again by its click. */
function swallowClick(anchor: Element): void {
  const end = new AbortController();
  const options = { capture: true, signal: end.signal };
  const onClick = (event: Event): void => {
    end.abort();
    if (!anchor.contains(event.target as Node)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("click", onClick, options);
  // A press that ended elsewhere has no click: the next one counts.
  addEventListener("pointerdown", () => end.abort(), options);
  addEventListener("keydown", () => end.abort(), options);
}

/** True where the window is as narrow as a phone (popover.css has the same number). */
export function isNarrow(): boolean {
  return matchMedia("(max-width: 40rem)").matches;
}

function place(element: HTMLElement, anchor: Anchor): void {
  const at =
    anchor instanceof Element
      ? anchor.getBoundingClientRect()
      : { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
  const { offsetWidth: width, offsetHeight: height } = element;
  const below = at.bottom + GAP;
  const fitsBelow = below + height <= innerHeight - GAP;
  const top = fitsBelow ? below : at.top - GAP - height;
  // It begins where its anchor begins, or ends where it ends, whichever is nearer to the middle of the window.
  const left = (at.left + at.right) / 2 < innerWidth / 2 ? at.left : at.right - width;
  element.style.left = `${clamp(left, GAP, innerWidth - width - GAP)}px`;
  element.style.top = `${clamp(top, GAP, innerHeight - height - GAP)}px`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high));
}
