// Keys that put marks around what is selected, and the marks (markdown: src/text).
const MARKS: Readonly<Record<string, string>> = { b: "**", i: "_", e: "`" };

/** Puts marks around the selection for Ctrl+B, I and E; a second time takes them away. Returns whether it was one. */
export function wrapSelection(event: KeyboardEvent, insert: (text: string) => void): boolean {
  const mark = MARKS[event.key];
  if (!mark || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return false;
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement)) return false;
  const { selectionStart: from, selectionEnd: to, value } = field;
  const selected = value.slice(from, to);
  const marked = selected.length >= mark.length * 2 && selected.startsWith(mark) && selected.endsWith(mark);
  const next = marked ? selected.slice(mark.length, -mark.length) : `${mark}${selected}${mark}`;
  insert(next);
  if (selected === "") field.setSelectionRange(from + mark.length, from + mark.length);
  else field.setSelectionRange(from, from + next.length);
  return true;
}
