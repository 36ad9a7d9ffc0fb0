import type { VNode } from "preact";
import { t } from "../i18n";
import { CodeBlock } from "./code-block";
import type { Block, Inline, Row } from "./tree";

/** What the drawing of a message needs to know of its surroundings. */
export interface Surroundings {
  /** The reader's own id: a mention of them stands out. */
  readonly me?: string | undefined;
  /** What a click on a mention does; without it mentions are no buttons. */
  readonly onMention?: ((userId: string) => void) | undefined;
}

/** Draws the blocks of a message. Each has the direction of its own first strong letter. */
export function drawBlocks(blocks: readonly Block[], around: Surroundings): VNode[] {
  return blocks.map((block) => drawBlock(block, around));
}

function drawBlock(block: Block, around: Surroundings): VNode {
  switch (block.kind) {
    case "paragraph":
      return <p dir="auto">{drawInlines(block.children, around)}</p>;
    case "heading":
      return (
        // Below the headings of the page, of which a conversation's title is the second level.
        // biome-ignore lint/a11y/useSemanticElements: six sizes of headings would shout in a bubble.
        <p dir="auto" class="text-heading" role="heading" aria-level={Math.min(block.level + 2, 6)}>
          {drawInlines(block.children, around)}
        </p>
      );
    case "quote":
      return <blockquote dir="auto">{drawBlocks(block.children, around)}</blockquote>;
    case "list":
      return drawList(block.items, block.start, around);
    case "code":
      return <CodeBlock language={block.language} text={block.text} />;
    case "table":
      return drawTable(block.rows, around);
    case "rule":
      return <hr />;
  }
}

function drawList(
  items: readonly (readonly Block[])[],
  start: number | undefined,
  around: Surroundings,
): VNode {
  const drawn = items.map((item, index) => (
    <li key={index} dir="auto">
      {drawBlocks(item, around)}
    </li>
  ));
  return start === undefined ? (
    <ul dir="auto">{drawn}</ul>
  ) : (
    <ol dir="auto" start={start}>
      {drawn}
    </ol>
  );
}

function drawTable(rows: readonly Row[], around: Surroundings): VNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (axe: scrollable-region-focusable).
    <div class="text-scroll" tabIndex={0}>
      <table>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.cells.map((cell) => {
                const content = drawInlines(cell.children, around);
                const align = cell.align && `text-align-${cell.align}`;
                return row.head ? (
                  <th scope="col" dir="auto" class={align}>
                    {content}
                  </th>
                ) : (
                  <td dir="auto" class={align}>
                    {content}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function drawInlines(nodes: readonly Inline[], around: Surroundings): (VNode | string)[] {
  return nodes.map((node) => drawInline(node, around));
}

function drawInline(node: Inline, around: Surroundings): VNode | string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "break":
      return <br />;
    case "bold":
      return <strong>{drawInlines(node.children, around)}</strong>;
    case "italic":
      return <em>{drawInlines(node.children, around)}</em>;
    case "strike":
      return <s>{drawInlines(node.children, around)}</s>;
    case "code":
      return <code dir="auto">{node.text}</code>;
    case "link":
      return drawLink(node, around);
    case "mention":
      return drawMention(node.id, node.text, around);
  }
}

function drawLink(link: Extract<Inline, { kind: "link" }>, around: Surroundings): VNode {
  return (
    <a href={link.href} title={link.href} target="_blank" rel="noopener noreferrer nofollow">
      <bdi>{drawInlines(link.children, around)}</bdi>
      {link.host !== undefined && (
        <span class="text-host" title={t("text.link_goes_to", { host: link.host })}>
          {" "}
          (<bdi>{link.host}</bdi>)
        </span>
      )}
    </a>
  );
}

function drawMention(id: string, text: string, { me, onMention }: Surroundings): VNode {
  const style = id === me || id === "all" ? "mention mention-me" : "mention";
  const label = <bdi>@{text}</bdi>;
  if (!onMention || id === "all") return <span class={style}>{label}</span>;
  return (
    <button type="button" class={style} onClick={() => onMention(id)}>
      {label}
    </button>
  );
}
