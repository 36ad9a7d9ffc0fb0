"""What `pingme demo` prints: where it is, who one can be, and how to get in."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from typing import Any

from pingme.cli.demo.cast import GUEST, PEOPLE
from pingme.cli.demo.stage import Stage

WIDTH = 78


def facts(stage: Stage, *, url: str, password: str, seed: int) -> dict[str, Any]:
    """Return everything a script needs."""
    tables = stage.tables.values()
    return {
        "url": url,
        "websocket": url.replace("http", "ws", 1) + "/ws",
        "password": password,
        "guest": GUEST,
        "users": [
            {
                "username": one.username,
                "nickname": one.nickname,
                "user_id": stage.people[one.username].user_id,
            }
            for one in PEOPLE
        ],
        "groups": [table.conversation_id for table in tables if table.key],
        "private_chats": [table.conversation_id for table in tables if not table.key],
        "messages": stage.messages,
        "seed": seed,
    }


def print_json(found: dict[str, Any]) -> None:
    """Print the facts as one line of JSON."""
    print(json.dumps(found, ensure_ascii=False), flush=True)


def print_text(found: dict[str, Any], *, passing: bool, lively: bool) -> None:
    """Print the facts for people; see `text_of`."""
    command = "pingme" if shutil.which("pingme") else sys.argv[0]  # in a checkout: .venv/bin/pingme
    print("\n".join(text_of(found, command=command, passing=passing, lively=lively)), flush=True)


def text_of(found: dict[str, Any], *, command: str, passing: bool, lively: bool) -> list[str]:
    """Return the facts as lines for people.

    Args:
        found: made by `facts`.
        command: what runs PingMe here.
        passing: True when the server goes with the demo.
        lively: True when people go on talking.
    """
    url, password, guest = found["url"], found["password"], found["guest"]
    others = ", ".join(user["username"] for user in found["users"] if user["username"] != guest)
    body = json.dumps({"username": guest, "password": password})
    away = "in a temporary folder that goes with it" if passing else "which stays when the demo ends"
    people, groups, chats = (len(found[name]) for name in ("users", "groups", "private_chats"))
    end = "people go on talking" if lively else "nobody talks (--quiet-room)"
    return [
        f"{people} people, {groups} groups and {chats} private chats, {found['messages']} messages so far",
        "",
        f"  open       {url}  (its data: {away})",
        f"  username   {guest}",
        f"  password   {password}",
        "",
        "In another terminal",
        f"  {command} chat --login --server {url} --username {guest}",
        "or by hand",
        f"  curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \\",
        f"       -d {shlex.quote(body)}",
        f"The HTTP API with a form for every call: {url}/docs",
        "",
        *textwrap.wrap(f"With the same password you are anybody else, too: {others}.", WIDTH),
        f"Write to somebody: you are answered. Ctrl+C ends it; until then {end}."
        if lively
        else f"Ctrl+C ends it; until then {end}.",
    ]


class Ticker:
    """One line on stderr that is written over again and again; nothing where nobody watches."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._is_shown:
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
