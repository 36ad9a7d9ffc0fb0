"""Messages, groups, conversations and presence over HTTP: the services behind, the shapes that clients rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI, Header

from pingme.adapters.presence_memory import MemoryPresence
from pingme.domain.errors import ErrorCode, StoreUnavailable
from pingme.domain.events import Command, RefusedOutcome
from pingme.edge.http.app import ROUTERS, create_app
from pingme.edge.http.deps import require_identity
from pingme.edge.http.messages import OfflinePage
from pingme.edge.http.services import HttpServices
from pingme.ports.log import Record
from pingme.services.conversations import Conversations
from pingme.services.groups import Groups
from pingme.services.history import History
from pingme.services.messages import Messages
from pingme.services.pending import Pending, Waiter
from pingme.services.people import People
from pingme.services.presence import PresenceService
from pingme.services.receipts import Receipts
from pingme.services.sessions import Identity
from pingme.services.sync import Sync
from pingme.wire.server_frames import HistoryPage
from tests.fakes.chat_world import ChatWorld
from tests.fakes.clock import FakeClock
from tests.fakes.push import RecordingPush

API = "/api/v1"
NEVER_TS = 2**53
NOBODY: Any = None  # these tests bring their own identities


class DirectLog:
    """A log whose records are stored at once: the pipeline in one line."""

    def __init__(self, world: ChatWorld, pending: Pending) -> None:
        self.world, self.pending = world, pending
        self.tasks: set[asyncio.Task[None]] = set()

    def append(self, record: Record) -> None:
        task = asyncio.create_task(self._store(record))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _store(self, record: Record) -> None:
        (outcome,) = await self.world.store.save([record.command])
        waiter = self.pending.take(record.origin)
        assert waiter is not None
        waiter.settle(outcome)


class World(ChatWorld):
    """The services behind the application; ua, ub, uc and ux have accounts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        pending = Pending("node", self.clock, 10_000)
        log: Any = DirectLog(self, pending)
        self.messages = Messages(log, pending, self.store, self.user_exists, self.clock)
        self.receipts = Receipts(self.store, RecordingPush(), self.clock)
        self.presence = PresenceService(self.store, MemoryPresence(), self.clock, self.keep_seen)
        self.services = HttpServices(
            accounts=NOBODY,
            people=People(self.accounts),
            messages=self.messages,
            groups=Groups(self.messages, self.store, self.clock),
            sync=Sync(self.store, flush=self.receipts.flush),
            history=History(self.store),
            conversations=Conversations(self.store, self.messages),
            receipts=self.receipts,
            presence=self.presence,
        )

    async def user_exists(self, user_id: str) -> bool:
        return await self.accounts.user(user_id) is not None

    async def keep_seen(self, user_id: str, seen_ms: int) -> None:
        pass


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.add_users("ua", "ub", "uc", "ux")
    yield made
    await made.close()


@pytest.fixture(scope="module")
def made_app() -> FastAPI:
    """The application without services: making its routes takes longer than most tests here."""
    return create_app(HttpServices(accounts=NOBODY), clock=FakeClock())


@pytest.fixture
def app(made_app: FastAPI, world: World) -> Iterator[FastAPI]:
    made_app.state.pingme = world.services
    yield made_app
    made_app.dependency_overrides.clear()


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async def identity(authorization: Annotated[str, Header()]) -> Identity:
        return Identity(authorization.removeprefix("Bearer "), "phone", "family", "name", NEVER_TS)

    app.dependency_overrides[require_identity] = identity
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def call(
    http: httpx.AsyncClient, user: str, method: str, path: str, body: Any = None, **query: Any
) -> tuple[int, int, Any]:
    """Return status, code and data of an answer, which has the envelope's four fields."""
    answer = await http.request(
        method, API + path, json=body, params=query or None, headers={"Authorization": f"Bearer {user}"}
    )
    found = answer.json()
    assert set(found) == {"code", "message", "data", "request_id"}
    assert answer.headers["X-Request-ID"] == found["request_id"]
    return answer.status_code, found["code"], found["data"]


async def ok(
    http: httpx.AsyncClient, user: str, method: str, path: str, body: Any = None, **query: Any
) -> Any:
    status, code, data = await call(http, user, method, path, body, **query)
    assert (status, code) in {(200, 0), (201, 0)}, data
    return data


