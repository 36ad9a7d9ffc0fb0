import MarkdownIt, { type StateInline, type Token } from "markdown-it";
import { hiddenHost, safeHref } from "./links";
import { type Mention, mentionAt } from "./mentions";
import { plainTree } from "./plain";
import { type Block, type Cell, type Inline, MAX_MARKDOWN, MAX_NESTING, MAX_NODES, type Row } from "./tree";

/**
 * The tree of a message, by markdown-it with `html: false`.
 *
 * Of CommonMark are left out: HTML and entities (they show as they were written), link references (a line would
 * vanish), underlined headings (a line of dashes is a line). Added are strikethrough, tables, bare addresses and
 * mentions. What is nested too deep or has too many marks is shown as plain text: never cut, never slow.
 *
 * @param content - of the message, as it came.
 * @param mentions - who may be mentioned in it.
 */
export function parseTree(content: string, mentions: readonly Mention[]): readonly Block[] {
  if (content.length > MAX_MARKDOWN) return plainTree(content, mentions);
  const env: Env = { mentions };
  const tokens = markdown.parse(content, { ...env });
  // At its bound the parser drops the rest of a block; it can be reached only through this level.
  if (tokens.some((token) => token.level >= MAX_NESTING - 1)) return plainTree(content, mentions);
  const builder = new Builder();
  const blocks = builder.blocks(new Cursor(tokens));
  return builder.made > MAX_NODES ? plainTree(content, mentions) : blocks;
}

interface Env {
  readonly mentions: readonly Mention[];
}

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, maxNesting: MAX_NESTING });
markdown.disable(["html_block", "html_inline", "entity", "reference", "lheading"]);
markdown.validateLink = (address) => safeHref(address) !== undefined;
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: true });
markdown.linkify.add("www.", {
  validate: (text, at) =>
    /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+(?:[/?#][^\s<>"]*)?/u.exec(text.slice(at))?.[0].length ?? 0,
  normalize: (match) => {
    match.url = `https://${match.url}`;
  },
});
markdown.inline.ruler.before("emphasis", "mention", mentionRule);

/** `@name` of somebody who is mentioned, before emphasis: a name may have underscores. */
function mentionRule(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== "@") return false;
  const { mentions } = state.env as unknown as Env;
  const found = mentionAt(state.src, state.pos, mentions);
  if (!found) return false;
  if (!silent) {
    const token = state.push("mention", "", 0);
    token.content = state.src.slice(state.pos + 1, state.pos + 1 + found.length);
    token.meta = { id: found.id };
  }
  state.pos += 1 + found.length;
  return true;
}

/** Walks once over a flat list of tokens. */
class Cursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  next(): Token | undefined {
    return this.#tokens[this.#at++];
  }
}

const WRAPS: Readonly<Record<string, "bold" | "italic" | "strike">> = {
  strong_open: "bold",
  em_open: "italic",
  s_open: "strike",
};

/** Makes the tree and counts its nodes. Depth is bounded for blocks by the parser, for inlines here. */
class Builder {
  made = 0;

  /** Blocks up to the end of the one that they stand in. */
  blocks(cursor: Cursor): Block[] {
    const found: Block[] = [];
    for (let token = cursor.next(); token && token.nesting !== -1; token = cursor.next()) {
      const block = this.#block(token, cursor);
      if (block) found.push(block);
    }
    return found;
  }

