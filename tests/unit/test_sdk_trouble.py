"""What goes wrong around a client: its disk, its session, its server's doorkeeper; and calls at the wrong time."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from pingme.domain.errors import ErrorCode, PingMeError, Refused
from pingme.sdk import (
    Client,
    ClientClosed,
    DataDirInUse,
    MemberRemoved,
    MembersJoined,
    Message,
    SessionEnded,
    Synced,
)
from pingme.sdk import session as session_module
from pingme.sdk import store as store_module
from pingme.sdk.positions import MAX_REMEMBERED, Positions
from pingme.sdk.rest import REFRESH_TIMEOUT_S, Rest
from pingme.sdk.session import Session, Tokens
from pingme.sdk.stream import EventStream
from pingme.sdk.transport import Transport
from pingme.wire import frames
from tests.fakes.clock import FakeClock
from tests.fakes.server import FakeServer

PASSWORD = "secret-password"
TOKENS = Tokens(server="http://x", user_id="u1", username="ua", token="T1", refresh_token="R1", renew_at_ms=0)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


async def contents(client: Client, count: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, Message):
                found.append(event.content)
            if len(found) == count:
                return found
    raise AssertionError("the events ended")


async def ended(client: Client) -> type[BaseException]:
    """Return what ends the events."""
    try:
        async with asyncio.timeout(10):
            async for _ in client.events():
                pass
    except PingMeError as error:
        return type(error)
    raise AssertionError("no error")


# What cannot be sent


async def test_a_frame_that_the_server_would_hang_up_for_is_refused(server: FakeServer):
    """The content is short enough, its JSON is not; what comes behind it is sent."""
    server.user("bob")
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)

        with pytest.raises(Refused) as caught:
            await alice.send("\x01" * 8192, to="bob")

        assert caught.value.code == ErrorCode.MESSAGE_TOO_LARGE
        assert (await alice.send("next", to="bob")).seq == 1
        sent = [frame for frame in server.received if isinstance(frame, frames.Send)]
        assert [frame.payload.content for frame in sent] == ["next"]


async def test_a_msg_id_is_never_taken_for_a_request(server: FakeServer, tmp_path: Path):
    """Whatever it is: the client goes online, and both get their answers."""
    names = [f"{letter}{number}" for letter in "ri" for number in range(1, 5)]
    where = server.private_id("alice", "bob")
    await server.say("alice", "bob", "hello")
    async with server.client(tmp_path) as bob:
        await bob.login("bob", PASSWORD)
    async with server.client(tmp_path) as bob:
        await server.stop()
        await bob.resume()
        for name in names:
            await bob.send(name, conversation=where, msg_id=name, wait=False)
        await server.start()

        async with asyncio.timeout(5):
            await bob.wait_connected()
            assert await bob.flush()

    assert [item.content for item in server.logs[where].items[1:]] == names


# The disk


async def test_a_disk_that_is_full_for_a_moment_ends_nothing(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The client goes on, and writes later what it could not write."""
    full = sqlite3.OperationalError("database or disk is full")
    async with server.client(tmp_path) as bob:
        await bob.register("bob", PASSWORD)
        with monkeypatch.context() as patch:
            patch.setattr(store_module, "_commit", lambda *_: full)
            await server.say("alice", "bob", "one")
            assert await contents(bob, 1) == ["one"]
            await asyncio.sleep(0.7)  # a write, every half second
        await bob.send("two", to="alice")
        bob.events().finish()

    async with server.client(tmp_path) as bob:
        await bob.resume()
        await bob.wait_connected()
        shown = bob.conversation(server.private_id("alice", "bob"))
        assert shown is not None
        assert shown.last_seq == 2


