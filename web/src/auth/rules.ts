import { t } from "../i18n";

/**
 * What can be said of a name and a password before the server is asked. The server's rules are stricter (one
 * script, no look-alikes: docs/access.md); what it refuses, it explains.
 */

// Letters, their marks, digits and three punctuation marks, counted in characters after NFKC, as the server does.
const USERNAME = /^[\p{L}\p{M}\p{Nd}_.-]{3,32}$/u;
const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;

/** What is wrong with a new username; undefined when nothing is. */
export function usernameFault(name: string): string | undefined {
  if (name === "") return t("auth.username_missing");
  return USERNAME.test(name.normalize("NFKC")) ? undefined : t("auth.username_bad");
}

/** What is wrong with a new password; undefined when nothing is. */
export function passwordFault(password: string, username: string): string | undefined {
  const length = [...password.normalize("NFC")].length;
  if (length === 0) return t("auth.password_missing");
  if (length < PASSWORD_MIN) return t("auth.password_short");
  if (length > PASSWORD_MAX) return t("auth.password_long");
  return sameName(password, username) ? t("auth.password_is_username") : undefined;
}

function sameName(a: string, b: string): boolean {
  const key = (text: string): string => text.normalize("NFKC").toLowerCase();
  return key(a) === key(b);
}
