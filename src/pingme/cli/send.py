"""`pingme send`: messages from scripts and by hand, over HTTP, each stored once."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated

import httpx
import typer

from pingme.cli.profiles import (
    SERVER_VARIABLE,
    TOKEN_VARIABLE,
    BadServer,
    Profiles,
    server_of,
    spare_loopback,
)
from pingme.domain.errors import ErrorCode, OutcomeUnknown, PingMeError, Refused
from pingme.domain.ids import uuid7
from pingme.sdk.clock import SystemClock
from pingme.sdk.errors import NotLoggedIn, ServerUnreachable, SessionEnded
from pingme.sdk.groups import Groups
from pingme.sdk.models import Ack
from pingme.sdk.people import People
from pingme.sdk.rest import Rest
from pingme.sdk.session import Session
from pingme.sdk.transport import Transport

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


class Exit(IntEnum):
    """What the exit code says (docs/terminal.md); 2 is a mistake in the command line."""

    STORED = 0
    REFUSED = 1
    NOT_LOGGED_IN = 3
    TRY_AGAIN = 4


_NO_SESSION = frozenset({ErrorCode.INVALID_CREDENTIALS, ErrorCode.INVALID_TOKEN, ErrorCode.TOKEN_EXPIRED})


@app.command()
def send(
    text: Annotated[list[str] | None, typer.Argument(help="The message; - sends each line of stdin.")] = None,
    *,
    to: Annotated[str | None, typer.Option(help="Username or user id of the receiver.")] = None,
    group: Annotated[str | None, typer.Option(help="Id, or name, of one of your groups.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Id of a conversation.")] = None,
    server: Annotated[
        str | None, typer.Option(help="http://host:port; else $PINGME_SERVER, else the profile's.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="Whose profile to use, or who logs in.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per message.")] = False,
) -> None:
    """Send a message, or with - every line of standard input as one.

    Who sends: $PINGME_TOKEN, or the profile that `pingme chat` has made, or --username with its password.
    Exit codes: 0 stored, 1 refused, 3 not logged in, 4 no answer or outcome unknown (try again).
    """
    if sum(target is not None for target in (to, group, conversation)) != 1:
        raise typer.BadParameter("give exactly one of --to, --group and --conversation")
    if not text:
        raise typer.BadParameter("give a message, or - for standard input")
    try:
        server_of(server)
    except BadServer as error:
        raise typer.BadParameter(error.message) from error
    spare_loopback()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # one odd byte in a log shall not end what follows it
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    contents = _lines() if text == ["-"] else [" ".join(text)]
    job = Job(to=to, group=group, conversation=conversation, as_json=as_json)
    raise typer.Exit(run(job, contents, Who(server, username, password)))


class Job:
    """Where the messages go, and how their storage is told.

    Args:
        to: a user.
        group: a group, by id or name.
        conversation: a conversation.
        as_json: tell it to programs.
    """

    def __init__(
        self,
        *,
        to: str | None = None,
        group: str | None = None,
        conversation: str | None = None,
        as_json: bool = False,
    ) -> None:
        self._to = to
        self._group = group
        self._conversation = conversation
        self._as_json = as_json

    async def send_all(self, rest: Rest, contents: Iterable[str]) -> None:
        """Send one message after the other; the first error ends it."""
        clock = SystemClock()
        target = await self._target(rest)
        for content in contents:
            msg_id = uuid7(clock.now_ms(), clock.entropy(10))
            body = {"msg_id": msg_id, "content": content, "client_ts": clock.now_ms(), **target}
            self._report(await rest.send(body))

    async def _target(self, rest: Rest) -> dict[str, str]:
        if self._to is not None:
            return {"to_user_id": await People(rest).id_of(self._to)}
        if self._group is not None:
            return {"group_id": await _group_id(rest, self._group)}
        return {"conversation_id": self._conversation or ""}

    def _report(self, ack: Ack) -> None:
        if self._as_json:
            fields = ("msg_id", "conversation_id", "seq", "server_ts", "duplicate")
            print(json.dumps({name: getattr(ack, name) for name in fields}), flush=True)
        elif sys.stdout.isatty():
            print(f"stored as {ack.conversation_id} #{ack.seq}")


@dataclass(frozen=True, slots=True)
class Who:
    """Who sends, and by which way.

    Attributes:
        server: the option of this name.
        username: the option of this name.
        password: where it was given already.
        profiles: where to look for sessions.
        http: makes the client of the HTTP API.
    """

    server: str | None = None
    username: str | None = None
    password: str | None = None
    profiles: Profiles = field(default_factory=Profiles)
    http: Callable[[], httpx.AsyncClient] | None = None


def run(job: Job, contents: Iterable[str], who: Who) -> int:
    """Do a job and return the exit code; what went wrong stands on stderr."""
    try:
        asyncio.run(_with_session(lambda rest: job.send_all(rest, contents), who))
    except (NotLoggedIn, SessionEnded) as error:
        return _fail(error, Exit.NOT_LOGGED_IN)
    except (ServerUnreachable, OutcomeUnknown) as error:
        return _fail(error, Exit.TRY_AGAIN)
    except PingMeError as error:
        return _fail(error, Exit.NOT_LOGGED_IN if error.code in _NO_SESSION else Exit.REFUSED)
    return Exit.STORED


async def _with_session(work: Callable[[Rest], Awaitable[None]], who: Who) -> None:
    """Call ``work`` with an API that is logged in; a session made for it is ended after it."""
    token = os.environ.get(TOKEN_VARIABLE) or None
    named = server_of(who.server) if who.server or os.environ.get(SERVER_VARIABLE) else None
    use_profile = token is None and who.password is None
    profile = who.profiles.find(server=named, username=who.username) if use_profile else None
    url = server_of(who.server, profile)
    clock = SystemClock()
    transport = Transport(url, clock=clock, http=who.http() if who.http is not None else None)
    rest = Rest(transport)
    try:
        if token:
            transport.token = token
            await work(rest)
        elif profile is not None:
            Session(rest, data_dir=profile.folder, server=url, clock=clock)
            await work(rest)
        else:
            await _logged_in(rest, who, work)
    finally:
        await transport.close()


async def _logged_in(rest: Rest, who: Who, work: Callable[[Rest], Awaitable[None]]) -> None:
    if who.username is None:
        raise NotLoggedIn(f"log in with `pingme chat` first, or give --username, or set {TOKEN_VARIABLE}")
    password = who.password or typer.prompt("Password", hide_input=True, err=True)
    login = await rest.login(who.username, password, device_name="pingme send")
    rest.transport.token = login.token
    try:
        await work(rest)
    finally:
        with suppress(PingMeError):  # the session runs out by itself
            await rest.logout()


async def _group_id(rest: Rest, group: str) -> str:
    """Return the id of a group given by id or by name."""
    mine = await Groups(rest.transport, lambda: "").mine()
    fitting = [one.group_id for one in mine if group in {one.group_id, one.name}]
    if len(fitting) != 1:
        problem = "is not one of your groups" if not fitting else "is the name of several groups: give an id"
        raise Refused(ErrorCode.GROUP_NOT_FOUND, f"{group!r} {problem}")
    return fitting[0]


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        if content := line.rstrip("\n"):
            yield content


def _fail(error: PingMeError, code: Exit) -> int:
    print(f"error: {error.message} ({int(error.code)})", file=sys.stderr)
    return code
