import { signal } from "@preact/signals";
import type { ComponentChildren, JSX, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import "./menu.css";
import { type Anchor, Popover } from "./popover";

/** One line of a menu. */
export interface MenuItem {
  readonly label: string;
  readonly icon?: IconName;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  /** Given: the line is a choice, and this says whether it is made. */
  readonly checked?: boolean;
  readonly onSelect: () => void;
}

interface MenuRequest {
  readonly anchor: Anchor;
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** Stands above the lines: a row of reactions, a name. */
  readonly head?: ComponentChildren;
}

interface OpenMenu extends MenuRequest {
  readonly id: number;
}

const open = signal<OpenMenu | null>(null);
let lastId = 0;

/** Shows a menu beside an element or at a point; it closes by itself. */
export function openMenu(request: MenuRequest): void {
  open.value = { ...request, id: ++lastId };
}

/** Closes the menu that is open; given an id, only where it is that one still. */
export function closeMenu(id = open.peek()?.id): void {
  if (open.peek()?.id === id) open.value = null;
}

/**
 * Where menus appear: once in the page, and once in each dialog. A modal dialog makes everything outside it inert,
 * so a menu must stand in the dialog that holds its anchor.
 */
export function MenuHost({ within }: { within?: RefObject<HTMLElement | null> }): JSX.Element | null {
  const request = open.value;
  if (!request) return null;
  const home = request.anchor instanceof Element ? request.anchor.closest("dialog") : null;
  const here = within ? home !== null && home === within.current : home === null;
  return here ? <Menu key={request.id} {...request} /> : null;
}

function Menu({ id, anchor, label, items, head }: OpenMenu): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => lines(list.current)[0]?.focus({ preventScroll: true }), []);
  return (
    <Popover
      anchor={anchor}
      label={label}
      role="menu"
      onClose={() => closeMenu(id)}
      onKeyDown={(event) => move(event, list.current)}
    >
      <div class="menu" ref={list}>
        {head}
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            class={item.danger ? "menu-item menu-item-danger" : "menu-item"}
            tabIndex={-1}
            disabled={item.disabled ?? false}
            {...(item.checked === undefined
              ? { role: "menuitem" as const }
              : { role: "menuitemcheckbox" as const, "aria-checked": item.checked })}
            onClick={() => {
              closeMenu(id);
              item.onSelect();
            }}
          >
            {item.icon && <Icon name={item.icon} />}
            <span class="grow">{item.label}</span>
            {item.checked && <Icon name="check" size={18} />}
          </button>
        ))}
      </div>
    </Popover>
  );
}

function lines(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>("button:not(:disabled)") ?? [])];
}

function move(event: KeyboardEvent, list: HTMLElement | null): void {
  const all = lines(list);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: -1,
  };
  const place = next[event.key];
  if (event.key === "Tab") closeMenu();
  if (place === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  all.at(place % all.length)?.focus();
}
