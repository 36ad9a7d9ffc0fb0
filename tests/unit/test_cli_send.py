"""`pingme send`: one message or many, from a profile, a token or a password, with exit codes for scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pingme.cli.profiles import BadServer, Profiles, server_of, spare_loopback
from pingme.cli.send import Exit, Job, Who, app, run
from pingme.wire import server_frames as wire
from tests.fakes.server import FakeServer

PASSWORD = "secret-password"


async def send(server: FakeServer, job: Job, contents: Iterable[str], who: Who) -> int:
    """Run the command beside the fake server, as it runs: in a loop of its own."""
    return await asyncio.to_thread(run, job, contents, who)


def who(
    server: FakeServer, tmp_path: Path, *, username: str | None = None, password: str | None = None
) -> Who:
    return Who(server.url, username, password, profiles=Profiles(tmp_path), http=server.http)


async def logged_in(server: FakeServer, tmp_path: Path, username: str) -> None:
    """Make the profile that `pingme chat` would make."""
    folder = Profiles(tmp_path).folder(server.url, username)
    async with server.client(folder) as client:
        await client.register(username, PASSWORD)


async def test_a_profile_sends_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Lines become messages in their order; --json tells where each is stored."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    async with FakeServer() as server:
        server.user("bob")
        await logged_in(server, tmp_path, "alice")

        code = await send(server, Job(to="bob", as_json=True), ["one", "two"], who(server, tmp_path))

        acks = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        stored = [item.content for item in server.logs[server.private_id("alice", "bob")].items]
    assert code == Exit.STORED
    assert [ack["seq"] for ack in acks] == [1, 2]
    assert stored == ["one", "two"]


async def test_a_password_opens_a_session_for_this_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With username and password no profile is needed, and the session ends with the command."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    async with FakeServer() as server:
        server.user("alice")
        server.user("bob")
        sender = who(server, tmp_path, username="alice", password=PASSWORD)

        code = await send(server, Job(to="bob"), ["hello"], sender)

        assert code == Exit.STORED
        assert server.api.calls[-1] == "POST /auth/logout"


async def test_a_token_from_the_environment_sends_to_a_group_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """PINGME_TOKEN needs nothing else; a group may be called by its name."""
    async with FakeServer() as server:
        await logged_in(server, tmp_path, "alice")
        group_id = await server.group("alice", "friends", ["bob"])
        monkeypatch.setenv("PINGME_TOKEN", next(iter(server.tokens)))

        code = await send(server, Job(group="friends"), ["hi all"], who(server, tmp_path / "none"))

        assert code == Exit.STORED
        assert server.logs[group_id].items[-1].content == "hi all"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wire.ErrorPayload(code=40005, message="", outcome="refused", retryable=False), Exit.REFUSED),
        (wire.ErrorPayload(code=50006, message="", outcome="unknown", retryable=False), Exit.TRY_AGAIN),
    ],
)
async def test_the_exit_code_says_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: wire.ErrorPayload, expected: Exit
):
    """A refusal and an unknown outcome have different codes."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    async with FakeServer() as server:
        server.user("bob")
        await logged_in(server, tmp_path, "alice")
        server.refuse = [error]

        assert await send(server, Job(to="bob"), ["hello"], who(server, tmp_path)) == expected


async def test_nobody_is_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Without session and username the way to one is named."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    async with FakeServer() as server:
        code = await send(server, Job(to="bob"), ["hello"], who(server, tmp_path))

    assert code == Exit.NOT_LOGGED_IN
    assert "pingme chat" in capsys.readouterr().err


async def test_a_wrong_password_and_an_unknown_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who may not in gets 3, a receiver that does not exist is a refusal."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    async with FakeServer() as server:
        server.user("alice")
        wrong = who(server, tmp_path, username="alice", password="wrong-password")
        right = who(server, tmp_path, username="alice", password=PASSWORD)

        assert await send(server, Job(to="bob"), ["hello"], wrong) == Exit.NOT_LOGGED_IN
        assert await send(server, Job(to="nobody"), ["hello"], right) == Exit.REFUSED


def test_a_server_that_is_not_there_asks_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody listens: exit code 4, at once enough for a script."""
    monkeypatch.delenv("PINGME_TOKEN", raising=False)
    nowhere = Who("http://127.0.0.1:9", "alice", PASSWORD, profiles=Profiles(tmp_path))

    assert run(Job(to="bob"), ["hello"], nowhere) == Exit.TRY_AGAIN


@pytest.mark.parametrize(
    "arguments",
    [
        ["hello"],
        ["--to", "bob"],
        ["--to", "bob", "--group", "g", "hello"],
        ["--to", "bob", "--server", "http://127.0.0.1:abc", "hello"],
        ["--to", "bob", "--server", "127.0.0.1:99999", "hello"],
    ],
)
def test_a_mistake_in_the_command_line_is_exit_code_2(arguments: list[str]):
    """Without receiver or message, with two receivers, or with no address of a server nothing is sent."""
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_line_that_is_no_utf8_is_sent_all_the_same(monkeypatch: pytest.MonkeyPatch):
    """An odd byte in a log shows as one sign, and the lines after it come too."""
    sent: list[str] = []
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("pingme.cli.send.run", lambda _job, contents, _who: sent.extend(contents) or 0)

    result = CliRunner().invoke(app, ["--to", "bob", "-"], input=b"one\ntw\xff\nthree\n")

    assert result.exit_code == 0
    assert sent == ["one", "tw\ufffd", "three"]


async def test_an_empty_token_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A variable that a script has emptied does not hide the profile."""
    monkeypatch.setenv("PINGME_TOKEN", "")
    async with FakeServer() as server:
        server.user("bob")
        await logged_in(server, tmp_path, "alice")

        assert await send(server, Job(to="bob"), ["hello"], who(server, tmp_path)) == Exit.STORED


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:abc",
        "127.0.0.1:99999",
        "127.0.0.1:0",
        "ftp://host",
        "http://",
        "http://a b",
        "http://[::1",
        "h?x",
    ],
)
def test_what_is_no_address_is_refused(address: str):
    """Before anything tries to reach it."""
    with pytest.raises(BadServer, match="expected http://host:port"):
        server_of(address)


@pytest.mark.parametrize(
    "address", ["localhost", "http://[::1]:8080", "https://chat.example.org/pingme", "büro:8080"]
)
def test_an_address_may_have_many_forms(address: str):
    """A name, an IPv6 address, a path before the API, letters of any language."""
    assert server_of(address).endswith(address)


def test_no_proxy_is_asked_for_this_machine():
    """It could not reach it; what the variable lists already stays."""
    one, all_of_them = {"no_proxy": "intern"}, {"NO_PROXY": "*"}

    spare_loopback(one)
    spare_loopback(all_of_them)

    assert one["no_proxy"] == one["NO_PROXY"] == "intern,127.0.0.1,localhost,::1"
    assert all_of_them == {"NO_PROXY": "*"}


def test_the_server_is_chosen_by_option_environment_profile_and_default(monkeypatch: pytest.MonkeyPatch):
    """The nearest word counts; a host alone means http."""
    monkeypatch.setenv("PINGME_SERVER", "https://chat.example.org/")

    assert server_of("127.0.0.1:9") == "http://127.0.0.1:9"
    assert server_of(None) == "https://chat.example.org"
    monkeypatch.delenv("PINGME_SERVER")
    assert server_of(None) == "http://127.0.0.1:8080"
