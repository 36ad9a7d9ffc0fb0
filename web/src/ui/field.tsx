import type {
  ComponentChildren,
  FocusEventHandler,
  GenericEventHandler,
  InputEventHandler,
  JSX,
  KeyboardEventHandler,
  Ref,
} from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../i18n";
import { IconButton } from "./button";
import "./field.css";
import { Icon } from "./icons";

interface Labelled {
  readonly label: string;
  readonly hint?: string | undefined;
  /** What is wrong with it, in a sentence; shown instead of the hint, and read aloud. */
  readonly error?: string | undefined;
  /** Says so beside the label. */
  readonly optional?: boolean;
}

/** What a form's control may be told; the rest is the browser's. */
interface Control<T extends HTMLElement> {
  readonly name?: string;
  readonly value?: string;
  readonly disabled?: boolean;
  readonly required?: boolean;
  readonly autofocus?: boolean;
  readonly onInput?: InputEventHandler<T>;
  readonly onChange?: GenericEventHandler<T>;
  readonly onBlur?: FocusEventHandler<T>;
  readonly onKeyDown?: KeyboardEventHandler<T>;
}

interface Typed {
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly readOnly?: boolean;
  readonly spellcheck?: boolean;
}

interface FieldProps extends Labelled, Typed, Control<HTMLInputElement> {
  readonly type?: "text" | "password" | "email" | "search" | "date" | "url";
  /** For password managers and keyboards (https://html.spec.whatwg.org/#autofill). */
  readonly autocomplete?: string;
  readonly autocapitalize?: "none" | "sentences" | "words";
  readonly enterKeyHint?: "done" | "go" | "next" | "search" | "send";
  readonly min?: string;
  readonly max?: string;
  readonly inputRef?: Ref<HTMLInputElement>;
}

/** A line of text with its label. Passwords get a button that shows them. */
export function Field(props: FieldProps): JSX.Element {
  const { label, hint, error, optional, type = "text", inputRef, ...rest } = props;
  const [shown, setShown] = useState(false);
  const id = useId();
  const secret = type === "password";
  return (
    <Frame {...{ id, label, hint, error, optional: optional ?? false }}>
      <span class="field-box">
        <input
          dir="auto"
          {...rest}
          {...(inputRef ? { ref: inputRef } : {})}
          id={id}
          // Preact's types want one type known beforehand; all of these take the same attributes.
          type={(secret && shown ? "text" : type) as "text"}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
        />
        {secret && (
          <IconButton
            icon={shown ? "eye_off" : "eye"}
            label={t(shown ? "auth.hide_password" : "auth.show_password")}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          />
        )}
      </span>
    </Frame>
  );
}

interface AreaProps extends Labelled, Typed, Control<HTMLTextAreaElement> {
  readonly rows?: number;
}

/** Several lines of text with their label. */
export function TextArea({ label, hint, error, optional, ...rest }: AreaProps): JSX.Element {
  const id = useId();
  return (
    <Frame {...{ id, label, hint, error, optional: optional ?? false }}>
      <span class="field-box">
        <textarea
          dir="auto"
          rows={3}
          {...rest}
          id={id}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
        />
      </span>
    </Frame>
  );
}

interface SelectProps extends Labelled, Control<HTMLSelectElement> {
  readonly children: ComponentChildren;
}

/** A choice of one, as the browser shows it. */
export function Select({ label, hint, error, optional, children, ...rest }: SelectProps): JSX.Element {
  const id = useId();
  return (
    <Frame {...{ id, label, hint, error, optional: optional ?? false }}>
      <span class="field-box field-select">
        <select {...rest} id={id} aria-describedby={`${id}-note`}>
          {children}
        </select>
        <Icon name="down" size={18} />
      </span>
    </Frame>
  );
}

function Frame(props: Labelled & { id: string; children: ComponentChildren }): JSX.Element {
  const { id, label, hint, error, optional, children } = props;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="field-optional"> ({t("common.optional")})</span>}
      </label>
      {children}
      <p id={`${id}-note`} class={error === undefined ? "field-hint" : "field-error"} aria-live="polite">
        {error ?? hint}
      </p>
    </div>
  );
}

/** A switch with its words: on or off, at once. */
export function Toggle(props: {
  label: string;
  hint?: string | undefined;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}): JSX.Element {
  const { label, hint, checked, disabled = false, onChange } = props;
  const id = useId();
  return (
    <div class="toggle">
      <span class="grow">
        <label for={id}>{label}</label>
        {hint !== undefined && (
          <span class="field-hint" id={`${id}-note`}>
            {hint}
          </span>
        )}
      </span>
      <input
        id={id}
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-note` })}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </div>
  );
}
