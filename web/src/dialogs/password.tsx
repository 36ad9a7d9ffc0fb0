import { PingMeError } from "@pingme/sdk";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { me } from "../state/store";
import { Button, Dialog, type DialogProps, Field, toast } from "../ui";
import { useAction } from "./parts/action";
import { ErrorNote } from "./parts/notes";

const MIN = 8; // characters; the server's bounds (docs/protocol.md)
const MAX = 128;
const WRONG_PASSWORD = 30003;

interface Values {
  readonly current: string;
  readonly next: string;
  readonly again: string;
}

/** Another password. Every other session ends with the old one. */
export function Password({ onClose }: DialogProps<"password">): JSX.Element {
  const [values, setValues] = useState<Values>({ current: "", next: "", again: "" });
  const [tried, setTried] = useState(false);
  const [wrong, setWrong] = useState(false);
  const { busy, error, run } = useAction();
  const faults = faultsOf(values);
  const set = (name: keyof Values) => (event: { currentTarget: HTMLInputElement }) => {
    setValues({ ...values, [name]: event.currentTarget.value });
    if (name === "current") setWrong(false);
  };
  const save = async (): Promise<void> => {
    setTried(true);
    if (Object.values(faults).some((fault) => fault !== undefined)) return;
    let refused = false;
    const change = { old_password: values.current, new_password: values.next };
    const done = await run(() =>
      client()
        .changePassword(change)
        .catch((caught: unknown) => {
          // It belongs to the field, not to the whole.
          if (!(caught instanceof PingMeError) || caught.code !== WRONG_PASSWORD) throw caught;
          refused = true;
        }),
    );
    setWrong(refused);
    if (!done || refused) return;
    toast(t("password.changed"), { kind: "good" });
    onClose();
  };
  const fault = (name: keyof Values): string | undefined => (tried ? faults[name] : undefined);
  return (
    <Dialog
      title={t("password.title")}
      size="s"
      onClose={onClose}
      onSubmit={() => void save()}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("password.button")}
          </Button>
        </>
      }
    >
      <div class="stack">
        {/* Password managers want to know whose it is. */}
        <input
          class="visually-hidden"
          type="text"
          autocomplete="username"
          readOnly
          tabIndex={-1}
          aria-hidden="true"
          value={me()?.username ?? ""}
        />
        <Field
          label={t("password.current")}
          type="password"
          autocomplete="current-password"
          autofocus
          value={values.current}
          error={wrong ? t("error.password_wrong") : fault("current")}
          onInput={set("current")}
        />
        <Field
          label={t("password.new")}
          hint={t("auth.password_hint")}
          type="password"
          autocomplete="new-password"
          value={values.next}
          error={fault("next")}
          onInput={set("next")}
        />
        <Field
          label={t("password.again")}
          type="password"
          autocomplete="new-password"
          value={values.again}
          error={fault("again")}
          onInput={set("again")}
        />
        <p class="small soft">{t("password.hint")}</p>
        <ErrorNote text={error} />
      </div>
    </Dialog>
  );
}

/** What is wrong with each field, before the server is asked. */
export function faultsOf({
  current,
  next,
  again,
}: Values): Readonly<Record<keyof Values, string | undefined>> {
  const length = [...next].length;
  return {
    current: current === "" ? t("auth.password_missing") : undefined,
    next:
      length < MIN
        ? t("auth.password_short")
        : length > MAX
          ? t("auth.password_long")
          : next === current
            ? t("password.same")
            : undefined,
    again: again === next ? undefined : t("password.differ"),
  };
}
