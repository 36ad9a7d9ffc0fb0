import type { JSX } from "preact";

/** The sign of the house: a bubble, and the waves of a ping. */
export function Logo({ size = 32 }: { size?: number }): JSX.Element {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 48 48" aria-hidden="true">
      <path
        class="logo-bubble"
        d="M24 4c11.6 0 20 7.7 20 18s-8.4 18-20 18c-2.2 0-4.3-.3-6.2-.8L8.5 43.8c-.9.5-1.9-.4-1.6-1.3l2.3-7.3C5.9 31.9 4 27.2 4 22 4 11.7 12.4 4 24 4z"
      />
      <circle class="logo-mark" cx="16" cy="28" r="3.2" />
      <path
        class="logo-wave"
        d="M16 20a8 8 0 0 1 8 8M16 13a15 15 0 0 1 15 15"
        fill="none"
        stroke-width="3.4"
        stroke-linecap="round"
      />
    </svg>
  );
}
