import type { Message } from "@pingme/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { openEmojiPicker } from "../emoji";
import { t } from "../i18n";
import { client } from "../state/client";
import { draftOf, keepDraft, tellDraft } from "../state/drafts";
import { prefs } from "../state/prefs";
import { me, nameOf, titleOf } from "../state/store";
import { summarize } from "../text";
import { Icon, IconButton, isNarrow } from "../ui";
import { canWrite, lastOwn, startEdit } from "./actions";
import type { Chat } from "./chat";
import { wrapSelection } from "./marks";
import { findMentions, loadMembers, MentionList, mentionBegunAt, useMentions } from "./mention";

const MAX_HEIGHT_PX = 200; // then it scrolls
const TOLD_FROM = 0.85; // of the limit: from here on it says how much is left

/** Where one writes. */
export function Composer({ chat }: { chat: Chat }): JSX.Element {
  const info = chat.now?.info;
  if (info?.dissolved) return <Closed text={t("chat.dissolved")} />;
  if (info?.former) return <Closed text={t("chat.not_member")} />;
  return <Writing chat={chat} />;
}

function Closed({ text }: { text: string }): JSX.Element {
  return (
    <p class="composer-closed">
      <Icon name="info" size={18} />
      <span>{text}</span>
    </p>
  );
}