async def new_group(http: httpx.AsyncClient, *others: str, **more: Any) -> str:
    data = await ok(http, "ua", "POST", "/groups", {"name": "Lunch", "member_ids": others, **more})
    return str(data["group"]["group_id"])


# Messages.


async def test_a_message_is_stored_once(http: httpx.AsyncClient) -> None:
    """The answer is that of message_ack; a repeat is a duplicate, another text under the same msg_id a conflict."""
    body = {"msg_id": "m1", "to_user_id": "ub", "content": "hi"}

    first = await ok(http, "ua", "POST", "/messages", body)
    again = await ok(http, "ua", "POST", "/messages", body)
    status, code, _ = await call(http, "ua", "POST", "/messages", {**body, "content": "ho"})

    assert set(first) == {"msg_id", "conversation_id", "seq", "server_ts", "duplicate"}
    assert (first["msg_id"], first["seq"], first["duplicate"]) == ("m1", 1, False)
    assert again == {**first, "duplicate": True}
    assert (status, code) == (409, ErrorCode.MSG_ID_CONFLICT)


async def test_edit_react_recall_and_history(http: httpx.AsyncClient) -> None:
    """Operations take the next seqs; history shows the current state."""
    sent = await ok(http, "ua", "POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "hi"})
    where = {"conversation_id": sent["conversation_id"], "seq": 1}

    edited = await ok(http, "ua", "POST", "/messages/edit", {**where, "msg_id": "m2", "content": "hello"})
    reacted = await ok(http, "ub", "POST", "/messages/react", {**where, "msg_id": "m3", "emoji": "👍"})
    page = await ok(
        http, "ub", "GET", "/messages/history", conversation_id=sent["conversation_id"], after_seq=0
    )
    await ok(http, "ua", "POST", "/messages/recall", {**where, "msg_id": "m4"})
    newest = await ok(
        http, "ub", "GET", "/messages/history", conversation_id=sent["conversation_id"], before_seq=2
    )

    assert (edited["seq"], reacted["seq"]) == (2, 3)
    msgspec.convert(page, HistoryPage)
    assert [event["kind"] for event in page["events"]] == ["message", "edit", "reaction"]
    assert page["events"][0]["content"] == "hello"
    assert page["events"][0]["reactions"][0]["user_ids"] == ["ub"]
    assert (newest["events"][0]["content"], newest["events"][0]["recalled"]) == ("", True)


async def test_acks_receipts_and_unread(http: httpx.AsyncClient) -> None:
    """A position counts in every answer from the moment it was acknowledged."""
    group_id = await new_group(http, "ub", "uc")
    await ok(http, "ua", "POST", "/messages", {"msg_id": "m1", "group_id": group_id, "content": "one"})
    await ok(http, "ua", "POST", "/messages", {"msg_id": "m2", "group_id": group_id, "content": "two"})

    acked = await ok(
        http, "ub", "POST", "/messages/ack", {"conversation_id": group_id, "seq": 2, "ack_type": "read"}
    )
    item = await ok(http, "ub", "GET", f"/conversations/{group_id}")
    receipts = await ok(http, "ua", "GET", f"/conversations/{group_id}/receipts", seq=2)

    assert acked == {"conversation_id": group_id, "delivered_seq": 2, "read_seq": 2}
    assert (item["unread"], item["read_seq"], item["last_message"]["content"]) == (1, 2, "two")
    assert receipts == {"conversation_id": group_id, "seq": 2, "delivered": ["ub"], "read": ["ub"]}


async def test_offline_walk(http: httpx.AsyncClient, world: World) -> None:
    """Pages until next_cursor is absent; the token then gives what is new."""
    for _ in range(3):
        await new_group(http, "ub")
    page = await ok(http, "ub", "GET", "/messages/offline")
    msgspec.convert(page, OfflinePage)
    assert len(page["conversations"]) == 3
    assert "next_cursor" not in page
    assert page["epoch"] == world.store.epoch

    group_id = await new_group(http, "ub")

    later = await ok(http, "ub", "GET", "/messages/offline", since=page["since"], limit=0)
    assert [entry["conversation"]["conversation_id"] for entry in later["conversations"]] == [group_id]
    assert later["conversations"][0]["events"] == []


# Conversations.


async def test_the_list_comes_in_pages(http: httpx.AsyncClient) -> None:
    """Newest first, each once, without the own log; the last message is found below other events."""
    groups = [await new_group(http, "ub") for _ in range(5)]
    await ok(http, "ua", "POST", "/messages", {"msg_id": "m1", "group_id": groups[0], "content": "newest"})
    await ok(http, "ua", "PATCH", f"/groups/{groups[0]}", {"announcement": "later than the message"})
    await ok(http, "ub", "PATCH", f"/conversations/{groups[1]}/settings", {"pinned": True})

    walked: list[Any] = []
    page = await ok(http, "ub", "GET", "/conversations", limit=2)
    while True:
        walked += page["items"]
        if "next_cursor" not in page:
            break
        page = await ok(http, "ub", "GET", "/conversations", limit=2, cursor=page["next_cursor"])

    assert [item["conversation"]["conversation_id"] for item in walked] == [groups[0], *reversed(groups[1:])]
    assert walked[0]["last_message"]["content"] == "newest"
    assert walked[1]["last_message"] is None
    assert walked[4]["conversation"]["pinned"] is True


async def test_settings_reach_the_own_log(http: httpx.AsyncClient) -> None:
    """A change is an event of the user's own log; a repeat of its msg_id is a duplicate."""
    group_id = await new_group(http, "ub")
    body = {"muted": True, "draft": "dear all", "msg_id": "m1"}

    stored = await ok(http, "ub", "PATCH", f"/conversations/{group_id}/settings", body)
    again = await ok(http, "ub", "PATCH", f"/conversations/{group_id}/settings", body)
    log = await ok(http, "ub", "GET", "/messages/history", conversation_id="ub")

    assert (stored["conversation_id"], stored["seq"], again["duplicate"]) == ("ub", 1, True)
    assert (
        log["events"][0] | {"kind": "conversation_settings", "about": group_id, "muted": True}
        == log["events"][0]
    )
    item = await ok(http, "ub", "GET", f"/conversations/{group_id}")
    assert (item["conversation"]["muted"], item["conversation"]["draft"]) == (True, "dear all")
    assert "draft" not in (await ok(http, "ua", "GET", f"/conversations/{group_id}"))["conversation"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, ErrorCode.INVALID_PARAMETERS),
        ({"msg_id": "m1"}, 422, ErrorCode.INVALID_PARAMETERS),
        ({"muted": "yes"}, 422, ErrorCode.INVALID_PARAMETERS),
        ({"colour": "red"}, 422, ErrorCode.INVALID_PARAMETERS),
        ({"draft": "é" * 4_097}, 413, ErrorCode.MESSAGE_TOO_LARGE),
    ],
)
async def test_bad_settings(http: httpx.AsyncClient, body: Any, status: int, code: int) -> None:
    """Nothing to change, wrong types, unknown fields, a long draft."""
    group_id = await new_group(http)
    assert (await call(http, "ua", "PATCH", f"/conversations/{group_id}/settings", body))[:2] == (
        status,
        code,
    )


