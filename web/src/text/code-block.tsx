import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { t } from "../i18n";
import { copy } from "../ui/copy";

const SAID_MS = 2_000; // long enough to be read, short enough to copy again

/** Code as it was written, with its language and a button that copies it. */
export function CodeBlock({ language, text }: { language: string; text: string }): VNode {
  const copied = useMemo(() => signal(false), []);
  useEffect(() => {
    if (!copied.value) return undefined;
    const timer = setTimeout(() => {
      copied.value = false;
    }, SAID_MS);
    return () => clearTimeout(timer);
  }, [copied.value]);
  const onCopy = async (): Promise<void> => {
    if (await copy(text)) copied.value = true;
  };
  // Said of the button, too: what is out of view is not laid out, and then its words do not name it.
  const label = t(copied.value ? "common.copied" : "text.copy_code");
  return (
    <figure class="code" dir="ltr">
      <figcaption>
        <span>{language || t("text.code")}</span>
        <button type="button" aria-label={label} onClick={() => void onCopy()}>
          <span aria-live="polite">{label}</span>
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (axe: scrollable-region-focusable). */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
