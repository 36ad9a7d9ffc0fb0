import type { ComponentChildren, JSX } from "preact";
import "./badge.css";

/** A small mark beside something: a count, a role. `quiet` for what needs no attention. */
export function Badge({
  kind = "accent",
  label,
  children,
}: {
  kind?: "accent" | "quiet" | "danger";
  /** What screen readers say instead of the children. */
  label?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`badge badge-${kind}`}>
      {label === undefined ? (
        children
      ) : (
        <>
          <span aria-hidden="true">{children}</span>
          <span class="visually-hidden">{label}</span>
        </>
      )}
    </span>
  );
}
