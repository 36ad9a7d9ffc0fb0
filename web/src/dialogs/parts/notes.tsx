import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button, copy, Icon, IconButton, Spinner, toast } from "../../ui";

/** What went wrong, where it happened; read aloud at once. */
export function ErrorNote({ text, retry }: { text: string | undefined; retry?: () => void }): JSX.Element {
  return (
    <div role="alert" class="note-box">
      {text !== undefined && (
        <p class="note note-error">
          <Icon name="alert" size={18} />
          <span class="grow">{text}</span>
          {retry && (
            <Button kind="ghost" onClick={retry}>
              {t("common.retry")}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}

/** Something is on its way. */
export function Waiting(): JSX.Element {
  return (
    <div class="waiting">
      <Spinner size={28} label={t("common.loading")} />
    </div>
  );
}

/** A part of a dialog with its heading. */
export function Section({
  title,
  aside,
  ruled = false,
  children,
}: {
  title: string;
  /** A line stands above it. */
  ruled?: boolean;
  /** At the end of the heading's line. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section class={ruled ? "section section-ruled" : "section"}>
      <div class="section-head">
        <h3>{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** A value with its name, and a button that copies it. */
export function CopyLine({
  label,
  value,
  hint,
}: {
  label: string;
  value: string;
  hint?: string;
}): JSX.Element {
  const [copied, setCopied] = useState(false);
  const onCopy = async (): Promise<void> => {
    if (!(await copy(value))) return;
    setCopied(true);
    toast(t("common.copied"), { kind: "good" });
  };
  return (
    <div class="copy-line">
      <span class="grow">
        <span class="small soft">{label}</span>
        <span class="copy-value" dir="auto">
          {value}
        </span>
        {hint !== undefined && <span class="small soft">{hint}</span>}
      </span>
      <IconButton
        icon={copied ? "check" : "copy"}
        label={`${t("common.copy")}: ${label}`}
        onClick={() => void onCopy()}
      />
    </div>
  );
}

/** One of some choices, each explained in a sentence. */
export function Choices<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly disabled?: boolean;
  readonly choices: readonly { readonly value: Value; readonly label: string; readonly hint?: string }[];
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  const { label, value, disabled = false, choices, onChange } = props;
  return (
    <fieldset class="choices" disabled={disabled}>
      <legend>{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} class="choice">
          <input
            type="radio"
            name={label}
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
          />
          <span class="grow">
            <span class="choice-label">{choice.label}</span>
            {choice.hint !== undefined && <span class="small soft">{choice.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
