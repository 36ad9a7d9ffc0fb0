import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { type Anchor, Popover, toast } from "../ui";

interface Request {
  readonly anchor: Anchor;
  readonly onPick: (emoji: string) => void;
  /** True: several can be picked, and it closes by a press elsewhere or Esc. */
  readonly stay?: boolean;
}

type Picker = ComponentType<{ onPick: (emoji: string) => void }>;

interface OpenPicker extends Request {
  readonly id: number;
}

const open = signal<OpenPicker | null>(null);
let lastId = 0;

/** Shows the picker beside an element or at a point; on phones it comes from the bottom. */
export function openEmojiPicker(request: Request): void {
  open.value = { ...request, id: ++lastId };
}

/** Closes the picker; given an id, only where it is that one still. */
export function closeEmojiPicker(id = open.peek()?.id): void {
  if (open.peek()?.id === id) open.value = null;
}

/** Loads the picker's code beforehand. Call it when the page is idle. */
export function preloadEmoji(): void {
  void import("./picker").catch(() => undefined);
}

/** Where the picker appears: once in the page. */
export function EmojiHost(): JSX.Element | null {
  const request = open.value;
  return request && <Opened key={request.id} {...request} />;
}

function Opened({ id, anchor, onPick, stay = false }: OpenPicker): JSX.Element | null {
  const [Picker, setPicker] = useState<Picker>();
  useEffect(() => {
    import("./picker").then(
      (loaded) => setPicker(() => loaded.default),
      () => {
        closeEmojiPicker(id);
        toast(t("error.network"), { kind: "error" });
      },
    );
  }, []);
  if (!Picker) return null;
  return (
    <Popover anchor={anchor} label={t("emoji.picker")} onClose={() => closeEmojiPicker(id)}>
      <Picker
        onPick={(emoji) => {
          if (!stay) closeEmojiPicker(id);
          onPick(emoji);
        }}
      />
    </Popover>
  );
}
