/**
 * Messages as nodes: `renderText(content, context)` draws one, `summarize(content)` says it in a line.
 *
 * content → (markdown-it) → tree of plain values → Preact nodes. There is no HTML string on the way, so nothing that
 * somebody writes can become markup. The parser is a chunk of its own; until it is there, and for messages without
 * any mark, the text is drawn without it, which gives the same nodes for the same words.
 */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { Cache } from "./cache";
import { isEmojiOnly } from "./emoji-only";
import { EVERYONE, EVERYONE_NAMES, type Mention } from "./mentions";
import { isPlain, plainTree } from "./plain";
import { drawBlocks, type Surroundings } from "./render";
import "./text.css";
import type { Block } from "./tree";

export { isEmojiOnly } from "./emoji-only";
export { summarize } from "./summary";

/** What of a user is shown. */
export interface Named {
  readonly username: string;
  readonly nickname: string;
}

export interface TextContext extends Surroundings {
  /** User ids that the message mentions, as they came; "all" for everyone. */
  readonly mentions?: readonly string[] | undefined;
  /** What is known of a user: `client.user`. */
  readonly user?: ((userId: string) => Named | undefined) | undefined;
}

type Parse = (content: string, mentions: readonly Mention[]) => readonly Block[];

const parser = signal<Parse | undefined>(undefined);
let loading: Promise<void> | undefined;

// Trees of some screens of messages; one is mostly under 1 KB.
const trees = new Cache<readonly Block[]>(500);

/** Loads the parser, once. Call it when the page is idle, before the first conversation is opened. */
export function preloadText(): Promise<void> {
  loading ??= import("./parse").then(
    ({ parseTree }) => {
      parser.value = parseTree;
    },
    () => {
      loading = undefined; // offline before it was ever loaded: the next message that needs it tries again
    },
  );
  return loading;
}

/**
 * Draws a message.
 *
 * Call it while a component is drawn: it is drawn anew when the parser has come.
 *
 * @param content - as it came; anything.
 * @param context - who is mentioned, who reads, what a click on a mention does.
 */
export function renderText(content: string, context: TextContext = {}): VNode {
  if (isEmojiOnly(content)) return <div class="text text-big">{content.trim()}</div>;
  return <div class="text">{drawBlocks(treeOf(content, mentionsOf(context)), context)}</div>;
}

function treeOf(content: string, mentions: readonly Mention[]): readonly Block[] {
  if (isPlain(content)) return plainTree(content, mentions);
  const parse = parser.value;
  if (!parse) {
    void preloadText();
    return plainTree(content, mentions);
  }
  const names = mentions.map(({ id, names }) => `${id}=${names.join("|")}`).join("\u0000");
  return trees.get(`${content}\u0000${names}`, () => parse(content, mentions));
}

function mentionsOf({ mentions, user }: TextContext): readonly Mention[] {
  if (!mentions || mentions.length === 0) return [];
  return mentions.map((id) => {
    if (id === EVERYONE) return { id, names: EVERYONE_NAMES };
    const known = user?.(id);
    return { id, names: known ? [known.nickname, known.username].filter((name) => name !== "") : [] };
  });
}
