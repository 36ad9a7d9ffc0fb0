import { PingMeError } from "@pingme/sdk";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { client } from "../state/client";
import { explain } from "../state/errors";
import { endedBecause, enter } from "../state/session";
import { Button, Field, Icon } from "../ui";
import { Logo } from "../ui/logo";
import "./auth.css";
import { passwordFault, usernameFault } from "./rules";

type Faults = Partial<Record<"username" | "password" | "form", string | undefined>>;

/** Logging in, or making an account. */
export function AuthPage(): JSX.Element {
  const [making, setMaking] = useState(false);
  return (
    <main class="auth">
      <div class="auth-card">
        <header class="auth-head">
          <Logo size={56} />
          <h1>{t("common.app")}</h1>
          <p class="soft">{t("auth.tagline")}</p>
        </header>
        {endedBecause.value === "revoked" && !making && (
          <p class="auth-note" role="status">
            <Icon name="info" size={18} />
            <span>{t("auth.session_revoked")}</span>
          </p>
        )}
        <AuthForm key={String(making)} making={making} />
        <p class="auth-other">
          {t(making ? "auth.have_account" : "auth.no_account")}{" "}
          <button type="button" class="auth-switch" onClick={() => setMaking(!making)}>
            {t(making ? "auth.login" : "auth.register")}
          </button>
        </p>
      </div>
    </main>
  );
}

function AuthForm({ making }: { making: boolean }): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<Faults>({});

  const submit = async (): Promise<void> => {
    const data = new FormData(form.current ?? undefined);
    const values = { username: text(data, "username").trim(), password: text(data, "password") };
    const found = making ? check(values) : missing(values);
    setFaults(found);
    if (found.username || found.password) return focusFault(form.current, found);
    setBusy(true);
    try {
      const nickname = text(data, "nickname").trim();
      await enter(() =>
        making ? client().register({ ...values, ...(nickname ? { nickname } : {}) }) : client().login(values),
      );
    } catch (error) {
      const said = faultsOf(error);
      setFaults(said);
      setBusy(false);
      focusFault(form.current, said);
    }
  };

  return (
    <form
      ref={form}
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {faults.form && (
        <p class="auth-error" role="alert">
          <Icon name="alert" size={18} />
          <span>{faults.form}</span>
        </p>
      )}
      <Field
        label={t("auth.username")}
        name="username"
        hint={making ? t("auth.username_hint") : undefined}
        error={faults.username}
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        maxLength={64}
        autofocus
      />
      {making && (
        <Field
          label={t("auth.nickname")}
          name="nickname"
          hint={t("auth.nickname_hint")}
          autocomplete="nickname"
          maxLength={64}
          optional
        />
      )}
      <Field
        label={t("auth.password")}
        name="password"
        type="password"
        hint={making ? t("auth.password_hint") : undefined}
        error={faults.password}
        autocomplete={making ? "new-password" : "current-password"}
        maxLength={256}
      />
      <Button kind="primary" type="submit" busy={busy} wide>
        {t(label(making, busy))}
      </Button>
    </form>
  );
}

function label(making: boolean, busy: boolean) {
  if (making) return busy ? "auth.registering" : "auth.register";
  return busy ? "auth.logging_in" : "auth.login";
}

function check({ username, password }: { username: string; password: string }): Faults {
  return { username: usernameFault(username), password: passwordFault(password, username) };
}

function missing({ username, password }: { username: string; password: string }): Faults {
  return {
    username: username === "" ? t("auth.username_missing") : undefined,
    password: password === "" ? t("auth.password_missing") : undefined,
  };
}

/** Puts what the server said where it belongs: its messages begin with the field that they are about. */
function faultsOf(error: unknown): Faults {
  if (error instanceof PingMeError) {
    if (error.code === 30002) return { username: t("error.30002") };
    if (error.code === 10004) return { form: t("error.registration_closed") };
    const about = /^(username|password): (.+)$/s.exec(error.message);
    if (error.code === 10002 && about?.[1])
      return { [about[1]]: t("error.10002", { detail: about[2] ?? "" }) };
  }
  return { form: explain(error) };
}

function focusFault(form: HTMLFormElement | null, faults: Faults): void {
  const name = faults.username ? "username" : "password";
  const input = form?.elements.namedItem(name);
  if (input instanceof HTMLInputElement) input.focus();
}

function text(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}
