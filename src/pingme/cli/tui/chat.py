"""The chat screen: conversations on the left, messages and composer on the right."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message as Posted
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static, TextArea

from pingme.cli.tui.desk import Desk
from pingme.cli.tui.dialogs import Ask, ChooseEmoji, HelpScreen, NewChat, NewGroup
from pingme.cli.tui.text import clean, one_line
from pingme.cli.tui.widgets import Composer, ConversationList, MessageView
from pingme.domain.errors import PingMeError
from pingme.sdk import Client, ConnectionChanged, Group, SendFailed, SessionEnded, Synced, User
from pingme.sdk.events import Event, LogEvent, Message

DRAW_AFTER_S = 0.03  # what happens within this is drawn once
TYPING_EVERY_S = 3.0
LIST_WIDTH = 26  # columns of the conversation list; leaves 53 for messages on a terminal of 80


@dataclass(frozen=True, slots=True)
class Mode:
    """What the composer is for: ``write``, or ``reply`` or ``edit`` of the message ``seq``."""

    kind: str = "write"
    seq: int = 0


class ChatScreen(Screen[None]):
    """Everything a logged-in user sees.

    Args:
        client: the user's client, connected or not.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Keys", priority=True),
        Binding("ctrl+n", "new_chat", "New chat", priority=True),
        Binding("ctrl+g", "new_group", "New group", priority=True),
        Binding("ctrl+up", "step(-1)", show=False, priority=True),
        Binding("ctrl+down", "step(1)", show=False, priority=True),
        Binding("ctrl+t", "next_unread", "Unread", priority=True),
        Binding("ctrl+o", "log_out", "Log out", show=False, priority=True),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]

    class Over(Posted):
        """The session is over, or the user wants it to be."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.desk = Desk(client)
        self.client = client
        self.current: str | None = None
        self._mode = Mode()
        self._texts: dict[str, str] = {}
        self._drawing = False
        self._loading = False
        self._said_typing = 0.0

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield Static(id="banner")
        with Horizontal():
            yield ConversationList(id="conversations")
            with Vertical(id="chat"):
                yield Static(id="title")
                yield MessageView(id="messages")
                yield Static(id="typing")
                yield Static(id="mode")
                yield Composer(id="composer")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to listen."""
        self.query_one("#conversations").styles.width = LIST_WIDTH
        self.query_one("#composer").focus()
        self._banner("" if self.client.is_online else "connecting …")
        self.set_interval(1.0, self._draw_soon)  # signs of typing fade
        self.run_worker(self._listen(), group="events", exclusive=True)

    # What happens

    async def _listen(self) -> None:
        self._draw_soon()
        try:
            async for event in self.client.events():
                self.desk.take(event)
                await self._notice(event)
                self._draw_soon()
        except SessionEnded as error:
            self.post_message(self.Over(error.message))
        except PingMeError as error:
            self._banner(f"stopped: {error.message}")

    async def _notice(self, event: Event) -> None:
        match event:
            case ConnectionChanged(state="online"):
                self._banner("")
            case ConnectionChanged(state="waiting", retry_in_ms=wait_ms):
                self._banner(f"no connection, reconnecting in {max((wait_ms or 0) / 1000, 0.1):.1f} s …")
            case ConnectionChanged(state="connecting") if not self.client.is_online:
                self._banner("reconnecting …")
            case SendFailed():
                self.notify(f"not sent: {event.error.message}", severity="error", timeout=10, markup=False)
            case Synced(reset=reset):
                await self.desk.watch_peers()
                if reset and self.current is not None:
                    self._load()
            case LogEvent(seq=1):
                await self.desk.watch_peers()
            case Message() if not event.mine and event.conversation_id != self.current:
                snapshot = self.client.conversation(event.conversation_id)
                if snapshot is not None and not snapshot.info.muted:
                    self.app.bell()
            case _:
                pass

    # Drawing

    def _draw_soon(self) -> None:
        if not self._drawing:
            self._drawing = True
            self.set_timer(DRAW_AFTER_S, self._draw)

    def _draw(self) -> None:
        self._drawing = False
        if not self.is_attached:
            return
        if self.current is None and (first := next(iter(self.desk.order()), None)) is not None:
            self.open(first.conversation_id)
        conversations = self.query_one(ConversationList)
        conversations.show(self.desk.conversation_rows(LIST_WIDTH - 3))
        if not conversations.has_focus:
            conversations.choose(self.current)
        self.query_one("#title", Static).update(Text(self.desk.heading(self.current), style="bold"))
        if self.current is not None:
            self._draw_current(self.current)
        if self.desk.names.is_missing:
            self.run_worker(self._fetch_names(), group="names", exclusive=False)

    def _draw_current(self, current: str) -> None:
        view = self.query_one(MessageView)
        view.show(self.desk.message_rows(current))
        self.query_one("#typing", Static).update(Text(self.desk.typing(current), style="italic dim"))
        self._draw_mode()
        snapshot = self.client.conversation(current)
        if snapshot is not None and snapshot.unread and view.is_at_end and self.app.app_focus:
            self.client.mark_read(current)
            self._draw_soon()

    def _draw_mode(self) -> None:
        line = self.query_one("#mode", Static)
        line.display = self._mode.kind != "write"
        message = self.desk.feed(self.current).message(self._mode.seq) if self.current else None
        content = one_line(message.content, 40) if message is not None else ""
        line.update(Text(f"{self._mode.kind}: {content}  (Esc: cancel)", style="yellow"))

    async def _fetch_names(self) -> None:
        await self.desk.names.fetch()
        self._draw_soon()

    def _banner(self, words: str) -> None:
        banner = self.query_one("#banner", Static)
        banner.update(Text(words))
        banner.display = bool(words)

    # Conversations

    def open(self, conversation_id: str) -> None:
        """Show a conversation."""
        composer = self.query_one(Composer)
        if self.current is not None:
            self._texts[self.current] = composer.text if self._mode.kind != "edit" else ""
        self.current = conversation_id
        self._mode = Mode()
        composer.text = self._texts.pop(conversation_id, "")
        composer.move_cursor(composer.document.end)
        self.query_one(MessageView).restart()
        if not self.desk.feed(conversation_id).loaded:
            self._load()
        self._draw_soon()

    def _load(self) -> None:
        if self.current is not None and not self._loading:
            self._loading = True
            self.run_worker(self._load_page(self.current), group="load")

    async def _load_page(self, conversation_id: str) -> None:
        try:
            if await self.desk.load(conversation_id):
                await self.desk.load_receipts(conversation_id)
        except PingMeError as error:
            self.notify(f"history: {error.message}", severity="warning", markup=False)
        finally:
            self._loading = False
        if self.current is not None and not self.desk.feed(self.current).loaded:
            self.set_timer(1.0, self._load)  # the line is down, or another conversation was opened meanwhile
        self._draw_soon()

    def action_step(self, direction: int) -> None:
        """Open the conversation above or below."""
        order = [one.conversation_id for one in self.desk.order()]
        if order:
            place = order.index(self.current) + direction if self.current in order else 0
            self.open(order[place % len(order)])

    def action_next_unread(self) -> None:
        """Open the next conversation with something new."""
        waiting = [one.conversation_id for one in self.desk.order() if one.unread]
        if waiting:
            self.open(waiting[0])

    def action_new_chat(self) -> None:
        """Find somebody to write to."""
        _ = self.app.push_screen(NewChat(self.client), self._meet)

    def _meet(self, user: User | None) -> None:
        if user is not None:
            self.client.people.remember(user)
            self._spawn(self._open_with(user.user_id))

    async def _open_with(self, user_id: str) -> None:
        conversation_id = await self.client.conversation_with(user_id)
        self.desk.meet(user_id, conversation_id)
        self.open(conversation_id)
        self.query_one(Composer).focus()

    def action_new_group(self) -> None:
        """Make a group."""
        _ = self.app.push_screen(NewGroup(self.client), self._enter)

    def _enter(self, group: Group | None) -> None:
        if group is not None:
            self.open(group.group_id)
            self.query_one(Composer).focus()

    def action_help(self) -> None:
        """Show the keys."""
        _ = self.app.push_screen(HelpScreen())

    def action_log_out(self) -> None:
        """End the session, after a question."""

        def answer(yes: bool | None) -> None:  # Textual's shape
            if yes:
                self.post_message(self.Over("logged out"))

        _ = self.app.push_screen(Ask("Log out of this device?"), answer)

    @on(OptionList.OptionSelected, "#conversations")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self.open(event.option_id)
            self.query_one(Composer).focus()

    # Messages

    @on(MessageView.OlderWanted)
    def _older(self) -> None:
        if self.current is not None and self.desk.feed(self.current).loaded:
            self._load()

    @on(MessageView.Acted)
    def _act(self, event: MessageView.Acted) -> None:
        composer = self.query_one(Composer)
        if event.action == "leave":
            composer.focus()
            return
        feed = self.desk.feed(self.current) if self.current else None
        seq = int(event.row_id) if event.row_id and event.row_id.isdigit() else 0
        message = feed.message(seq) if feed is not None else None
        if message is None or (message.recalled and event.action != "info"):
            return
        match event.action:
            case "reply" | "edit" if event.action == "reply" or message.mine:
                self._mode = Mode(event.action, message.seq)
                if event.action == "edit":
                    composer.text = message.content
                    composer.move_cursor(composer.document.end)
                composer.focus()
                self._draw_soon()
            case "recall":
                _ = self.app.push_screen(Ask("Recall this message for everybody?"), self._recaller(message))
            case "react":
                _ = self.app.push_screen(ChooseEmoji(), self._reactor(message))
            case "info":
                self._spawn(self._show_receipts(message))
            case _:
                self.app.bell()

    def _recaller(self, message: Message) -> Any:
        def answer(yes: bool | None) -> None:  # Textual's shape
            if yes:
                self._spawn(self.client.recall(message.conversation_id, message.seq, wait=False))

        return answer

    def _reactor(self, message: Message) -> Any:
        def answer(emoji: str | None) -> None:
            if emoji:
                mine = any(
                    one.emoji == emoji and self.client.user_id in one.user_ids for one in message.reactions
                )
                work = self.client.react(message.conversation_id, message.seq, emoji, remove=mine, wait=False)
                self._spawn(work)

        return answer

    async def _show_receipts(self, message: Message) -> None:
        known = await self.client.rest.receipts(message.conversation_id, message.seq)
        read = ", ".join(self.desk.names.user(one) for one in known.read) or "nobody yet"
        got = ", ".join(self.desk.names.user(one) for one in known.delivered if one not in known.read)
        self.notify(f"read by: {read}" + (f"\narrived at: {got}" if got else ""), timeout=8, markup=False)

    # Writing

    @on(Composer.Sent)
    def _submit(self, event: Composer.Sent) -> None:
        content = event.text.strip()
        if not content or self.current is None:
            return
        composer, mode, current = self.query_one(Composer), self._mode, self.current
        composer.text = ""
        self._mode, self._said_typing = Mode(), 0.0
        self.query_one(MessageView).restart()
        if mode.kind == "edit":
            self._spawn(self.client.edit(current, mode.seq, content, wait=False))
        else:
            self._spawn(self._send(current, content, mode.seq or None))

    async def _send(self, conversation_id: str, content: str, reply_to: int | None) -> None:
        peer = self.desk.peer_of(conversation_id)
        if peer is not None:
            await self.client.send(content, to=peer, reply_to=reply_to, wait=False)
        else:
            await self.client.send(content, conversation=conversation_id, reply_to=reply_to, wait=False)

    @on(Composer.Scrolled)
    def _scroll(self, event: Composer.Scrolled) -> None:
        self.query_one(MessageView).page(event.direction)

    @on(Composer.Left)
    def _leave_composer(self, event: Composer.Left) -> None:
        if event.how == "cancel":
            if self._mode.kind == "edit":
                self.query_one(Composer).text = ""
            self._mode = Mode()
            self._draw_soon()
        else:
            view = self.query_one(MessageView)
            view.focus()
            view.action_last()

    @on(TextArea.Changed, "#composer")
    def _tell_typing(self, event: TextArea.Changed) -> None:
        now = time.monotonic()
        known = self.current is not None and self.client.conversation(self.current) is not None
        if event.text_area.text and known and now - self._said_typing >= TYPING_EVERY_S:
            self._said_typing = now
            self._spawn(self.client.typing(self.current or ""))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside the drawing; what goes wrong is told."""

        async def run() -> None:
            try:
                await work
            except PingMeError as error:
                self.notify(clean(error.message), severity="error", markup=False)
            self._draw_soon()

        self.run_worker(run(), group="work")
