"""Every route and every frame, by every role: the answer that the table of access says, and no route outside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pingme.edge.http.app import create_app
from pingme.edge.http.system import SystemInfo, create_system_router
from pingme.wire.session import CLIENT_FRAME_TYPES
from tests.fakes.clock import FakeClock
from tests.security.access_table import ROLES, TABLES, Row, markdown
from tests.security.scene import Scene, answer_to, close_code, filled, hear, run_server, tell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
MARK = "<!-- access: written by tests/security/test_access.py -->\n"
NO_TOKEN = ROLES["group"][:3]
ROWS = [(subject, row) for subject, rows in TABLES.items() for row in rows]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    for process, data_dir in run_server(tmp_path_factory.mktemp("access")):
        with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as http:
            yield Scene(http, process, data_dir)


def of(rows: list[tuple[str, Row]]) -> Any:
    return pytest.mark.parametrize(
        ("subject", "row"), rows, ids=[f"{subject} {row.request} {row.what}".strip() for subject, row in rows]
    )


slow = pytest.mark.slow  # a server, twenty hashes, and some eight hundred requests


def is_route(row: Row) -> bool:
    return " /" in row.request


@slow
@of([each for each in ROWS if is_route(each[1])])
def test_a_route_answers_each_role_as_the_table_says(scene: Scene, subject: str, row: Row) -> None:
    """The code of the envelope; what does not exist and what one may not know of are answered alike."""
    found = {}
    for role in ROLES[subject]:
        things = scene.things(subject, role, row.request)
        method, path = row.request.split(" ")
        token = scene.token_of(role)
        answer = scene.http.request(
            method,
            path.format(**filled(row.path, things)),
            params=filled(row.query, things) or None,
            json=filled(row.body, things),
            headers={"Authorization": f"Bearer {token}"} if token else None,
        )
        in_envelope = answer.headers["Content-Type"] == "application/json" and "code" in answer.json()
        code = answer.json()["code"] if in_envelope else 0
        assert (answer.status_code < 300) == (code == 0), answer.text
        found[role] = str(code)
        scene.after(row.request, role)

    assert found == dict(zip(ROLES[subject], row.codes, strict=True))


@slow
@of([each for each in ROWS if not is_route(each[1]) and each[1].request not in {"auth", "typing"}])
def test_a_frame_answers_each_role_as_the_table_says(scene: Scene, subject: str, row: Row) -> None:
    """The answer's code; a socket without a good token is told nothing but 4401."""
    expected = dict(zip(ROLES[subject], row.codes, strict=True))
    for role in ROLES[subject][3:]:
        things = scene.things(subject, role)
        with scene.socket(scene.token_of(role)) as socket:
            tell(socket, row.request, filled(row.body, things))
            if expected[role] == "+":
                tell(socket, "sync", {"limit": 0})
                assert answer_to(socket)["type"] in {"sync_page", "sync_done"}, role
                continue
            answer = answer_to(socket)
        code = answer["payload"]["code"] if answer["type"] == "error" else 0
        assert str(code) == expected[role], (role, answer)
        assert code == 0 or answer["payload"]["outcome"] == "refused"


@slow
@pytest.mark.parametrize("kind", CLIENT_FRAME_TYPES)
def test_nobody_gets_past_the_door_with_any_frame(scene: Scene, kind: str) -> None:
    """Before a good `auth` every frame closes with 4401, and so does each bad token, with its code."""
    body = next(row.body for _, row in ROWS if row.request == kind)
    with scene.socket("") as socket:
        if kind != "auth":
            tell(socket, kind, filled(body, scene.things("account", "stranger")) if body else {})
            assert close_code(socket) == 4401
            return
        tell(socket, "auth", {"token": "", "protocol": 1})
        assert hear(socket)["payload"]["code"] == 30005
        assert close_code(socket) == 4401
    for role, code in (("expired", 30004), ("disabled", 30005)):
        with scene.socket("") as socket:
            tell(socket, "auth", {"token": scene.token_of(role), "protocol": 1})
            assert hear(socket)["payload"]["code"] == code
            assert close_code(socket) == 4401


