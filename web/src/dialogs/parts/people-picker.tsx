import type { User } from "@pingme/sdk";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { Icon, Spinner } from "../../ui";
import { ErrorNote } from "./notes";
import { usePeople } from "./people";
import { PersonRow } from "./person-row";

interface PickerProps {
  readonly label: string;
  readonly onPick: (user: User) => void;
  /** Who is picked already: marked, and picking them again takes them away. */
  readonly picked?: ReadonlySet<string>;
  /** Why somebody cannot be picked; undefined: they can. */
  readonly refuse?: (userId: string) => string | undefined;
  readonly initial?: string;
  /** False: something above it has the focus when the dialog opens. */
  readonly focus?: boolean;
  /** Shown while nothing is typed. */
  readonly children?: ComponentChildren;
}

/**
 * A field that finds people while one types, and the people found: a combobox with its list always open
 * (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/). Focus stays in the field; arrows move the mark, Enter picks.
 */
export function PeoplePicker(props: PickerProps): JSX.Element {
  const { label, onPick, picked, refuse, initial = "", focus = true, children } = props;
  const [query, setQuery] = useState(initial);
  const [active, setActive] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const asked = query.trim();
  const { people, answered, error } = usePeople(asked);
  const shown = asked === "" ? [] : people;
  const at = Math.min(active, shown.length - 1);

  useEffect(() => {
    if (focus) input.current?.focus();
  }, [focus]);
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [id, at]);

  const pick = (user: User | undefined): void => {
    if (!user || refuse?.(user.user_id) !== undefined) return;
    onPick(user);
    // Several are picked one after the other: the field is ready for the next name.
    if (picked) setQuery("");
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (event.isComposing || shown.length === 0) return;
    if (step !== undefined) setActive((at + step + shown.length) % shown.length);
    else if (event.key === "Enter") pick(shown[at]);
    else return;
    event.preventDefault();
  };

  return (
    <div class="picker">
      <label for={id} class="visually-hidden">
        {label}
      </label>
      <span class="field-box picker-box">
        <Icon name="search" size={18} />
        <input
          ref={input}
          id={id}
          type="search"
          {...comboboxOf(id, at)}
          dir="auto"
          placeholder={label}
          value={query}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
        {asked !== answered && <Spinner size={18} />}
      </span>
      <ErrorNote text={error} />
      {asked === "" ? children : null}
      <p class="visually-hidden" role="status">
        {asked !== "" && asked === answered && t("people.results", { count: shown.length })}
      </p>
      {asked !== "" && asked === answered && shown.length === 0 && error === undefined && (
        <p class="soft picker-none">{t("people.none", { query: asked })}</p>
      )}
      <div id={`${id}-list`} role="listbox" aria-label={label} hidden={shown.length === 0}>
        {shown.map((user, place) => (
          <Option
            key={user.user_id}
            id={`${id}-${place}`}
            user={user}
            active={place === at}
            picked={picked?.has(user.user_id)}
            refused={refuse?.(user.user_id)}
            onPick={() => pick(user)}
          />
        ))}
      </div>
    </div>
  );
}

/** Preact's types and the linter both believe that only a datalist makes a field a combobox. */
function comboboxOf(id: string, active: number): object {
  return {
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-controls": `${id}-list`,
    "aria-expanded": active >= 0,
    ...(active >= 0 && { "aria-activedescendant": `${id}-${active}` }),
  };
}

function Option(props: {
  id: string;
  user: User;
  active: boolean;
  picked: boolean | undefined;
  refused: string | undefined;
  onPick: () => void;
}): JSX.Element {
  const { id, user, active, picked, refused, onPick } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the field, which keeps the focus.
    <div
      id={id}
      role="option"
      tabIndex={-1}
      class={active ? "option option-active" : "option"}
      aria-selected={picked ?? active}
      aria-disabled={refused !== undefined}
      // The press must not take the focus from the field: on phones the keyboard would close.
      onPointerDown={(event) => event.preventDefault()}
      onClick={onPick}
    >
      <PersonRow person={user} note={refused}>
        {picked && <Icon name="check" size={18} />}
      </PersonRow>
    </div>
  );
}
