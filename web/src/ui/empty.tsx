import type { ComponentChildren, JSX } from "preact";
import "./empty.css";
import { Icon, type IconName } from "./icons";

/** There is nothing here: says so, and what one can do (buttons as children). */
export function EmptyState({
  icon,
  title,
  hint,
  children,
}: {
  icon: IconName;
  title: string;
  hint?: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={32} />
      </span>
      <p class="empty-title">{title}</p>
      {hint !== undefined && <p class="empty-hint">{hint}</p>}
      {children !== undefined && <div class="empty-actions">{children}</div>}
    </div>
  );
}