async def test_a_session_that_cannot_be_written_is_good_until_the_end(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A renewed token works for this process; nothing stops."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with server.client(tmp_path) as bob:
        await bob.register("bob", PASSWORD)
        monkeypatch.setattr(session_module, "_write", full)
        await server.say("alice", "bob", "hello")
        before = bob._session.current.token

        await bob._session.renew()

        assert bob._session.current.token != before
        assert (await bob.rest.history(await bob.conversation_with("alice"), limit=1)).events


# The session


async def test_after_its_end_a_client_is_not_begun_anew(server: FakeServer, tmp_path: Path):
    """What it holds is of the session that has ended; a new client in the same folder sends what waits, once."""
    server.user("bob")
    async with server.client(tmp_path) as alice:
        await alice.register("alice", PASSWORD)
        server.swallow = lambda frame: isinstance(frame, frames.Send)
        await alice.send("unsent", to="bob", wait=False)
        await server.close_all(4450)
        assert await ended(alice) is SessionEnded
        server.swallow = lambda _frame: False

        with pytest.raises(SessionEnded):
            await alice.login("alice", PASSWORD)

    async with server.client(tmp_path) as alice:
        await alice.login("alice", PASSWORD)
        assert await alice.flush()
    assert [item.content for item in server.logs[server.private_id("alice", "bob")].items] == ["unsent"]


async def test_a_login_of_somebody_else_leaves_the_session(server: FakeServer, tmp_path: Path):
    """The folder is another account's: refused, and that account goes on."""
    async with server.client() as ben:
        await ben.register("ben", PASSWORD)
    async with server.client(tmp_path) as ann:
        await ann.register("ann", PASSWORD)

    async with server.client(tmp_path) as client:
        with pytest.raises(DataDirInUse):
            await client.login("ben", PASSWORD)
    async with server.client(tmp_path) as client:
        await client.resume()
        await client.wait_connected()
        assert client.username == "ann"


async def test_flush_after_the_end_returns(server: FakeServer):
    """What is left will not be sent by this client: it says so at once."""
    server.user("bob")
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        server.swallow = lambda frame: isinstance(frame, frames.Send)
        await alice.send("x", to="bob", wait=False)
        await server.close_all(4451)
        await ended(alice)

        async with asyncio.timeout(1):
            assert not await alice.flush(within_s=60)


async def test_after_close_every_call_says_so(server: FakeServer):
    """With an error of the SDK, and not with one of a library."""
    closed = Client(server.url)
    await closed.close()
    calls = [
        closed.login("alice", PASSWORD),
        closed.people.get("u1"),
        closed.create_group("x", ["alice"]),
        closed.people.id_of("alice"),
    ]

    for call in calls:
        with pytest.raises(ClientClosed):
            await call


class Http:
    """Answers HTTP calls with what is put in, and remembers how long they were given."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self.paths: list[str] = []
        self.timeouts: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        self.timeouts.append(request.extensions["timeout"]["read"])
        if request.url.path.endswith("/auth/refresh"):
            number = self.paths.count(request.url.path)
            data = {"token": f"N{number}", "expires_in": 100, "refresh_token": f"S{number}"}
            return httpx.Response(200, json={"code": 0, "data": data})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def rest(self, data_dir: Path | None = None) -> tuple[Rest, Session]:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self), timeout=15)
        clock = InstantClock()
        rest = Rest(Transport("http://x", clock=clock, http=client))
        return rest, Session(rest, data_dir=data_dir, server="http://x", clock=clock)


class InstantClock(FakeClock):
    """Nobody waits."""

    async def sleep_ms(self, delay_ms: int) -> None:
        await asyncio.sleep(0)


def expired() -> httpx.Response:
    return httpx.Response(401, json={"code": 30004, "message": "token expired", "data": {}})


def profile() -> httpx.Response:
    return httpx.Response(200, json={"code": 0, "data": {"user": {"user_id": "u1", "username": "ua"}}})


async def test_a_token_that_has_run_out_is_renewed_at_the_last_attempt_too():
    """A renewal is no attempt."""
    http = Http()
    http.answers = [*itertools.repeat(httpx.ConnectError("down"), 3), expired(), profile()]
    rest, session = http.rest()
    session._use(TOKENS)

    assert (await rest.profile()).user_id == "u1"


async def test_a_renewal_is_repeated_while_the_server_gives_the_same_successor():
    """Three attempts within its 10 s; other calls have what the HTTP client gives them."""
    http = Http()
    http.answers = [profile()]
    rest, session = http.rest()
    session._use(TOKENS)

    await session.renew()
    await rest.profile()

    assert http.timeouts == [REFRESH_TIMEOUT_S, 15]
    assert 3 * REFRESH_TIMEOUT_S < 10


async def test_a_shared_session_that_has_run_out_is_renewed(tmp_path: Path):
    """Another process has renewed it, an hour ago: its token does not help, its refresh token does."""
    http = Http()
    http.answers = [expired(), profile()]
    session_module._write(tmp_path / session_module.FILE_NAME, TOKENS)
    rest, session = http.rest(tmp_path)
    shared = msgspec.structs.replace(TOKENS, token="T2", refresh_token="R2")
    session_module._write(tmp_path / session_module.FILE_NAME, shared)

    assert (await rest.profile()).user_id == "u1"
    assert session.current.token == "N1"


# The rest


def test_many_read_conversations_cost_little():
    """Marking one looks at those that were marked before at most once."""
    positions = Positions(FakeClock())
    dirty = CountedSet(positions._dirty)
    positions._dirty = dirty

    for number in range(MAX_REMEMBERED + 200):
        positions.mark(f"g{number}", kind="read", seq=5)

    assert dirty.walks == 0


class CountedSet(set[tuple[str, str]]):
    """A set that counts how often it is walked through."""

    walks = 0

    def __iter__(self) -> AsyncIterator[tuple[str, str]]:  # type: ignore[override]
        self.walks += 1
        return super().__iter__()  # type: ignore[return-value]


async def test_history_between_two_seqs(server: FakeServer):
    """Page after page, to the end of the range and not of the log."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        for number in range(30):
            await server.say("alice", "bob", f"{number}")
        server.received.clear()
        async for event in bob.history(
            server.private_id("alice", "bob"), after_seq=0, before_seq=11, page=5, limit=10
        ):
            assert event.seq < 11

        asked = [frame.payload for frame in server.received if isinstance(frame, frames.History)]
        assert [(page.after_seq, page.before_seq) for page in asked] == [(0, 11), (5, 11)]


async def test_who_is_added_again_sees_the_group_as_it_is(server: FakeServer):
    """What changed while one was away comes with a sync, and not at the next connection."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        group = await server.group("alice", "club", ["bob"])
        log, alice = server.logs[group], server.user("alice")
        stream = bob.events()
        await server.append(log, "member_removed", alice, "m-1", {"user_id": bob.user_id})
        await hear(stream, MemberRemoved)
        await server.append(log, "group_updated", alice, "m-2", {"name": "renamed"})
        server.received.clear()

        await server.append(log, "member_joined", alice, "m-3", {"user_ids": [bob.user_id]})
        await hear(stream, MembersJoined)
        await hear(stream, Synced)

        shown = bob.conversation(group)
        assert shown is not None
        assert (shown.info.name, shown.info.former) == ("renamed", False)


async def hear(stream: EventStream, kind: type[object]) -> None:
    """Pass over everything up to an event of this kind."""
    async with asyncio.timeout(5):
        async for event in stream:
            if isinstance(event, kind):
                return
