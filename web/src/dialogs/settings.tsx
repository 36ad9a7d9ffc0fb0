import type { JSX } from "preact";
import { LANGUAGES, type Language, type LanguageChoice, languageChoice, setLanguage, t } from "../i18n";
import { permission, requestPermission } from "../notify/permission";
import { chooseNotify, notifyPrefs } from "../notify/prefs";
import { playSound } from "../notify/sound";
import { type Prefs, prefs } from "../state/prefs";
import { Dialog, type DialogProps, Icon, type IconName, openDialog, Select, Toggle } from "../ui";
import type { DialogName } from "../ui/dialogs";
import { useAction } from "./parts/action";
import { Section } from "./parts/notes";

/** What this browser does, and the way to what the account is. */
export function Settings({ onClose }: DialogProps<"settings">): JSX.Element {
  return (
    <Dialog title={t("settings.title")} onClose={onClose}>
      <div class="stack">
        <Section title={t("settings.account")}>
          <ul class="links">
            <Way to="profile" icon="person" label={t("shell.profile")} />
            <Way to="password" icon="key" label={t("password.title")} />
            <Way to="devices" icon="device" label={t("shell.devices")} />
          </ul>
        </Section>
        <Look />
        <Notifications />
        <Writing />
      </div>
    </Dialog>
  );
}

function Way({
  to,
  icon,
  label,
}: {
  to: Extract<DialogName, "profile" | "password" | "devices">;
  icon: IconName;
  label: string;
}): JSX.Element {
  return (
    <li>
      <button type="button" class="option" onClick={() => openDialog(to)}>
        <Icon name={icon} />
        <span class="grow">{label}</span>
        <span class="icon-turning soft">
          <Icon name="forward" size={18} />
        </span>
      </button>
    </li>
  );
}

function Look(): JSX.Element {
  const { error, run } = useAction();
  const themes: readonly Prefs["theme"][] = ["system", "light", "dark"];
  return (
    <Section ruled title={t("settings.look")}>
      <div class="stack">
        <fieldset class="segments">
          <legend class="visually-hidden">{t("settings.theme")}</legend>
          {themes.map((theme) => (
            <label key={theme} class="segment">
              <input
                type="radio"
                name="theme"
                checked={prefs.value.theme === theme}
                onChange={() => choose({ theme })}
              />
              <span>{t(`settings.theme_${theme}`)}</span>
            </label>
          ))}
        </fieldset>
        <Select
          label={t("settings.language")}
          error={error}
          value={languageChoice.value}
          onChange={(event) => {
            const choice = event.currentTarget.value as LanguageChoice;
            void run(() => setLanguage(choice));
          }}
        >
          <option value="auto">{t("settings.language_auto")}</option>
          {(Object.keys(LANGUAGES) as Language[]).map((language) => (
            <option key={language} value={language} lang={language}>
              {LANGUAGES[language]}
            </option>
          ))}
        </Select>
      </div>
    </Section>
  );
}

function Notifications(): JSX.Element {
  const { desktop, preview, sound } = notifyPrefs.value;
  const allowed = permission.value;
  const on = desktop && allowed === "granted";
  const turn = async (wanted: boolean): Promise<void> => {
    if (!wanted) return chooseNotify({ desktop: false });
    chooseNotify({ desktop: (await requestPermission()) === "granted" });
  };
  return (
    <Section ruled title={t("settings.notifications")}>
      <Toggle
        label={t("settings.notify")}
        hint={t("settings.notify_hint")}
        checked={on}
        disabled={allowed === "missing" || allowed === "denied"}
        onChange={(wanted) => void turn(wanted)}
      />
      {(allowed === "missing" || allowed === "denied") && (
        <p class="note">{t(allowed === "denied" ? "settings.notify_denied" : "settings.notify_missing")}</p>
      )}
      <Toggle
        label={t("settings.preview")}
        hint={t("settings.preview_hint")}
        checked={preview}
        disabled={!on}
        onChange={(wanted) => chooseNotify({ preview: wanted })}
      />
      <Toggle
        label={t("settings.sound")}
        checked={sound}
        onChange={(wanted) => {
          chooseNotify({ sound: wanted });
          if (wanted) playSound();
        }}
      />
    </Section>
  );
}

function Writing(): JSX.Element {
  const { enterSends } = prefs.value;
  return (
    <Section ruled title={t("settings.writing")}>
      <Toggle
        label={t("settings.enter")}
        hint={t(enterSends ? "settings.enter_hint_on" : "settings.enter_hint_off")}
        checked={enterSends}
        onChange={(wanted) => choose({ enterSends: wanted })}
      />
    </Section>
  );
}

function choose(values: Partial<Prefs>): void {
  prefs.value = { ...prefs.value, ...values };
}
