"""The people and things that the table of access speaks of, on a real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.conversations.server import ServerProcess
from tests.security.api_world import PASSWORD, Person, name, person

SECRET = "a secret of the tests of access, long enough"
SETTINGS = {
    "PINGME_LIMITS__SENDS_PER_S": "0",
    "PINGME_LIMITS__LOGIN_FAILURES": "1000",
    "PINGME_LIMITS__GROUPS_PER_USER": "100000",
    "PINGME_LIMITS__DEVICES_PER_USER": "1000",
    "JWT_SECRET": SECRET,
}
WITHIN_S = 20.0


def disable(data_dir: Path, username: str) -> None:
    """Disable an account as an operator does, beside the running server."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PINGME_", "APP_"))}
    environ |= {"PINGME_APP__DATA_DIR": str(data_dir)}
    program = "from pingme.cli.app import main; main()"
    command = [sys.executable, "-c", program, "user", "disable", username]
    subprocess.run(command, env=environ, cwd=data_dir.parent, check=True, capture_output=True)


def expired(token: str) -> str:
    """Return the same token, ended an hour ago, with a good signature."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": int(time.time()) - 3_600}, SECRET, algorithm="HS256")


class Scene:
    """Persons by role, and things made anew for every cell."""

    def __init__(self, http: httpx.Client, server: ServerProcess, data_dir: Path) -> None:
        self.http, self.server = http, server
        self.people = {
            role: person(http)
            for role in (
                "owner",
                "admin",
                "member",
                "former",
                "stranger",
                "peer",
                "target",
                "newcomer",
                "gone",
            )
        }
        self.people["author"] = self.people["logged_in"] = self.people["owner"]
        disable(data_dir, self.people["gone"].username)
        self.people["owner"].do(
            "PUT", "/user/profile", {"nickname": "Ada", "msg_id": name()}
        )  # the own log begins
        self.tokens = {
            "anonymous": "",
            "expired": expired(self.people["owner"].token),
            "disabled": self.people["gone"].token,
        }

    def token_of(self, role: str) -> str:
        """Return the token with which a role asks, "" for none."""
        return self.tokens[role] if role in self.tokens else self.people[role].token

    def things(self, subject: str, role: str, request: str = "") -> dict[str, Any]:
        """Make what a cell acts on and return its names."""
        people, owner = self.people, self.people["owner"]
        me = people.get(role, owner)
        found: dict[str, Any] = {
            "msg_id": name(),
            "name": name(),
            "password": PASSWORD,
            "username": owner.username,
            "user": owner.user_id if role not in {"owner", "author"} else people["peer"].user_id,
            "me": me.user_id,
            "target": people["target"].user_id,
            "newcomer": people["newcomer"].user_id,
            "owner": owner.user_id,
        }
        if subject == "account":
            found |= {"log": owner.user_id, "seq": 1}
            if "{device_id}" in request:
                found["device"] = self._device(owner)
        elif subject == "private":
            sent = owner.say(to_user_id=people["peer"].user_id)
            found |= {"private": sent["conversation_id"], "seq": sent["seq"]}
        elif subject == "group":
            found |= {"group": self._group(), "open_group": self._group(join_policy="open")}
            found["seq"] = owner.say(group_id=found["group"])["seq"]
        return found

    def _device(self, owner: Person) -> str:
        other = Person(self.http, owner.username)
        other.login()
        return other.device_id

    def _group(self, **more: str) -> str:
        people = self.people
        owner = people["owner"]
        group_id = owner.new_group(
            *(people[role] for role in ("admin", "member", "former", "target")), **more
        )
        members = f"/groups/{group_id}/members"
        owner.do("PATCH", f"{members}/{people['admin'].user_id}", {"role": "admin", "msg_id": name()})
        owner.do("DELETE", f"{members}/{people['former'].user_id}", msg_id=name())
        return group_id

    def after(self, request: str, role: str) -> None:
        """Give a session back to whoever ended the own one."""
        if request.endswith("/auth/logout") and role in self.people:
            self.people[role].login()

    @contextlib.contextmanager
    def socket(self, token: str) -> Iterator[ClientConnection]:
        """Open a socket that has sent its token ("" for none) and read the answer."""
        url = self.server.url.replace("http", "ws") + "/ws"
        with connect(url, proxy=None, compression=None) as socket:
            if token:
                tell(socket, "auth", {"token": token, "protocol": 1})
                assert hear(socket)["type"] == "auth_ok"
            yield socket


def filled(template: Any, things: dict[str, Any]) -> Any:
    """Return a template with the things that it names."""
    if isinstance(template, dict):
        return {key: filled(value, things) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, things) for value in template]
    if isinstance(template, str) and "{" in template:
        return things[template[1:-1]] if template[0] + template[-1] == "{}" else template.format(**things)
    return template


def tell(socket: ClientConnection, kind: str, payload: dict[str, Any] | None) -> None:
    """Send a frame whose answer can be known by its id."""
    frame = {"type": kind, "id": "asked"} | ({} if payload is None else {"payload": payload})
    socket.send(json.dumps(frame))


def hear(socket: ClientConnection) -> dict[str, Any]:
    """Return the next frame."""
    return dict(json.loads(socket.recv(WITHIN_S)))


def answer_to(socket: ClientConnection) -> dict[str, Any]:
    """Return the answer to the frame that was asked last; pushes are passed over."""
    while True:
        got = hear(socket)
        if got.get("id") == "asked" or got["type"] == "presence":
            return got


def close_code(socket: ClientConnection) -> int:
    """Return the code with which the server closes; frames before it are passed over."""
    try:
        while True:
            socket.recv(WITHIN_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006


def run_server(folder: Path, env: dict[str, str] | None = None) -> Iterator[tuple[ServerProcess, Path]]:
    """Run a server with the settings of the scene, and some more."""
    process = ServerProcess(folder / "data", {**SETTINGS, **(env or {})})
    asyncio.run(process.start())
    yield process, folder / "data"
    asyncio.run(process.stop())
