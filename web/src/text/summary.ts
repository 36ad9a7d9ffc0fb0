const READ_AT_MOST = 600; // characters that are looked at: a line of the list shows some 60, a notification 200
const SHOWN_AT_MOST = 200;

/** Each mark of the markup, with what stays of it. Order matters: fences before code, pictures before links. */
const MARKS: readonly (readonly [RegExp, string])[] = [
  [/^[ \t]*(`{3,}|~{3,})[^\n]*$/gm, " "],
  [/!?\[([^\]\n]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+"[^"\n]*")?\)/g, "$1"],
  [/<((?:https?:\/\/|mailto:)[^>\s]+)>/g, "$1"],
  [/^[ \t]*(?:>[ \t]?)+/gm, ""],
  [/^[ \t]*#{1,6}[ \t]+/gm, ""],
  [/^[ \t]*(?:[-+*]|\d{1,9}[.)])[ \t]+/gm, ""],
  [/(`+)(?!`)([^`\n]+)\1(?!`)/g, "$2"],
  [/(?<!\\)(\*{1,3}|~~)(?=\S)([^*~\n]*[^*~\s\\])\1/g, "$2"],
  [/(?<![\p{L}\p{N}_])(_{1,3})(?=\S)([^_\n]*[^_\s])\1(?![\p{L}\p{N}_])/gu, "$2"],
  [/\\([!-/:-@[-`{-~])/g, "$1"],
];

/**
 * A message in one line without its markup, for the list of conversations and for notifications.
 *
 * It needs no parser and may leave a mark standing where the parser would not; it never shows more than was written.
 *
 * @param content - of the message.
 * @returns at most 200 characters; an ellipsis where it was cut.
 */
export function summarize(content: string): string {
  let text = content.slice(0, READ_AT_MOST);
  for (const [mark, kept] of MARKS) text = text.replace(mark, kept);
  text = text.replace(/\s+/g, " ").trim();
  const cut = text.length > SHOWN_AT_MOST;
  if (!cut) return content.length > READ_AT_MOST ? `${text}…` : text;
  return `${whole(text.slice(0, SHOWN_AT_MOST - 1)).trimEnd()}…`;
}

/** A cut may fall inside a surrogate pair or an emoji sequence; what is left of it is taken away. */
function whole(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, "").replace(/\u200d$/, "");
}
