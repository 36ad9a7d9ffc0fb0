"""The chat screen: conversations on the left, messages and composer on the right."""

from __future__ import annotations

import time
from collections.abc import Coroutine
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
from pingme.cli.tui.drafts import Draft, Drafts, Mode
from pingme.cli.tui.loading import Loader
from pingme.cli.tui.text import clean, one_line
from pingme.cli.tui.widgets import Composer, ConversationList, MessageView
from pingme.domain.errors import PingMeError
from pingme.sdk import Client, ClientClosed, ConnectionChanged, Group, SendFailed, SessionEnded, Synced, User
from pingme.sdk.events import Event, LogEvent, Message

DRAW_AFTER_S = 0.03  # what happens within this is drawn once
TYPING_EVERY_S = 3.0
LIST_WIDTH = 26  # columns of the conversation list; leaves 53 for messages on a terminal of 80


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
        self._loader = Loader(self, self.desk, self._draw_soon)
        self._drafts = Drafts()
        self._told: PingMeError | None = None
        self._drawing = False
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
        for one in self.client.conversations():  # what an earlier run left may be refused, too
            for msg_id, content in self.client.unsent(one.conversation_id):
                self._drafts.sent(msg_id, Draft(one.conversation_id, content))
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
        if isinstance(event, Message) and event.mine:
            self._drafts.settle(event.msg_id)
        match event:
            case ConnectionChanged(state="online"):
                self._banner("")
            case ConnectionChanged(state="waiting", retry_in_ms=wait_ms):
                self._banner(f"no connection, reconnecting in {max((wait_ms or 0) / 1000, 0.1):.1f} s …")
            case ConnectionChanged(state="connecting") if not self.client.is_online:
                self._banner("reconnecting …")
            case SendFailed():
                self._not_sent(event.error, event.conversation_id, self._drafts.settle(event.msg_id))
            case Synced(reset=reset):
                await self.desk.watch_peers()
                if reset:
                    self._loader.begin()
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
        in_sight = view.is_at_end and self.is_active and self.app.app_focus
        if in_sight and self.desk.mark_shown(current):
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
        if self.current is not None and self._mode.kind != "edit":
            self._drafts.keep(self.current, self.query_one(Composer).text)
        self.current = conversation_id
        self._mode = Mode()
        self._write(self._drafts.take(conversation_id))
        self.query_one(MessageView).restart()
        self._loader.open(conversation_id)
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
        self._loader.older()

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
                self._enter_mode(Mode(event.action, message.seq), message.content)
                composer.focus()
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
        self.notify(await self.desk.receipts_of(message), timeout=8, markup=False)

    # Writing

    @on(Composer.Sent)
    def _submit(self, event: Composer.Sent) -> None:
        content = event.text.strip()
        if not content or self.current is None:
            return
        draft = Draft(self.current, content, self._mode)
        self._mode, self._said_typing = Mode(), 0.0
        self._write(self._drafts.take(self.current))
        self.query_one(MessageView).restart()
        self._spawn(self._deliver(draft))

    async def _deliver(self, draft: Draft) -> None:
        """Send a message or an edit; what is refused comes back."""
        msg_id = self.client.new_msg_id()
        try:
            if draft.mode.kind == "edit":  # waited for: no msg_id tells whose failure an event is
                await self.client.edit(draft.conversation_id, draft.mode.seq, draft.text)
            else:
                self._drafts.sent(msg_id, draft)
                await self.desk.send(draft, msg_id)
        except ClientClosed:
            return  # the edit is on disk and goes out the next time
        except PingMeError as error:
            self._drafts.settle(msg_id)
            self._not_sent(error, draft.conversation_id, draft)

    def _not_sent(self, error: PingMeError, conversation_id: str, draft: Draft | None) -> None:
        """Say why something was not sent, once, and put its text back where it was written."""
        where = "" if conversation_id == self.current else f" to {self.desk.title(conversation_id)}"
        if error is not self._told:  # a refused edit is told to whoever waits for it, and as an event
            words = f"not sent{where}: {clean(error.message)}"
            self.notify(words, severity="error", timeout=10, markup=False)
        self._told = error
        if draft is None:
            return
        written = self.query_one(Composer).text
        back = self._drafts.give_back(draft, current=self.current, written=written, mode=self._mode)
        if back is not None:
            self._mode = back.mode
            self._write(back.text)

    def _write(self, text: str) -> None:
        composer = self.query_one(Composer)
        with composer.prevent(TextArea.Changed):  # nobody typed
            composer.text = text
        composer.move_cursor(composer.document.end)

    def _enter_mode(self, mode: Mode, content: str = "") -> None:
        """Use the composer for something else; what an edit would overwrite is kept behind it."""
        was, self._mode = self._mode, mode
        if mode.kind == "edit":
            if was.kind != "edit":
                self._drafts.keep(self.current or "", self.query_one(Composer).text)
            self._write(content)
        elif was.kind == "edit" or (mode.kind == "write" and not self.query_one(Composer).text):
            self._write(self._drafts.take(self.current or ""))
        self._draw_soon()

    @on(Composer.Scrolled)
    def _scroll(self, event: Composer.Scrolled) -> None:
        self.query_one(MessageView).page(event.direction)

    @on(Composer.Left)
    def _leave_composer(self, event: Composer.Left) -> None:
        if event.how == "cancel":
            self._enter_mode(Mode())
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
