/**
 * A message as it is shown: a tree of plain values.
 *
 * Between the parser and the page stands this tree, and nothing that is not in it can be shown: there is no node
 * for HTML, no attribute but those below, and `href` has passed `safeHref`.
 */
export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "break" }
  | { readonly kind: "bold" | "italic" | "strike"; readonly children: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | {
      readonly kind: "link";
      readonly href: string;
      /** Where it really goes, when its text says something else. */
      readonly host?: string;
      readonly children: readonly Inline[];
    }
  | { readonly kind: "mention"; readonly id: string; readonly text: string };

export type Block =
  | { readonly kind: "paragraph"; readonly children: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: "quote"; readonly children: readonly Block[] }
  | {
      readonly kind: "list";
      /** The first number of an ordered list; absent for bullets. */
      readonly start?: number;
      readonly items: readonly (readonly Block[])[];
    }
  | { readonly kind: "code"; readonly language: string; readonly text: string }
  | { readonly kind: "table"; readonly rows: readonly Row[] }
  | { readonly kind: "rule" };

export interface Row {
  readonly head: boolean;
  readonly cells: readonly Cell[];
}

export interface Cell {
  readonly align?: "left" | "center" | "right";
  readonly children: readonly Inline[];
}

/** Characters of a text that are read as markdown; a longer one (its server allows more) is shown as plain text. */
export const MAX_MARKDOWN = 32_768;

/** Nodes of one message. Eight KiB of the cheapest marks make some 4 000 elements, which nobody wrote to be read. */
export const MAX_NODES = 1_500;

/** Quotes and lists within each other. What is deeper is no longer readable on a phone either. */
export const MAX_NESTING = 24;