# Groups.


async def test_a_group_from_beginning_to_end(http: httpx.AsyncClient) -> None:
    """Create, invite, give roles, hand over, leave, dissolve."""
    created = await call(
        http, "ua", "POST", "/groups", {"name": " Lunch ", "member_ids": ["ub", "ub"], "msg_id": "m1"}
    )
    assert created[:2] == (201, 0)
    group = created[2]["group"]
    assert (group["name"], group["role"], group["member_count"]) == ("Lunch", "owner", 2)
    assert [(each["user_id"], each["role"]) for each in group["members"]] == [
        ("ua", "owner"),
        ("ub", "member"),
    ]
    assert (created[2]["msg_id"], created[2]["seq"], created[2]["duplicate"]) == ("m1", 1, False)
    path = f"/groups/{group['group_id']}"

    await ok(http, "ua", "POST", f"{path}/members", {"user_ids": ["uc"]})
    await ok(http, "ua", "PATCH", f"{path}/members/ub", {"role": "owner"})
    members = (await ok(http, "uc", "GET", f"{path}/members"))["items"]
    names = {each["user_id"]: (each["username"], each["nickname"], each["avatar"]) for each in members}
    assert names == {user: (user, user, "") for user in ("ua", "ub", "uc")}
    assert {each["user_id"]: each["role"] for each in members} == {
        "ua": "admin",
        "ub": "owner",
        "uc": "member",
    }
    await ok(http, "ua", "PATCH", path, {"name": "Dinner"})
    await ok(http, "ua", "DELETE", f"{path}/members/uc", msg_id="m9")
    assert (await ok(http, "ua", "DELETE", f"{path}/members/uc", msg_id="m9"))["duplicate"] is True
    await ok(http, "ua", "POST", "/groups/leave", {"group_id": group["group_id"]})
    shown = (await ok(http, "ub", "GET", path))["group"]
    assert (shown["name"], shown["member_count"], shown["role"]) == ("Dinner", 1, "owner")
    await ok(http, "ub", "DELETE", path)
    assert (await ok(http, "ub", "GET", path))["group"]["dissolved"] is True
    assert (await call(http, "ua", "GET", path))[:2] == (403, ErrorCode.NOT_A_MEMBER)
    assert (await call(http, "ux", "GET", path))[:2] == (404, ErrorCode.GROUP_NOT_FOUND)


