"""The first screen: which server, who, and in."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message as Posted
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, Label


class LoginScreen(Screen[None]):
    """Log in, or make an account.

    Args:
        server: what stands in the first field.
        username: what stands in the second.
        reason: why one is here, if not for the first time.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "go(True)", "Create account"),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]

    class Wanted(Posted):
        """Somebody wants in."""

        def __init__(self, server: str, username: str, password: str, *, new: bool) -> None:
            super().__init__()
            self.server = server
            self.username = username
            self.password = password
            self.new = new

    def __init__(self, server: str, *, username: str = "", reason: str = "") -> None:
        super().__init__()
        self._server = server
        self._username = username
        self._reason = reason

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical(classes="dialog"):
            yield Label("PingMe", id="title")
            yield Label("Server")
            yield Input(self._server, id="server", compact=True)
            yield Label("Username")
            yield Input(self._username, id="username", compact=True)
            yield Label("Password")
            yield Input(password=True, id="password", compact=True)
            with Horizontal(id="buttons"):
                yield Button("Log in", id="login", compact=True, variant="primary")
                yield Button("Create account", id="register", compact=True)
            yield Label(Text(self._reason), id="problem")
        yield Footer()

    def on_mount(self) -> None:
        """Begin where something is to be typed."""
        self.query_one("#password" if self._username else "#username", Input).focus()

    def fail(self, reason: str) -> None:
        """Say why it did not work; everything typed stays."""
        self.query_one("#problem", Label).update(Text(reason))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        if event.input.id == "password":
            self.action_go(False)  # an action's only argument
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_go(event.button.id == "register")

    def action_go(self, new: bool) -> None:  # an action's only argument
        """Ask to be let in."""
        server, username, password = (
            self.query_one(f"#{name}", Input).value.strip() for name in ("server", "username", "password")
        )
        if not (server and username and password):
            self.fail("server, username and password are all needed")
            return
        self.fail("…")
        self.post_message(self.Wanted(server, username, password, new=new))
