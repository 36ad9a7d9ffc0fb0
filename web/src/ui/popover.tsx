import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
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

/** Something small above the page, open as long as it is mounted; a press elsewhere or Esc asks its owner to close it. */
export function Popover(props: PopoverProps): JSX.Element {
  const { anchor, onClose, label, role = "dialog", sheet = true, onKeyDown, children } = props;
  const box = useRef<HTMLDivElement>(null);

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

  return (
    <div
      ref={box}
      popover="auto"
      class={sheet ? "popover popover-sheet" : "popover"}
      {...{ role, "aria-label": label }}
      {...(onKeyDown ? { onKeyDown } : {})}
      onToggle={(event) => {
        if (event.newState === "closed") onClose();
      }}
    >
      {children}
    </div>
  );
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
