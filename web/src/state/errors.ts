import { PingMeError } from "@pingme/sdk";
import { isKey, t } from "../i18n";

/** What to tell a person about an error, in a sentence that says what they can do. */
export function explain(error: unknown): string {
  if (!(error instanceof PingMeError)) return t("error.network");
  const { kind, code, message, retry_after_ms } = error;
  if (kind === "unreachable") return t("error.network");
  if (code === 10002) return t("error.10002", { detail: message });
  if (code === 10007 && retry_after_ms !== undefined) {
    return `${t("error.10007")} ${t("error.wait", { count: Math.ceil(retry_after_ms / 1000) })}`;
  }
  const key = `error.${code}`;
  // Keys made of codes that have parameters are answered above.
  return isKey(key) ? t(key as "error.10001") : t("error.unknown", { code: String(code) });
}
