"""People, groups and messages on a real server, over HTTP, for tests of its API."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/v1"
PASSWORD = "a stable, and a quiet one"  # not the example of the reference
_numbers = itertools.count(1)


def name() -> str:
    """Return a username or msg_id that no other test has."""
    return f"name{next(_numbers)}"


@dataclass
class Person:
    """An account and one of its sessions."""

    http: httpx.Client
    username: str
    user_id: str = ""
    device_id: str = ""
    token: str = ""
    refresh_token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def login(self, **more: str) -> dict[str, Any]:
        """Open a session and return its answer; it becomes the one that `call` uses."""
        body = {"username": self.username, "password": PASSWORD, **more}
        data = self.http.post(f"{API}/auth/login", json=body).raise_for_status().json()["data"]
        self.user_id, self.device_id = data["user"]["user_id"], data["device_id"]
        self.token, self.refresh_token = data["token"], data["refresh_token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}
        return dict(data)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Ask with this person's token."""
        return self.http.request(method, API + path, json=body, params=query or None, headers=self.headers)

    def do(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Ask, insist on success and return the data."""
        return self.call(method, path, body, **query).raise_for_status().json()["data"]

    def new_group(self, *members: Person, **more: Any) -> str:
        """Make a group and return its id."""
        body = {"name": "Lunch", "member_ids": [each.user_id for each in members], **more}
        return str(self.do("POST", "/groups", body)["group"]["group_id"])

    def say(self, content: str = "hello", **where: str) -> dict[str, Any]:
        """Send a message and return its acknowledgement."""
        return dict(self.do("POST", "/messages", {"msg_id": name(), "content": content, **where}))


def person(http: httpx.Client) -> Person:
    """Make an account and log in."""
    made = Person(http, name())
    http.post(
        f"{API}/auth/register", json={"username": made.username, "password": PASSWORD}
    ).raise_for_status()
    made.login()
    return made


def codes(answer: httpx.Response) -> tuple[int, int]:
    """Return status and code of an answer, which has the envelope's four fields."""
    found = answer.json()
    assert set(found) == {"code", "message", "data", "request_id"}, found
    return answer.status_code, found["code"]


_shared: dict[str, Person] = {}


def shared_person(http: httpx.Client) -> Person:
    """Return somebody of this server who only reads or is refused: an account costs a hash."""
    key = str(http.base_url)
    if key not in _shared:
        _shared[key] = person(http)
    return _shared[key]