  #block(token: Token, cursor: Cursor): Block | undefined {
    this.made += 1;
    switch (token.type) {
      case "paragraph_open":
        return { kind: "paragraph", children: this.#text(cursor) };
      case "heading_open":
        return { kind: "heading", level: Number(token.tag.slice(1)), children: this.#text(cursor) };
      case "blockquote_open":
        return { kind: "quote", children: this.blocks(cursor) };
      case "bullet_list_open":
        return { kind: "list", items: this.#items(cursor) };
      case "ordered_list_open":
        return { kind: "list", start: Number(token.attrGet("start") ?? 1), items: this.#items(cursor) };
      case "table_open":
        return { kind: "table", rows: this.#rows(cursor) };
      case "fence":
      case "code_block":
        return { kind: "code", language: languageOf(token), text: token.content.replace(/\n$/, "") };
      case "hr":
        return { kind: "rule" };
      default:
        return undefined;
    }
  }

  #items(cursor: Cursor): Block[][] {
    const items: Block[][] = [];
    for (let token = cursor.next(); token && token.nesting !== -1; token = cursor.next()) {
      items.push(this.blocks(cursor));
    }
    return items;
  }

  /** Head and body of a table; the tokens between rows and around them carry nothing. */
  #rows(cursor: Cursor): Row[] {
    const rows: { head: boolean; cells: Cell[] }[] = [];
    for (let token = cursor.next(); token && token.type !== "table_close"; token = cursor.next()) {
      if (token.type === "tr_open") rows.push({ head: rows.length === 0, cells: [] });
      if (token.type === "th_open" || token.type === "td_open") {
        const align = /left|center|right/.exec(String(token.attrGet("style") ?? ""))?.[0] as Cell["align"];
        rows.at(-1)?.cells.push({ ...(align && { align }), children: this.#text(cursor) });
      }
    }
    return rows;
  }

  /** The text of a block: one `inline` token and the end of the block. */
  #text(cursor: Cursor): Inline[] {
    const inline = cursor.next();
    if (inline?.type !== "inline") return [];
    cursor.next();
    return this.#inlines(new Cursor(inline.children ?? []), 0);
  }

  #inlines(cursor: Cursor, depth: number): Inline[] {
    const found: Inline[] = [];
    for (let token = cursor.next(); token && token.nesting !== -1; token = cursor.next()) {
      this.made += 1;
      const node = this.#inline(token, cursor, depth);
      // Adjacent texts become one: the parser splits at every mark that turned out to mean nothing.
      const last = found.at(-1);
      if (node.kind === "text" && last?.kind === "text") {
        found[found.length - 1] = { kind: "text", text: last.text + node.text };
      } else if (node.kind !== "text" || node.text !== "") found.push(node);
    }
    return found;
  }

  #inline(token: Token, cursor: Cursor, depth: number): Inline {
    const wrap = WRAPS[token.type];
    if (wrap) {
      // Thousands of stars nest thousands deep; whoever draws them recurses.
      if (depth >= MAX_NESTING) this.made = Number.POSITIVE_INFINITY;
      return { kind: wrap, children: this.#inlines(cursor, depth + 1) };
    }
    switch (token.type) {
      case "link_open":
        return linkTo(String(token.attrGet("href") ?? ""), this.#inlines(cursor, depth + 1));
      case "image":
        return linkTo(String(token.attrGet("src") ?? ""), textNodes(token.content));
      case "code_inline":
        return { kind: "code", text: token.content };
      case "softbreak":
      case "hardbreak":
        return { kind: "break" };
      case "mention":
        return { kind: "mention", id: String(token.meta?.["id"]), text: token.content };
      default:
        return { kind: "text", text: token.content };
    }
  }
}

function linkTo(address: string, children: readonly Inline[]): Inline {
  const href = safeHref(address);
  const shown = textOf(children);
  if (href === undefined) return { kind: "text", text: shown };
  const host = hiddenHost(href, shown);
  const visible = shown.trim() === "" ? textNodes(href) : children;
  return { kind: "link", href, ...(host !== undefined && { host }), children: visible };
}

function textNodes(text: string): Inline[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

function textOf(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => ("children" in node ? textOf(node.children) : "text" in node ? node.text : " "))
    .join("");
}

function languageOf(token: Token): string {
  return /^[\w+#.-]{1,24}/.exec(token.info.trim())?.[0] ?? "";
}
