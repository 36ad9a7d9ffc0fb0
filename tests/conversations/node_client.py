"""The TypeScript SDK with the surface of `pingme.sdk.Client`, as far as the conversation scripts use it.

Each client is a Node process that runs sdk/ts/tests/driver.mjs: JSON lines in, JSON lines out. What is no coroutine in Python
(a look at the local copy) waits for its answer on the spot.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import msgspec

from pingme.domain.errors import ErrorCode, OutcomeUnknown, PingMeError, Refused
from pingme.domain.ids import uuid7
from pingme.ports.clock import Clock
from pingme.sdk import events as ev
from pingme.sdk.clock import SystemClock
from pingme.sdk.errors import ClientClosed, ServerUnreachable, SessionEnded
from pingme.sdk.models import Group, Member
from pingme.sdk.outbox import Sent
from pingme.sdk.state import Snapshot
from pingme.wire import server_frames as wire

ROOT = Path(__file__).resolve().parent.parent.parent
DRIVER = ROOT / "sdk" / "ts" / "tests" / "driver.mjs"
ANSWER_WITHIN_S = 60.0
EXIT_WITHIN_S = 30.0
STATES = {"connecting": "connecting", "syncing": "connecting", "online": "online", "offline": "waiting"}
ERRORS = {"unreachable": ServerUnreachable, "ended": SessionEnded, "closed": ClientClosed}


class NodeClient:
    """One client in a process of its own.

    Args:
        url: base URL of the server.
        data_dir: what survives a restart.
    """

    def __init__(self, url: str, *, data_dir: Path | None = None) -> None:
        self._command = ["node", str(DRIVER), url, *([str(data_dir)] if data_dir is not None else [])]
        self._clock: Clock = SystemClock()
        self._ids = itertools.count(1)
        self._answers: dict[int, Future[Any]] = {}
        self._events: asyncio.Queue[ev.Event | PingMeError | None] = asyncio.Queue()
        self.groups = NodeGroups(self)
        self.rest = NodeRest(self)
        self._user: dict[str, Any] = {}
        self._known: dict[str, str] = {}
        self._has_asked = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._process = subprocess.Popen(  # noqa: ASYNC220  # a fork of a small process, in a test
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            await asyncio.to_thread(self._process.wait, EXIT_WITHIN_S)
        finally:
            self._process.kill()
            await asyncio.to_thread(self._reader.join)
            self._process.stdout.close()

    # The session

    @property
    def user_id(self) -> str:
        user_id: str = self._user["user_id"]
        return user_id

    @property
    def username(self) -> str:
        username: str = self._user["username"]
        return username

    @property
    def device_id(self) -> str | None:
        device_id: str | None = self.now("me")["device_id"]
        return device_id

    async def register(self, username: str, password: str) -> None:
        self._user = await self.call("register", username=username, password=password)

    async def login(self, username: str, password: str) -> None:
        self._user = await self.call("login", username=username, password=password)

    async def resume(self) -> None:
        self._user = await self.call("resume")

    async def wait_connected(self) -> None:
        await self.call("online")

    async def flush(self, *, within_s: float = ANSWER_WITHIN_S) -> bool:
        async with asyncio.timeout(within_s):
            await self.call("flush")
            while await self.call("unsent"):  # noqa: ASYNC110  # another process's state can only be asked for
                await asyncio.sleep(0.02)
        return True

    # Writing

    def new_msg_id(self) -> str:
        return uuid7(self._clock.now_ms(), self._clock.entropy(10))

    async def send(
        self,
        content: str,
        *,
        to: str | None = None,
        group: str | None = None,
        conversation: str | None = None,
        msg_id: str | None = None,
        wait: bool = True,
    ) -> Sent | None:
        peer = await self._id_of(to) if to is not None else None
        where = {"to_user_id": peer, "group_id": group, "conversation_id": conversation, "msg_id": msg_id}
        sent = await self.call("send", content=content, wait=wait, **where)
        return msgspec.convert(sent, Sent | None)

    async def edit(self, conversation: str, seq: int, content: str) -> None:
        await self.call("edit", conversation_id=conversation, seq=seq, content=content)

    async def recall(self, conversation: str, seq: int) -> None:
        await self.call("recall", conversation_id=conversation, seq=seq)

    async def react(self, conversation: str, seq: int, emoji: str) -> None:
        await self.call("react", conversation_id=conversation, seq=seq, emoji=emoji)

    def mark_read(self, conversation: str, seq: int | None = None) -> None:
        self.now("mark_read", conversation_id=conversation, seq=seq)

    async def typing(self, conversation: str, *, active: bool = True) -> None:
        await self.call("typing", conversation_id=conversation, active=active)

    async def watch(self, user_ids: Iterable[str]) -> None:
        await self.call("watch", user_ids=list(user_ids))

    # Reading

    async def events(self) -> AsyncIterator[ev.Event]:
        while True:
            if not self._has_asked:
                self._has_asked = True
                await self.call("next")
            event = await self._events.get()
            if isinstance(event, ev.LogEvent):
                self._has_asked = False
            if isinstance(event, PingMeError):
                raise event
            if event is None:
                return
            yield event

    def conversations(self) -> list[Snapshot]:
        return [self._snapshot(one) for one in self.now("conversations")]

    def conversation(self, conversation_id: str) -> Snapshot | None:
        found = self.now("conversation", id=conversation_id)
        return self._snapshot(found) if found is not None else None

    async def conversation_with(self, who: str) -> str:
        found: str = await self.call("conversation_with", user_id=await self._id_of(who))
        return found

    async def history(
        self, conversation: str, *, after_seq: int | None = None, page: int = 200
    ) -> AsyncIterator[ev.LogEvent]:
        place = {"after_seq": after_seq}
        while True:
            answer = await self.call("history", conversation_id=conversation, limit=page, **place)
            found = [self._event(item) for item in answer["items"]]
            for event in found if after_seq is not None else reversed(found):
                yield event
            if not answer["has_more"] or not found:
                return
            place = {"before_seq": found[0].seq} if after_seq is None else {"after_seq": found[-1].seq}

    # Groups and settings

    async def create_group(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        history_policy: str | None = None,
        join_policy: str | None = None,
    ) -> Group:
        ids = [await self._id_of(who) for who in members]
        policies = {"history_policy": history_policy, "join_policy": join_policy}
        return msgspec.convert(await self.call("create_group", name=name, member_ids=ids, **policies), Group)

    async def change_settings(self, conversation: str, **values: object) -> None:
        await self.call("settings", conversation_id=conversation, **values)

    # What goes on inside

    async def call(self, do: str, /, **args: object) -> Any:
        """Have the driver do something, and return what it answers."""
        return await asyncio.wrap_future(self._ask(do, args))

    def now(self, do: str, /, **args: object) -> Any:
        """As `call`, for what is no coroutine."""
        return self._ask(do, args).result(ANSWER_WITHIN_S)

    def _ask(self, do: str, args: dict[str, object]) -> Future[Any]:
        number = next(self._ids)
        future = self._answers[number] = Future()
        present = {key: value for key, value in args.items() if value is not None}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, "args": present}) + "\n")
        self._process.stdin.flush()
        return future

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = json.loads(text)
            if "event" in line:
                event = self._happened(line["event"])
                with suppress(RuntimeError):  # the script has ended, and its loop with it
                    self._loop.call_soon_threadsafe(self._events.put_nowait, event)
                continue
            future = self._answers.pop(line["id"])
            with suppress(InvalidStateError):  # whoever asked was cancelled meanwhile
                if "error" in line:
                    future.set_exception(_error_of(line["error"]))
                else:
                    future.set_result(line["value"])
        for future in self._answers.values():
            with suppress(InvalidStateError):
                future.set_exception(ClientClosed("the client's process has ended"))

    def _happened(self, event: dict[str, Any]) -> ev.Event | PingMeError | None:
        match event["kind"]:
            case "log":
                return self._event(event["item"])
            case "receipt":
                return ev.Receipt(**event["receipt"])
            case "typing":
                return ev.Typing(**event["typing"])
            case "presence":
                return ev.Presence(**event["presence"])
            case "status":
                return ev.ConnectionChanged(STATES.get(event["status"]["state"], "stopped"))
            case _:
                revoked = event["reason"] == "revoked"
                return SessionEnded("this session was revoked: log in again") if revoked else None

    def _event(self, item: dict[str, Any]) -> ev.LogEvent:
        return ev.event_of(msgspec.convert(item, wire.Item), self._user.get("user_id", ""))

    def _snapshot(self, found: dict[str, Any]) -> Snapshot:
        messages = tuple(self._event(item) for item in found.pop("messages"))
        info = msgspec.convert(found.pop("info"), wire.Conversation)
        return Snapshot(info=info, messages=messages, **found)  # type: ignore[arg-type]  # messages are messages

    async def _id_of(self, who: str) -> str:
        if who.startswith("u") and len(who) == 27:  # `pingme.domain.ids.time_ordered_id`
            return who
        if who not in self._known:  # also while the server is away, as `pingme.sdk.people` has it
            found: str | None = await self.call("id_of", username=who)
            if found is None:
                raise Refused(ErrorCode.USER_NOT_FOUND, f"there is no user {who!r}")
            self._known[who] = found
        return self._known[who]


class NodeGroups:
    """`pingme.sdk.groups.Groups` of a `NodeClient`."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    async def update(self, group_id: str, **values: str) -> None:
        await self._client.call("update_group", id=group_id, **values)

    async def invite(self, group_id: str, user_ids: Iterable[str]) -> None:
        await self._client.call("invite", id=group_id, user_ids=list(user_ids))

    async def remove(self, group_id: str, user_id: str) -> None:
        await self._client.call("remove", id=group_id, user_id=user_id)

    async def set_role(self, group_id: str, user_id: str, role: str) -> None:
        await self._client.call("set_role", id=group_id, user_id=user_id, role=role)

    async def members(self, group_id: str) -> list[Member]:
        return msgspec.convert(await self._client.call("members", id=group_id), list[Member])

    async def join(self, group_id: str) -> None:
        await self._client.call("join", id=group_id)

    async def leave(self, group_id: str) -> None:
        await self._client.call("leave", id=group_id)

    async def dissolve(self, group_id: str) -> None:
        await self._client.call("dissolve", id=group_id)


class NodeRest:
    """What the scripts ask of `pingme.sdk.rest.Rest`, of a `NodeClient`."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    async def remove_device(self, device_id: str) -> None:
        await self._client.call("remove_device", id=device_id)

    async def presence(self, user_ids: Iterable[str]) -> list[SimpleNamespace]:
        found = await self._client.call("presence", user_ids=list(user_ids))
        return [SimpleNamespace(**{"last_seen_ts": None, **one}) for one in found]


def _error_of(error: dict[str, Any]) -> Exception:
    kind, message = error["kind"], error["message"]
    if kind == "bug":
        return AssertionError(message)
    if kind in ERRORS:
        return ERRORS[kind](message)
    code = ErrorCode(error["code"])
    return OutcomeUnknown(message, code=code) if kind == "unknown" else Refused(code, message)