async def test_creating_again_returns_the_first_group(http: httpx.AsyncClient) -> None:
    """The server makes the id, the msg_id makes it one."""
    body = {"name": "Lunch", "member_ids": ["ub"], "msg_id": "m1"}
    first = await ok(http, "ua", "POST", "/groups", body)
    again = await ok(http, "ua", "POST", "/groups", body)
    assert again == {**first, "duplicate": True}


async def test_joining_an_open_group(http: httpx.AsyncClient) -> None:
    """An open group takes whoever knows its id; a closed one does not say that it exists."""
    opened = await new_group(http, join_policy="open")
    closed = await new_group(http)
    await ok(http, "ux", "POST", "/groups/join", {"group_id": opened})
    assert (await ok(http, "ux", "GET", f"/groups/{opened}"))["group"]["role"] == "member"
    answer = await call(http, "ux", "POST", "/groups/join", {"group_id": closed})
    assert answer[:2] == (404, ErrorCode.GROUP_NOT_FOUND)


async def test_groups_and_members_come_in_pages(http: httpx.AsyncClient, world: World) -> None:
    """Each once, also when somebody leaves during the walk."""
    groups = []
    for _ in range(5):
        groups.append(await new_group(http, "ub"))
        await world.clock.advance(10)
    first = await ok(http, "ub", "GET", "/groups", limit=3)
    await ok(http, "ub", "POST", "/groups/leave", {"group_id": first["items"][0]["group_id"]})
    rest = await ok(http, "ub", "GET", "/groups", limit=3, cursor=first["next_cursor"])
    assert [item["group_id"] for item in first["items"] + rest["items"]] == groups
    assert "next_cursor" not in rest

    large = await new_group(http, "ub", "uc", "ux")
    page = await ok(http, "ua", "GET", f"/groups/{large}/members", limit=2)
    last = page["items"][-1]["user_id"]
    if last != "ua":
        await ok(http, "ua", "DELETE", f"/groups/{large}/members/{last}")
    rest = await ok(http, "ua", "GET", f"/groups/{large}/members", limit=2, cursor=page["next_cursor"])
    assert {each["user_id"] for each in page["items"] + rest["items"]} == {"ua", "ub", "uc", "ux"}


# Presence.


async def test_presence_of_people_and_members(http: httpx.AsyncClient, world: World) -> None:
    """In the order of the question; unknown where nothing is shared."""
    group_id = await new_group(http, "ub")
    world.presence.connected("ub", "phone")

    asked = await ok(http, "ua", "POST", "/presence/query", {"user_ids": ["ux", "ub"]})
    members = await ok(http, "ua", "GET", f"/groups/{group_id}/members/status")

    assert [(each["user_id"], each["status"]) for each in asked["items"]] == [
        ("ux", "unknown"),
        ("ub", "online"),
    ]
    assert {each["user_id"]: each["status"] for each in members["items"]} == {"ua": "offline", "ub": "online"}
    assert (await call(http, "ux", "GET", f"/groups/{group_id}/members/status"))[:2] == (404, 40002)


