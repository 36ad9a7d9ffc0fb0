"""The app: from the login screen to the chat screen and back."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import httpx
from rich.segment import Segments
from rich.traceback import Traceback
from textual import on
from textual.app import App
from textual.binding import BindingType

from pingme.cli.profiles import Profile, Profiles, server_of
from pingme.cli.tui.chat import ChatScreen
from pingme.cli.tui.login import LoginScreen
from pingme.domain.errors import PingMeError
from pingme.sdk import Client, DataDirInUse

CSS = """
Screen { background: $background; }
#banner { height: 1; background: $warning; color: $text; padding: 0 1; display: none; }
#conversations { border: none; border-right: solid $primary-darken-2; height: 1fr; padding: 0; scrollbar-size-vertical: 1; }
#conversations:focus { border-right: solid $accent; }
#chat { width: 1fr; padding: 0 0 0 1; }
#title { height: 1; color: $accent; border-bottom: none; }
#messages { height: 1fr; border: none; padding: 0; scrollbar-size-vertical: 1; background: $background; }
#conversations { background: $background; }
#typing { height: 1; }
#mode { height: 1; display: none; }
#composer { height: auto; max-height: 5; border: none; border-top: solid $primary-darken-2; padding: 0; background: $background; }
#composer:focus { border-top: solid $accent; }
ModalScreen, LoginScreen { align: center middle; }
.dialog { width: 64; max-width: 100%; height: auto; max-height: 100%; border: round $accent; padding: 0 1; background: $surface; }
.dialog.small { width: 40; }
.dialog OptionList { height: auto; max-height: 12; border: none; }
.dialog Input { margin: 0 0 1 0; }
LoginScreen #title { text-style: bold; margin: 0 0 1 0; }
LoginScreen #buttons { height: 1; margin: 0 0 1 0; }
LoginScreen Button { margin: 0 2 0 0; }
#problem { color: $warning; height: auto; }
"""
TERMINATED = 128 + signal.SIGTERM  # the exit status, as a shell reports it


class ChatApp(App[None]):
    """`pingme chat`.

    Args:
        profiles: where sessions are kept.
        server: the server to begin with; None: the one of the profile, or this machine.
        username: whose profile to use; None: the one used last.
        fresh: begin with the login screen even where there is a profile.
        http: makes the client of the HTTP API.
    """

    CSS = CSS
    TITLE = "PingMe"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        profiles: Profiles,
        *,
        server: str | None = None,
        username: str | None = None,
        fresh: bool = False,
        http: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        super().__init__()
        self._profiles = profiles
        self._wanted_server = server
        self._wanted_username = username
        self._fresh = fresh
        self._told: asyncio.Task[None] | None = None
        self._http = http
        self.client: Client | None = None

    async def on_mount(self) -> None:
        """Go on with the last session, or ask who is there."""
        with suppress(
            NotImplementedError, RuntimeError, ValueError
        ):  # Windows; a thread that is not the first
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminated)
        named = server_of(self._wanted_server) if self._wanted_server else None
        profile = self._profiles.find(server=named, username=self._wanted_username)
        reason = "" if profile is None or self._fresh else await self._resume(profile)
        if self.client is None:
            server = server_of(self._wanted_server, profile)
            await self.push_screen(LoginScreen(server, username=self._wanted_username or "", reason=reason))

    async def _resume(self, profile: Profile) -> str:
        """Begin with a profile; return why that did not work."""
        try:
            client = self._make(profile.tokens.server, profile.folder)
            await client.resume()
        except DataDirInUse:
            return f"{profile.tokens.username} is open in another terminal"
        except PingMeError as error:
            return error.message
        await self._enter(client, profile.folder)
        return ""

    @on(LoginScreen.Wanted)
    def _wanted(self, event: LoginScreen.Wanted) -> None:
        self.run_worker(self._log_in(event), exclusive=True)

    async def _log_in(self, event: LoginScreen.Wanted) -> None:
        screen = self.screen
        try:
            server = server_of(event.server)
            client, folder = self._free_client(server, event.username)
        except PingMeError as error:
            if isinstance(screen, LoginScreen):
                screen.fail(error.message)
            return
        new_folder = not (folder / "session.json").exists()
        try:
            if event.new:
                await client.register(event.username, event.password)
            else:
                await client.login(event.username, event.password, device_name="terminal")
        except PingMeError as error:
            await client.close()
            if new_folder and not (folder / "session.json").exists():
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(screen, LoginScreen):
                screen.fail(error.message)
            return
        await self.pop_screen()
        await self._enter(client, folder)

    def _free_client(self, server: str, username: str) -> tuple[Client, Path]:
        """Return a client in the first folder of this account that no other program uses."""
        taken: DataDirInUse | None = None
        for folder in self._profiles.twins(server, username):
            try:
                return self._make(server, folder), folder
            except DataDirInUse as error:
                taken = error
        raise taken or DataDirInUse

    def _make(self, server: str, folder: Path) -> Client:
        return Client(server, data_dir=folder, http=self._http() if self._http is not None else None)

    async def _enter(self, client: Client, folder: Path) -> None:
        self.client = client
        self._profiles.remember(folder)
        await self.push_screen(ChatScreen(client))

    @on(ChatScreen.Over)
    async def _over(self, event: ChatScreen.Over) -> None:
        """Back to the login screen."""
        client, self.client = self.client, None
        if client is None:
            return
        username = client.username
        await self.pop_screen()
        with suppress(PingMeError):  # the session is over on the server already, or it runs out
            await client.logout()
        await self.push_screen(LoginScreen(client.url, username=username, reason=event.reason))

    def _fatal_error(self) -> None:
        """Show where a mistake of the program was, without the values there: the password may be among them."""
        self.bell()
        traceback = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    def _terminated(self) -> None:
        """SIGTERM: leave as Ctrl+Q does, so that the terminal is as it was."""

        async def leave() -> None:
            await self.action_quit()
            self.exit(return_code=TERMINATED)

        self._told = asyncio.create_task(leave())

    async def action_quit(self) -> None:
        """Send what waits, keep the rest, and leave."""
        client, self.client = self.client, None
        if client is not None:
            await client.close()
        self.exit()
