/**
 * Texts, numbers and dates in the language of the person.
 *
 * English is in the first load; other catalogues are loaded when they are chosen. `t()` reads a signal, so what
 * calls it while drawing is drawn anew when the language changes. Keys stand in en/, one file for each part of the
 * page; zh/ must have the same keys, which the compiler checks, and the same parameters, which a test checks.
 */
export { formatAgo, formatDay, formatFull, formatListTime, formatTime, isSameDay, startOfDay } from "./dates";
export { isolate } from "./isolate";
export {
  active,
  initLanguage,
  type Key,
  LANGUAGES,
  type Language,
  type LanguageChoice,
  languageChoice,
  locale,
  setLanguage,
} from "./language";
export { formatNames, formatNumber } from "./numbers";
export { isKey, t, tx } from "./translate";
