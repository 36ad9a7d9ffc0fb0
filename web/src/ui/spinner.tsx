import type { JSX } from "preact";
import "./spinner.css";

/**
 * Something is under way.
 *
 * @param label - what, for screen readers; left out where words stand beside it.
 */
export function Spinner({ size = 20, label }: { size?: number; label?: string }): JSX.Element {
  return (
    <>
      <Ring size={size} />
      {label !== undefined && <span class="visually-hidden">{label}</span>}
    </>
  );
}

function Ring({ size }: { size: number }): JSX.Element {
  return (
    <svg
      class="spinner"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.5"
      aria-hidden="true"
    >
      <circle cx="12" cy="12" r="9" opacity="0.25" />
      <path d="M12 3a9 9 0 0 1 9 9" stroke-linecap="round" />
    </svg>
  );
}
