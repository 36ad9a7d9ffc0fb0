import type { ButtonHTMLAttributes, ComponentChildren, JSX } from "preact";
import "./button.css";
import { Icon, type IconName } from "./icons";
import { Spinner } from "./spinner";

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "label" | "size">;

interface ButtonProps extends Native {
  /** `primary` once per view; `danger` for what cannot be undone. */
  readonly kind?: "primary" | "secondary" | "ghost" | "danger";
  readonly icon?: IconName;
  /** True while what it does is under way: it shows so, and cannot be pressed again. */
  readonly busy?: boolean;
  /** As wide as its place. */
  readonly wide?: boolean;
  readonly children?: ComponentChildren;
}

/** A button with words. */
export function Button(props: ButtonProps): JSX.Element {
  const {
    kind = "secondary",
    icon,
    busy = false,
    wide = false,
    children,
    disabled,
    class: more,
    ...rest
  } = props;
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${kind}${wide ? " button-wide" : ""}${more ? ` ${String(more)}` : ""}`}
      disabled={busy || disabled === true}
      aria-busy={busy}
    >
      {busy ? <Spinner size={18} /> : icon && <Icon name={icon} size={18} />}
      <span class="button-words">{children}</span>
    </button>
  );
}

interface IconButtonProps extends Native {
  readonly icon: IconName;
  /** What it does, in words: read aloud, and shown while the pointer rests on it. */
  readonly label: string;
  readonly size?: number;
  readonly kind?: "ghost" | "primary";
}

/** A button with a drawing alone. */
export function IconButton(props: IconButtonProps): JSX.Element {
  const { icon, label, size = 20, kind = "ghost", class: more, ...rest } = props;
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      class={`icon-button icon-button-${kind}${more ? ` ${String(more)}` : ""}`}
    >
      <Icon name={icon} size={size} />
    </button>
  );
}