# What is refused.


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x", "extra": 1}),
        ("POST", "/messages", {"to_user_id": "ub", "content": "x"}),
        ("POST", "/messages", {"msg_id": "m1", "content": "x"}),
        ("POST", "/messages", {"msg_id": "m1", "content": "x", "to_user_id": "ub", "group_id": "ga"}),
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": ""}),
        ("POST", "/messages", {"msg_id": "no spaces", "to_user_id": "ub", "content": "x"}),
        ("POST", "/messages", {"msg_id": "m1\n", "to_user_id": "ub", "content": "x"}),
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x", "reply_to": "1"}),
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x", "reply_to": 2**53}),
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x", "content_type": "A"}),
        ("POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x", "mentions": ["u"] * 51}),
        ("POST", "/messages/ack", {"conversation_id": "ga", "seq": 0, "ack_type": "read"}),
        ("POST", "/messages/ack", {"conversation_id": "ga", "seq": True, "ack_type": "read"}),
        ("POST", "/messages/ack", {"conversation_id": "ga", "seq": 1, "ack_type": "seen"}),
        ("POST", "/messages/react", {"msg_id": "m1", "conversation_id": "ga", "seq": 1, "emoji": ""}),
        ("GET", "/messages/history?conversation_id=ga&limit=0", None),
        ("GET", "/messages/history?conversation_id=ga&limit=201", None),
        ("GET", "/messages/history?conversation_id=ga&before_seq=0", None),
        ("GET", "/messages/history?conversation_id=ga&before_seq=5&after_seq=5", None),
        ("GET", "/messages/history?conversation_id=..%2F", None),
        ("GET", "/messages/history", None),
        ("GET", "/messages/offline?limit=201", None),
        ("GET", "/messages/offline?since=!", None),
        ("GET", "/messages/offline?cursor=!", None),
        ("GET", "/conversations?cursor=!", None),
        ("GET", "/conversations?limit=0", None),
        ("GET", "/conversations/ga/receipts", None),
        ("GET", "/groups?cursor=!", None),
        ("GET", "/groups?limit=201", None),
        ("POST", "/groups", {"name": ""}),
        ("POST", "/groups", {"name": "x" * 101}),
        ("POST", "/groups", {"name": "x", "history_policy": "some"}),
        ("POST", "/groups", {"name": "x", "member_ids": ["u"] * 1_001}),
        ("POST", "/groups/join", {}),
        ("POST", "/groups/ga/members", {"user_ids": []}),
        ("PATCH", "/groups/ga/members/ub", {"role": "king"}),
        ("DELETE", "/groups/ga?msg_id=a%20b", None),
        ("POST", "/presence/query", {"user_ids": ["u"] * 501}),
    ],
)
async def test_bad_input_is_refused(http: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    """Everything malformed answers 422 with 10002, and nothing is stored."""
    assert (await call(http, "ua", method, path, body))[:2] == (422, ErrorCode.INVALID_PARAMETERS)
    assert (await ok(http, "ua", "GET", "/conversations"))["items"] == []


async def test_a_message_above_the_bound_is_too_large_however_long(world: World) -> None:
    """40006 and no validation error, also where `limits.body_bytes` lets more than 64 KiB through."""
    app = create_app(world.services, clock=FakeClock(), body_limit_bytes=1 << 20)

    async def identity() -> Identity:
        return Identity("ua", "phone", "family", "name", NEVER_TS)

    app.dependency_overrides[require_identity] = identity
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for content in ("x" * 8_193, "x" * 100_000):
            body = {"msg_id": "m1", "to_user_id": "ub", "content": content}
            answer = await client.post(f"{API}/messages", json=body)

            assert (answer.status_code, answer.json()["code"]) == (413, ErrorCode.MESSAGE_TOO_LARGE)


async def test_lone_surrogates_are_refused(http: httpx.AsyncClient) -> None:
    """Text that is no Unicode does not reach the store."""
    answer = await http.post(
        f"{API}/messages",
        content=b'{"msg_id":"m1","to_user_id":"ub","content":"\\ud800"}',
        headers={"Authorization": "Bearer ua", "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, ErrorCode.INVALID_PARAMETERS)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/messages", {"msg_id": "m1", "group_id": "{id}", "content": "x"}),
        ("POST", "/messages/edit", {"msg_id": "m1", "conversation_id": "{id}", "seq": 1, "content": "x"}),
        ("POST", "/messages/recall", {"msg_id": "m1", "conversation_id": "{id}", "seq": 1}),
        ("POST", "/messages/react", {"msg_id": "m1", "conversation_id": "{id}", "seq": 1, "emoji": "x"}),
        ("POST", "/messages/ack", {"conversation_id": "{id}", "seq": 1, "ack_type": "read"}),
        ("GET", "/messages/history?conversation_id={id}", None),
        ("GET", "/conversations/{id}", None),
        ("PATCH", "/conversations/{id}/settings", {"muted": True}),
        ("GET", "/conversations/{id}/receipts?seq=1", None),
        ("GET", "/groups/{id}", None),
        ("PATCH", "/groups/{id}", {"name": "x"}),
        ("DELETE", "/groups/{id}", None),
        ("POST", "/groups/join", {"group_id": "{id}"}),
        ("POST", "/groups/leave", {"group_id": "{id}"}),
        ("GET", "/groups/{id}/members", None),
        ("POST", "/groups/{id}/members", {"user_ids": ["ux"]}),
        ("DELETE", "/groups/{id}/members/ub", None),
        ("PATCH", "/groups/{id}/members/ub", {"role": "admin"}),
        ("GET", "/groups/{id}/members/status", None),
    ],
)
async def test_what_is_foreign_answers_like_what_is_missing(
    http: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    """A stranger cannot tell a group that exists from one that does not."""
    foreign_id = await new_group(http, "ub")
    seen = []
    for group_id in (foreign_id, "g" + "0" * 26):
        text = msgspec.json.encode(body).decode().replace("{id}", group_id)
        answer = await http.request(
            method,
            API + path.replace("{id}", group_id),
            json=msgspec.json.decode(text),
            headers={"Authorization": "Bearer ux", "X-Request-ID": "same"},
        )
        seen.append((answer.status_code, answer.content))
    assert seen[0] == seen[1]
    assert seen[0][0] == 404


async def test_a_former_member_is_told_so(http: httpx.AsyncClient) -> None:
    """Writing and reading members answers 40003; what was before the removal stays readable."""
    group_id = await new_group(http, "ub")
    await ok(http, "ua", "DELETE", f"/groups/{group_id}/members/ub")
    await ok(http, "ua", "POST", "/messages", {"msg_id": "m1", "group_id": group_id, "content": "later"})

    body = {"msg_id": "m2", "group_id": group_id, "content": "x"}
    assert (await call(http, "ub", "POST", "/messages", body))[:2] == (403, ErrorCode.NOT_A_MEMBER)
    assert (await call(http, "ub", "GET", f"/groups/{group_id}/members"))[:2] == (403, ErrorCode.NOT_A_MEMBER)
    page = await ok(http, "ub", "GET", "/messages/history", conversation_id=group_id)
    assert [event["kind"] for event in page["events"]] == ["group_created", "member_removed"]
    item = await ok(http, "ub", "GET", f"/conversations/{group_id}")
    assert (item["conversation"]["former"], item["last_message"]) == (True, None)


async def test_an_unknown_outcome_is_no_refusal(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """504 with 10009 and outcome unknown: send the same msg_id again."""

    def unknown(_: Command, waiter: Waiter) -> None:
        waiter.settle(RefusedOutcome(ErrorCode.OUTCOME_UNKNOWN, "no answer within 10 s"))

    monkeypatch.setattr(world.messages, "submit", unknown)

    status, code, data = await call(
        http, "ua", "POST", "/messages", {"msg_id": "m1", "to_user_id": "ub", "content": "x"}
    )

    assert (status, code, data["outcome"]) == (504, ErrorCode.OUTCOME_UNKNOWN, "unknown")


async def test_an_outage_says_when_to_come_back(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After for every read."""

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(world.store, "changed", away)
    answer = await http.get(f"{API}/conversations", headers={"Authorization": "Bearer ua"})
    assert (answer.status_code, answer.json()["code"]) == (503, ErrorCode.DATABASE_ERROR)
    assert answer.headers["Retry-After"] == "1"


ROUTES = [
    (method, route.path)  # type: ignore[attr-defined]
    for router in ROUTERS
    if router.tags not in (["auth"], ["users"])
    for route in router.routes
    for method in route.methods  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_asks_for_a_token(app: FastAPI, method: str, path: str) -> None:
    """Without one the answer is 401, whatever else is wrong with the request."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.request(method, API + path.replace("{", "").replace("}", ""))
    assert (answer.status_code, answer.json()["code"]) == (401, ErrorCode.UNAUTHORIZED)
