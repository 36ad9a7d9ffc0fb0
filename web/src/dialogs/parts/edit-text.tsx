import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button, Field, TextArea } from "../../ui";

interface EditTextProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: string;
  readonly maxLength: number;
  /** What to say when it is left empty; absent: it may be empty. */
  readonly required?: string;
  /** A text of several lines. */
  readonly lines?: boolean;
  readonly busy: boolean;
  readonly onSave: (value: string) => void;
  readonly onCancel: () => void;
}

/** A text that is being changed where it stands. */
export function EditText(props: EditTextProps): JSX.Element {
  const { label, hint, value, maxLength, required, lines = false, busy, onSave, onCancel } = props;
  const [typed, setTyped] = useState(value);
  const [refused, setRefused] = useState<string>();
  const common = {
    label,
    value: typed,
    maxLength,
    error: refused,
    autofocus: true,
    ...(hint === undefined ? {} : { hint }),
    onKeyDown: (event: KeyboardEvent): void => {
      // Esc leaves the text, not the dialog.
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      onCancel();
    },
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }): void => {
      setTyped(event.currentTarget.value);
      setRefused(undefined);
    },
  };
  const save = (event: Event): void => {
    event.preventDefault();
    const next = typed.trim();
    if (next === "" && required !== undefined) setRefused(required);
    else if (next === value) onCancel();
    else onSave(next);
  };
  return (
    <form class="edit-text" noValidate onSubmit={save}>
      {lines ? <TextArea {...common} /> : <Field {...common} />}
      <div class="row edit-buttons">
        <Button onClick={onCancel}>{t("common.cancel")}</Button>
        <Button kind="primary" type="submit" busy={busy}>
          {t("common.save")}
        </Button>
      </div>
    </form>
  );
}