function Writing({ chat }: { chat: Chat }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const text = useSignal(chat.mode.peek().kind === "edit" ? "" : draftOf(chat.id));
  const mentions = useMentions(chat);
  const mode = chat.mode.value;
  const limit = client().limits.max_message_size;
  const bytes = new TextEncoder().encode(text.value).length;
  const ready = text.value.trim() !== "" && bytes <= limit;

  const write = (next: string): void => {
    text.value = next;
    if (mode.kind !== "edit") keepDraft(chat.id, next);
  };
  const type = (next: string, caret: number): void => {
    write(next);
    client().typing(chat.id, next !== "" && mode.kind !== "edit");
    mentions.look(next, caret);
  };
  const insert = (piece: string): void => {
    const element = field.current;
    if (!element) return;
    element.focus();
    // The browser's own way keeps "undo" working.
    element.setRangeText(piece, element.selectionStart, element.selectionEnd, "end");
    type(element.value, element.selectionStart);
  };
  const submit = (): void => {
    if (!ready) return;
    send(chat, text.value.trim());
    mentions.close();
    if (mode.kind !== "edit") write(""); // after an edit the draft comes back
    tellDraft(chat.id);
    client().typing(chat.id, false);
    field.current?.focus();
  };
  const leaveMode = (): void => {
    chat.mode.value = { kind: "write" };
  };

  useFieldHeight(field, text.value);
  // What is edited comes into the field before the next key does; what was being written before is kept as a draft.
  useLayoutEffect(() => {
    if (mode.kind === "edit") text.value = mode.message.content;
    if (mode.kind !== "write") field.current?.focus();
  }, [mode]);
  useEffect(() => {
    if (!isNarrow()) field.current?.focus();
    return () => {
      tellDraft(chat.id);
      client().typing(chat.id, false);
    };
  }, [chat]);
  // Otherwise the field shows the draft. What is typed becomes the draft at once, so where they differ an edit is over,
  // or another device went on or sent it (`draftOf` decides): left standing here, it would be sent twice.
  const draft = draftOf(chat.id);
  const writes = mode.kind !== "edit";
  useLayoutEffect(() => {
    if (!writes || text.peek() === draft) return;
    text.value = draft;
    if (field.current) replaceText(field.current, draft);
    mentions.close();
  }, [writes, draft]);

  const onKeyDown = (event: KeyboardEvent): void => {
    // While a word is being composed (Chinese, Japanese …) Enter ends the word; Safari says so by 229 alone.
    if (event.isComposing || event.keyCode === 229) return;
    if (mentions.onKey(event, pick)) return;
    const sends = prefs.value.enterSends ? !event.shiftKey : event.ctrlKey || event.metaKey;
    if (event.key === "Enter" && sends && !event.altKey) {
      if (!event.repeat) submit(); // held after an edit it would send the draft that comes back
    } else if (event.key === "Escape" && mode.kind !== "write") leaveMode();
    else if (event.key === "ArrowUp" && text.value === "") editLast(chat);
    else if (!wrapSelection(event, insert)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const pick = (name: string): void => {
    const element = field.current;
    const at = element && mentionBegunAt(element.value, element.selectionStart);
    if (!at || !element) return;
    element.setSelectionRange(at.from, element.selectionStart);
    insert(`@${name} `);
    mentions.close();
  };

  const to = chat.now ? titleOf(chat.now) : nameOf(chat.peerId ?? "");
  return (
    <footer class="composer">
      {mode.kind !== "write" && <ModeBar mode={mode} leave={leaveMode} />}
      <MentionList mentions={mentions} pick={pick} />
      <form
        class="composer-row"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div class="composer-box">
          <IconButton
            icon="smile"
            label={t("chat.attach_emoji")}
            onClick={(event) => openEmojiPicker({ anchor: event.currentTarget, onPick: insert })}
          />
          <textarea
            ref={field}
            id="composer"
            dir="auto"
            rows={1}
            value={text.value}
            placeholder={t("chat.write")}
            aria-label={t("chat.write_to", { name: to })}
            enterkeyhint={prefs.value.enterSends ? "send" : "enter"}
            {...mentions.aria()}
            onInput={(event) => type(event.currentTarget.value, event.currentTarget.selectionStart)}
            onClick={(event) => mentions.look(event.currentTarget.value, event.currentTarget.selectionStart)}
            onKeyDown={onKeyDown}
            onBlur={mentions.close}
            onFocus={() => void loadMembers(chat)}
          />
          {bytes > limit * TOLD_FROM && <Left bytes={bytes} limit={limit} />}
        </div>
        <IconButton
          class="composer-send"
          kind="primary"
          type="submit"
          icon={mode.kind === "edit" ? "check" : "send"}
          label={t(mode.kind === "edit" ? "common.save" : "chat.send")}
          disabled={!ready}
          // A press must not take the focus: the keyboard of a phone would go and come.
          onPointerDown={(event) => event.preventDefault()}
        />
      </form>
    </footer>
  );
}

function Left({ bytes, limit }: { bytes: number; limit: number }): JSX.Element {
  const over = bytes - limit;
  return (
    <span class={over > 0 ? "composer-left composer-over" : "composer-left"} role="status">
      {over > 0 ? t("chat.too_long", { count: over }) : t("chat.bytes_left", { count: -over })}
    </span>
  );
}

function ModeBar({
  mode,
  leave,
}: {
  mode: { kind: "reply"; to: Message } | { kind: "edit"; message: Message };
  leave: () => void;
}): JSX.Element {
  const message = mode.kind === "reply" ? mode.to : mode.message;
  const name = message.sender_id === me()?.user_id ? t("common.you") : nameOf(message.sender_id);
  return (
    <div class="mode">
      <Icon name={mode.kind === "reply" ? "reply" : "edit"} />
      <span class="mode-text">
        <span class="mode-what truncate">
          {mode.kind === "reply" ? t("chat.reply_to", { name }) : t("chat.editing")}
        </span>
        <span class="truncate soft small" dir="auto">
          {summarize(message.content)}
        </span>
      </span>
      <IconButton icon="close" label={t("common.cancel")} onClick={leave} />
    </div>
  );
}

/** Sends, or changes what is being edited, and goes on with a new message. */
function send(chat: Chat, content: string): void {
  const mode = chat.mode.peek();
  chat.mode.value = { kind: "write" };
  if (mode.kind === "edit") {
    if (content !== mode.message.content) {
      client()
        .edit({ conversation_id: chat.id, seq: mode.message.seq, content })
        .done.catch(() => undefined); // a refusal stands at the message
    }
    return;
  }
  const mentions = findMentions(chat, content);
  const to = chat.now ? { conversation_id: chat.id } : { to_user_id: chat.peerId ?? "" };
  client()
    .send({
      ...to,
      content,
      ...(mode.kind === "reply" ? { reply_to: mode.to.seq } : {}),
      ...(mentions.length > 0 ? { mentions } : {}),
    })
    .done.catch(() => undefined); // a refusal stands at the message
  void chat.goToEnd();
}

function editLast(chat: Chat): void {
  const message = lastOwn(chat);
  if (message && canWrite(chat)) startEdit(chat, message);
}

/** Puts another text into the field; a caret at its end stays at the end, another one stays where it is. */
function replaceText(element: HTMLTextAreaElement, text: string): void {
  const { selectionStart, value } = element;
  element.value = text;
  const caret = selectionStart === value.length ? text.length : Math.min(selectionStart, text.length);
  element.setSelectionRange(caret, caret);
}

/** As high as its lines, up to a bound. */
function useFieldHeight(field: { current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, MAX_HEIGHT_PX)}px`;
    element.style.overflowY = element.scrollHeight > MAX_HEIGHT_PX ? "auto" : "hidden";
  }, [text]);
}