@slow
@pytest.mark.parametrize("role", ["anonymous", "expired", "disabled", "stranger", "owner"])
def test_the_token_of_the_upgrade_request_is_checked_alike(scene: Scene, role: str) -> None:
    """A bad one is answered 401 before there is a socket; without one the socket waits for `auth`."""
    token = scene.token_of(role)
    url = scene.server.url.replace("http", "ws") + "/ws"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if role in {"expired", "disabled"}:
        with pytest.raises(InvalidStatus) as caught:
            connect(url, additional_headers=headers, proxy=None)
        assert caught.value.response.status_code == 401
        assert json.loads(caught.value.response.body)["code"] == {"expired": 30004, "disabled": 30005}[role]
        return
    with connect(url, additional_headers=headers, proxy=None) as socket:
        if role == "anonymous":
            tell(socket, "ping", None)
            assert close_code(socket) == 4401
        else:
            assert hear(socket)["type"] == "auth_ok"


@slow
@of([each for each in ROWS if each[1].request == "typing"])
def test_typing_reaches_the_others_only_from_those_who_may_write(
    scene: Scene, subject: str, row: Row
) -> None:
    """It is never answered; whoever may not is not heard."""
    expected = dict(zip(ROLES[subject], row.codes, strict=True))
    for role in ROLES[subject][3:]:
        things = scene.things(subject, role)
        listener = {"account": "peer", "group": "target"}.get(subject) or (
            "peer" if role == "author" else "author"
        )
        with (
            scene.socket(scene.token_of(listener)) as ears,
            scene.socket(scene.token_of(role)) as socket,
        ):
            tell(socket, "typing", filled(row.body, things))
            tell(socket, "sync", {"limit": 0})  # answered in its turn, after the frame before it
            while answer_to(socket)["type"] != "sync_done":
                pass
            tell(ears, "ping", None)  # what was pushed before stands before its answer
            heard = []
            while (frame := hear(ears))["type"] != "pong":
                heard.append((frame["type"], frame["payload"].get("user_id")))
            assert (("typing", scene.people[role].user_id) in heard) == (expected[role] == "+"), role


def routes() -> set[str]:
    """Return every route that the application and its server have, those outside the reference too.

    The web client is files that are the same for everybody: tests/unit/test_web_client.py.
    """
    app = create_app(None, clock=FakeClock())  # type: ignore[arg-type]
    info = SystemInfo(service="", env="", version="", python="", components=dict, not_ready=str)
    app.include_router(create_system_router(info))
    found: set[str] = set()
    for path, methods in app.openapi()["paths"].items():
        found |= {f"{method.upper()} {path}" for method in methods}
    for each in app.routes:
        inner = getattr(each, "original_router", None)
        for route in [each] if inner is None else inner.routes:
            assert isinstance(route, Route), f"a kind of route that this test does not know: {route!r}"
            if not getattr(route, "include_in_schema", True) or inner is None:
                found |= {f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_every_route_has_a_row() -> None:
    """And every row a route: a new one fails here until somebody has said who may use it."""
    assert {row.request for _, row in ROWS if is_route(row)} == routes()


def test_every_frame_has_a_row() -> None:
    """Frames about a conversation have one for each kind of conversation."""
    frames = {subject: {row.request for row in rows if not is_route(row)} for subject, rows in TABLES.items()}
    about_conversations = set(CLIENT_FRAME_TYPES) - {"auth", "ping", "sync", "presence_set", "presence_watch"}

    assert set().union(*frames.values()) == set(CLIENT_FRAME_TYPES)
    assert all(about_conversations <= frames[subject] for subject in ("account", "private", "group"))


def test_the_page_is_the_table() -> None:
    """docs/access.md ends with it; PINGME_WRITE=1 writes the page anew."""
    text, mark, tables = PAGE.read_text(encoding="utf-8").partition(MARK)
    if os.environ.get("PINGME_WRITE"):
        PAGE.write_text(f"{text}{mark}\n{markdown()}", encoding="utf-8")

    assert mark
    assert tables.strip() == markdown().strip()
