import { type Mention, mentionAt } from "./mentions";
import type { Block, Inline } from "./tree";

// Everything that markdown or the finder of links could make something of. A text without it is the same with and
// without the parser, so most messages of a chat never wait for it.
const MARKED = /[*_~`[\]<>#|\\!&]|:\/\/|www\.|mailto:|\S@\S|^\s*(?:[-+=]|\d{1,9}[.)](?:\s|$))|^(?: {4}|\t)/im;

/** True when the parser would change nothing in the text. */
export function isPlain(content: string): boolean {
  return !MARKED.test(content);
}

/**
 * The tree of a text without markup: paragraphs at blank lines, line breaks kept, mentions found.
 *
 * Also what stands there until the parser is loaded, and for texts that are too much for it.
 */
export function plainTree(content: string, mentions: readonly Mention[]): readonly Block[] {
  return content
    .replace(/\r\n?/g, "\n")
    .split(/\n[ \t]*\n\s*/)
    .filter((part) => part.trim() !== "")
    .map((part) => ({ kind: "paragraph", children: linesOf(part.trimEnd(), mentions) }));
}

function linesOf(part: string, mentions: readonly Mention[]): Inline[] {
  return part.split("\n").flatMap((line, index) => {
    const found = mentionsIn(line.trim(), mentions);
    return index === 0 ? found : [{ kind: "break" } as const, ...found];
  });
}

function mentionsIn(line: string, mentions: readonly Mention[]): Inline[] {
  if (mentions.length === 0 || !line.includes("@")) return line === "" ? [] : [{ kind: "text", text: line }];
  const nodes: Inline[] = [];
  let done = 0;
  for (let at = line.indexOf("@"); at !== -1; at = line.indexOf("@", at + 1)) {
    const found = at < done ? undefined : mentionAt(line, at, mentions);
    if (!found) continue;
    if (at > done) nodes.push({ kind: "text", text: line.slice(done, at) });
    done = at + 1 + found.length;
    nodes.push({ kind: "mention", id: found.id, text: line.slice(at + 1, done) });
  }
  if (done < line.length) nodes.push({ kind: "text", text: line.slice(done) });
  return nodes;
}
