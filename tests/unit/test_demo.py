"""The demo's catalogue, cast and command line, without a server."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from random import Random

import pytest
import typer
from typer.testing import CliRunner

from pingme.cli.app import app
from pingme.cli.demo.cast import CHATS, GUEST, PEOPLE, ROOMS, WORDS
from pingme.cli.demo.run import Wanted, check_wanted, first_of, make_password
from pingme.cli.demo.scenes import (
    ANY,
    TWO,
    React,
    Say,
    Scene,
    cast_parts,
    deal,
    fill_in,
    load_catalogue,
    parse_catalogue,
    parse_step,
    parts_of,
    shown,
)
from pingme.cli.demo.show import text_of
from pingme.domain.errors import PingMeError
from pingme.domain.usernames import check_nickname, check_password, check_username

CATALOGUE = load_catalogue()
SCENES = [(kind, scene) for kind, scenes in CATALOGUE.scenes.items() for scene in scenes]


def wanted(**changes: object) -> Wanted:
    """Return a command line."""
    values = {
        "server": None, "data_dir": None, "add": False, "port": None, "seconds": None, "speed": 1.0,
        "quiet_room": False, "password": "amber-kettle-42", "seed": 1, "as_json": False,
    }  # fmt: skip
    return Wanted(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("a: Hello", Say(part="a", text="Hello")),
        ("b> Yes", Say(part="b", text="Yes", is_reply=True)),
        ("a: helo => hello", Say(part="a", text="helo", edited="hello")),
        ("a: oh no =/", Say(part="a", text="oh no", is_recalled=True)),
        ("+ c 🎉", React("c", "🎉")),
    ],
)
def test_a_line_of_the_catalogue_is_a_step(line: str, step: Say | React):
    """Messages, replies, edits, recalls and reactions each have a form."""
    assert parse_step(line) == step


@pytest.mark.parametrize(
    "text", ["== any\nhello", "== any\n+ a 🎉", "== any\na> to nothing", "== any\nA: big"]
)
def test_what_is_no_scene_is_refused(text: str):
    """A line of no form, and a scene that begins with an answer to nothing."""
    with pytest.raises(ValueError, match="expected"):
        parse_catalogue(text)


@pytest.mark.parametrize(("kind", "scene"), SCENES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_scene_can_be_played(kind: str, scene: Scene):
    """It has parts enough and not too many, speaks only of those in it, and its slots can be filled."""
    parts = parts_of(scene)
    sizes = [len(room.members) - 1 for room in ROOMS if kind == room.key]  # the guest is not played
    assert 1 < len(parts) <= {ANY: 4, TWO: 2}.get(kind, min(sizes, default=0))
    for step in fill_in(scene, Random(1)):
        if isinstance(step, Say):
            assert set(step.mentions) <= set(parts)
            assert "{" not in step.text + step.edited
        else:
            assert 0 < len(step.emoji.encode()) <= 32


def test_every_room_has_scenes_and_members_who_exist():
    """Groups and chats are of people in the cast; the guest is in each group and never its owner."""
    usernames = {one.username for one in PEOPLE}

    assert all(room.key in CATALOGUE.scenes for room in ROOMS)
    assert all(
        set(room.members) <= usernames and len(set(room.members)) == len(room.members) for room in ROOMS
    )
    assert all(GUEST in room.members[1:] for room in ROOMS)
    assert len({frozenset((chat.one, chat.other)) for chat in CHATS}) == len(CHATS)
    assert {name for chat in CHATS for name in (chat.one, chat.other)} <= usernames


def test_the_server_would_take_every_name_and_password():
    """Usernames, nicknames and made-up passwords follow the rules of accounts."""
    for one in PEOPLE:
        assert check_username(one.username) == one.username
        assert check_nickname(one.nickname) == one.nickname
        assert check_password(make_password(), username=one.username)
    assert make_password() != make_password()


def test_scenes_come_again_only_when_all_were_dealt():
    """Six cards dealt as 4 and 5: nothing twice in the first six, and each hand is as large as asked for."""
    scenes: list[Scene] = [(Say(part="a", text=str(number)),) for number in range(6)]

    first, second = deal(scenes, [4, 5], Random(3))

    assert (len(first), len(second)) == (4, 5)
    assert len({*first, *second[:2]}) == 6


def test_parts_go_to_different_members_or_to_nobody():
    """Two parts want two members."""
    scene = CATALOGUE.scenes[TWO][0]

    players = cast_parts(scene, ["mina", "jonas", "priya"], Random(1))

    assert players is not None
    assert len(set(players.values())) == 2
    assert cast_parts(scene, ["mina"], Random(1)) is None


def test_the_same_seed_tells_the_same():
    """Slots are filled alike by equal dice, with the same word throughout a scene."""
    scene = (Say(part="a", text="{food} or {food}?"), Say(part="b", text="{food}"))

    first, again = fill_in(scene, Random(5)), fill_in(scene, Random(5))

    assert first == again
    question, answer = first
    assert isinstance(question, Say)
    assert isinstance(answer, Say)
    assert answer.text in WORDS["food"]
    assert question.text == f"{answer.text} or {answer.text}?"


def test_mentions_are_shown_by_name():
    """The letter becomes the name; an address does not."""
    assert shown("@b are you in? a@b.example", {"b": "Mina"}) == "@Mina are you in? a@b.example"
    assert Say(part="a", text="@c and @b and @c").mentions == ("c", "b")


def test_what_is_somebodys_is_not_touched_unasked(tmp_path: Path):
    """A server, and a folder with a store, need --add; an empty folder does not."""
    (tmp_path / "pingme.db").touch()

    for touching in (wanted(server="http://localhost:8080"), wanted(data_dir=tmp_path)):
        with pytest.raises(PingMeError, match="--add"):
            check_wanted(touching)
    check_wanted(wanted(data_dir=tmp_path / "new"))
    check_wanted(wanted(data_dir=tmp_path, add=True))
    check_wanted(wanted(server="http://localhost:8080", add=True))


@pytest.mark.parametrize("more", [{"port": 8080}, {"data_dir": Path("somewhere")}])
def test_a_server_that_runs_has_its_own_port_and_folder(more: dict[str, object]):
    """--server goes with neither --port nor --data-dir."""
    with pytest.raises(typer.BadParameter, match="for one of the demo's own"):
        check_wanted(wanted(server="http://localhost:8080", add=True, **more))


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path):
    """A refusal of the command is a PingMeError, which the command line prints."""
    (tmp_path / "pingme.db").touch()

    result = CliRunner().invoke(app, ["demo", "--data-dir", str(tmp_path)])

    assert isinstance(result.exception, PingMeError)
    assert "holds a store already" in str(result.exception)


@pytest.mark.parametrize(
    "arguments", [["--server", "localhost:99999"], ["--server", "localhost", "--port", "8080"]]
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]):
    """Before anything is started."""
    assert CliRunner().invoke(app, ["demo", "--add", *arguments]).exit_code == 2


def test_a_port_that_is_taken_is_told_by_its_option(tmp_path: Path):
    """Who typed --port reads --port, not a setting of the server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = CliRunner().invoke(app, ["demo", "--port", str(port)])

    assert isinstance(result.exception, PingMeError)
    assert f"--port {port}: Address already in use; name another" in str(result.exception)


def test_people_are_told_how_to_get_in():
    """Address, username, password, and a command that fits them; nothing is wider than a terminal of 130 columns."""
    found = {
        "url": "http://127.0.0.1:4000", "password": "it's-me", "guest": GUEST, "groups": ["g"], "private_chats": [],
        "users": [{"username": one.username} for one in PEOPLE], "messages": 3,
    }  # fmt: skip

    lines = text_of(found, command="pingme", passing=True, lively=True)

    text = "\n".join(lines)
    assert f"pingme chat --login --server http://127.0.0.1:4000 --username {GUEST}" in text
    assert re.search(r"-d '\{.*it'\"'\"'s-me\"\}'", text)  # quoted for a shell
    assert all(one.username in text for one in PEOPLE)
    assert max(map(len, lines)) <= 130
    assert "nobody talks" in text_of(found, command="pingme", passing=False, lively=False)[-1]


def test_the_first_error_of_many_is_told():
    """Groups in groups: the cause, not what followed."""
    cause = PingMeError("the cause")

    assert first_of(ExceptionGroup("outer", [ExceptionGroup("inner", [cause, ValueError()])])) is cause
