import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { IconButton } from "./button";
import "./dialog.css";
import { MenuHost } from "./menu";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  /** Buttons at the end, the most important one last. */
  readonly footer?: ComponentChildren;
  readonly size?: "s" | "m" | "l";
  /** Given: the content is a form, and this is what submitting it does. */
  readonly onSubmit?: () => void;
  /** False while something must not be interrupted: neither Esc nor the ground behind closes it. */
  readonly closable?: boolean;
  /** True where there is nothing inside to press: the keyboard then scrolls the whole. */
  readonly reading?: boolean;
  readonly children?: ComponentChildren;
}

/**
 * A window above the page, open as long as it is mounted. On phones it fills the screen, but for small ones.
 *
 * The element is the browser's own: the page behind is inert, and focus returns to where it was.
 */
export function Dialog(props: DialogProps): JSX.Element {
  const { title, onClose, footer, size = "m", onSubmit, closable = true, reading = false, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();

  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    element.showModal();
    return () => element.close();
  }, []);

  const inside = (
    <>
      <header class="dialog-head">
        <h2 id={heading}>{title}</h2>
        {closable && <IconButton icon="close" label={t("common.close")} onClick={onClose} />}
      </header>
      <div class="dialog-body" {...(reading && { tabIndex: 0 })}>
        {children}
      </div>
      {footer !== undefined && <footer class="dialog-foot">{footer}</footer>}
    </>
  );
  return (
    <dialog
      ref={dialog}
      class={`dialog dialog-${size}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        // The owner unmounts it; closed by the browser it would stay mounted, unseen.
        event.preventDefault();
        if (closable && event.target === dialog.current) onClose();
      }}
      onPointerDown={(event) => {
        if (closable && event.target === dialog.current) onClose();
      }}
    >
      {onSubmit ? (
        <form
          class="dialog-box"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit();
          }}
        >
          {inside}
        </form>
      ) : (
        <div class="dialog-box">{inside}</div>
      )}
      <MenuHost within={dialog} />
    </dialog>
  );
}
