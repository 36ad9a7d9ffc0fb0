"""Small screens on top: find somebody, make a group, choose an emoji, read the keys."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from pingme.cli.tui.text import clean
from pingme.domain.errors import PingMeError
from pingme.sdk import Client, Group, User

SEARCH_AFTER_S = 0.25  # of silence while typing
EMOJIS = ("👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👎", "🔥", "✅")
CLOSE: list[BindingType] = [Binding("escape", "dismiss(None)", "Close")]

KEYS = """\
Everywhere
  F1             these keys
  Ctrl+N         new chat: find somebody
  Ctrl+G         new group
  Ctrl+↑ Ctrl+↓  previous, next conversation
  Ctrl+T         next unread conversation
  Tab            from part to part
  Ctrl+O         log out
  Ctrl+Q         quit

While writing
  Enter          send           Ctrl+J    new line
  ↑              choose a message (from the first line)
  PageUp, PageDown              read further back, forth
  Esc            no reply, no edit after all

On a chosen message
  R reply     E edit     D recall     A react
  I who got it and who read it          Esc back

 … waiting   ✓ stored   ✓✓ arrived   coloured ✓✓ read"""


class HelpScreen(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*CLOSE, Binding("f1,enter,q", "dismiss(None)", show=False)]

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog"):
            yield Static(Text(KEYS), id="keys")


class NewChat(ModalScreen[User | None]):
    """Find somebody by name; the answer is the user.

    Args:
        client: asks the server.
    """

    BINDINGS: ClassVar[list[BindingType]] = CLOSE

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._found: dict[str, User] = {}  # by user id; always what the list shows

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog"):
            yield Label("New chat with …")
            yield Input(placeholder="beginning of a name", id="who", compact=True)
            yield OptionList(id="found", compact=True)
            yield Label("", id="problem")

    @on(Input.Changed, "#who")
    def _search_soon(self, event: Input.Changed) -> None:
        self._show([])  # nobody whom the new text may not mean can be chosen
        self.run_worker(self._search(event.value.strip()), exclusive=True)

    @on(Input.Submitted, "#who")
    def _take_first(self) -> None:
        if self._found:
            _ = self.dismiss(next(iter(self._found.values())))

    @on(OptionList.OptionSelected, "#found")
    def _take(self, event: OptionList.OptionSelected) -> None:
        user = self._found.get(event.option_id or "")
        if user is not None:  # else the list has changed since the key was pressed
            _ = self.dismiss(user)

    async def _search(self, text: str) -> None:
        if not text:
            return
        await asyncio.sleep(SEARCH_AFTER_S)
        try:
            found = await self._client.rest.search_users(text)
        except PingMeError as error:
            self.query_one("#problem", Label).update(Text(error.message))
        else:
            self._show(found, "" if found else "nobody by that name")

    def _show(self, found: list[User], problem: str = "") -> None:
        """Show these users, and have them for the keys, both at once."""
        self._found = {user.user_id: user for user in found}
        options = self.query_one("#found", OptionList)
        options.clear_options()
        options.add_options([Option(_line(user), id=user_id) for user_id, user in self._found.items()])
        self.query_one("#problem", Label).update(problem)


class NewGroup(ModalScreen[Group | None]):
    """Make a group; the answer is the group.

    Args:
        client: asks the server.
    """

    BINDINGS: ClassVar[list[BindingType]] = CLOSE

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog"):
            yield Label("New group")
            yield Input(placeholder="its name", id="name", compact=True)
            yield Input(
                placeholder="usernames of the others, with spaces between", id="members", compact=True
            )
            yield Label("Enter makes it.", id="problem")

    @on(Input.Submitted, "#name")
    def _go_on(self) -> None:
        self.query_one("#members", Input).focus()

    @on(Input.Submitted, "#members")
    def _submit(self) -> None:
        self.run_worker(self._create(), exclusive=True)

    async def _create(self) -> None:
        name = self.query_one("#name", Input).value.strip()
        members = self.query_one("#members", Input).value.replace(",", " ").split()
        try:
            group = await self._client.create_group(name, members)
        except PingMeError as error:
            self.query_one("#problem", Label).update(Text(error.message))
        else:
            _ = self.dismiss(group)


class ChooseEmoji(ModalScreen[str | None]):
    """Choose a reaction; the answer is the emoji."""

    BINDINGS: ClassVar[list[BindingType]] = CLOSE

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog small"):
            yield Label("React with … (again takes it back)")
            keys = (f"{number % 10}  {emoji}" for number, emoji in enumerate(EMOJIS, 1))
            yield OptionList(*[Option(key) for key in keys], id="emojis", compact=True)

    def on_key(self, event: object) -> None:
        """Digits choose at once."""
        key = getattr(event, "key", "")
        if key.isdigit():
            _ = self.dismiss(EMOJIS[(int(key) - 1) % len(EMOJIS)])

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        _ = self.dismiss(EMOJIS[event.option_index])


class Ask(ModalScreen[bool]):
    """A question for yes or no.

    Args:
        question: what is asked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "Yes"),
        Binding("n,escape", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog small"):
            yield Label(Text(self._question))
            yield Label("y yes   n no")


def _line(user: User) -> Text:
    line = Text(clean(user.username), style="bold")
    if user.nickname and user.nickname != user.username:
        line.append(f"  {clean(user.nickname)}", style="dim")
    return line
