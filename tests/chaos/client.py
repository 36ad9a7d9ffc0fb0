"""One device over WebSocket: sends again what is unknown, fetches what is missing, moves to another node, writes all of it down.

It follows docs/protocol.md and shares no code with the server or the SDK, so that it can judge both.

Rules of this file:
- A line is written before a frame leaves, and after one came: times in the history never flatter the server.
- What has no answer leaves again on the next connection, with the same msg_id, in the old order, before anything new.
- A connection on which an answer is overdue, or not even a pong comes, is given up: the node may be stopped or cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.chaos.account import Login, Nodes
from tests.chaos.copies import Copies
from tests.chaos.pending import Figures, Pending, frame
from tests.chaos.recorder import Recorder
from tests.checker.chain import private_id

WINDOW = 32  # unanswered sends: half of the server's bound, so that it never stops reading because of them
PATIENCE_S = 15.0  # the server answers within 10 s, or calls the outcome unknown
PING_AFTER_S = 3.0  # without a frame
SILENT_S = 6.0  # without a frame, and without an answer to the ping: shorter than the SDK's, so that drills may be short
READ_WITHIN_S = (
    150.0  # all of it; far more than it takes, because a busy machine may stand still for a minute
)
HOLD_S = 0.2  # docs/protocol.md: how long an early event may wait for the one before it
PAGE = 200
BACKOFF_S = (0.05, 0.3)


class Device:
    """A device that stays connected until `stop`.

    Args:
        nodes: whose URLs it connects to, in turn.
        login: who it is.
        recorder: where it writes down everything.
        chance: where jitter comes from.
    """

    def __init__(self, nodes: Nodes, login: Login, recorder: Recorder, chance: random.Random) -> None:
        self.login = login
        self.recorder = recorder
        self.copies = Copies(recorder.write)
        self.figures = Figures()
        self.waiting: dict[str, Pending] = {}
        self.mine: deque[tuple[str, int]] = deque(maxlen=50)  # (conversation, seq) of own messages
        self._nodes = nodes
        self._chance = chance
        self._first_s: dict[str, float] = {}
        self._socket: ClientConnection | None = None
        self._number = 0
        self._numbers = 0
        self._since: str | None = None
        self._is_open = False
        self._heard_s = self._pinged_s = 0.0
        self._is_syncing = self._syncs_again = False
        self._heads_asked = self._heads_known = False
        self._stray: list[dict[str, Any]] = []  # events of conversations that the next sync will explain
        self._reads: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._fetching: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self._moved = asyncio.Event()

    # For those who use it.

    async def run(self) -> None:
        """Be connected, again and again, until `stop`."""
        while not self._is_stopped:
            url = self._nodes.next().replace("http", "ws", 1) + "/ws"
            with contextlib.suppress(
                OSError, EOFError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage
            ):
                async with connect(
                    url, proxy=None, compression=None, ping_interval=None, open_timeout=3, close_timeout=0.5
                ) as socket:
                    await self._live(socket, url)
            await asyncio.sleep(self._chance.uniform(*BACKOFF_S))

    def stop(self) -> None:
        """End `run` with the connection."""
        self._is_stopped = True

    @property
    def may_send(self) -> bool:
        return self._is_open and len(self.waiting) < WINDOW

    async def say(self, conversation_id: str, content: str, to_user_id: str | None = None) -> None:
        """Send a message to a group, or to a user."""
        body: dict[str, Any] = {"content": content, "content_type": "text"}
        if to_user_id is not None:
            body["to_user_id"] = to_user_id
            conversation_id = private_id(self.login.user_id, to_user_id)
            await self._operate("send", "message", conversation_id, body, {**body})
        else:
            await self._operate(
                "send", "message", conversation_id, body, {**body, "conversation_id": conversation_id}
            )

    async def change(self, kind: str, conversation_id: str, seq: int, **fields: Any) -> None:
        """Send an ``edit``, a ``recall`` or a ``reaction`` of the message at ``seq``."""
        payload = {"conversation_id": conversation_id, "seq": seq, **fields}
        frame_type = "react" if kind == "reaction" else kind
        await self._operate(frame_type, kind, conversation_id, {"target_seq": seq, **fields}, payload)

    async def settled(self) -> None:
        """Return when everything sent has a final answer."""
        while self.waiting:
            await self._moved_within(0.2)

    async def caught_up(self) -> None:
        """Return when a fresh list of all conversations names nothing that this device does not hold."""
        self._heads_known = False
        async with asyncio.timeout(READ_WITHIN_S):
            while not self._heads_known or self._has_holes():
                if not self._heads_known and self._is_open and not self._is_syncing:
                    with contextlib.suppress(ConnectionClosed):
                        await self._sync(limit=0)
                await self._moved_within(0.2)

    def _has_holes(self) -> bool:
        return any(copy.has_hole for copy in self.copies.by_id.values())

    async def read_everything(self) -> None:
        """Read every conversation from its first event to its last, and write down that the reading is complete."""
        for conversation_id, copy in sorted(self.copies.by_id.items()):
            pages = await self._read(conversation_id, copy.from_seq - 1)
            for page in pages:
                self.recorder.page("final", conversation_id, page)
        self.recorder.write("finished")

    async def _read(self, conversation_id: str, after_seq: int) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = []
        async with asyncio.timeout(READ_WITHIN_S):
            while not pages or pages[-1]["has_more"]:
                after = pages[-1]["events"][-1]["seq"] if pages else after_seq
                pages.append(await self._ask(conversation_id, after))
        return pages

    async def _ask(self, conversation_id: str, after_seq: int) -> dict[str, Any]:
        """Return one page, however often it has to be asked for."""
        while True:
            self._numbers += 1
            name = f"r{self._numbers}"
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._reads[name] = answer
            payload = {"conversation_id": conversation_id, "after_seq": after_seq, "limit": PAGE}
            try:
                if self._socket is not None and self._is_open:
                    await self._socket.send(frame("history", payload, name))
                    async with asyncio.timeout(5):
                        return await answer
            except (ConnectionClosed, TimeoutError, RuntimeError):
                pass
            finally:
                del self._reads[name]
            await asyncio.sleep(0.1)

    # Sending.

    async def _operate(
        self,
        frame_type: str,
        kind: str,
        conversation_id: str,
        body: Mapping[str, Any],
        payload: dict[str, Any],
    ) -> None:
        self._numbers += 1
        msg_id = f"m-{self.login.user_id}-{self.login.device_id}-{self._numbers}"
        text = frame(frame_type, {"msg_id": msg_id, **payload})
        pending = Pending(msg_id, conversation_id, kind, body, text)
        self.waiting[msg_id] = pending
        if self._socket is not None and self._is_open:
            with contextlib.suppress(ConnectionClosed):
                await self._send(self._socket, pending)

    async def _send(self, socket: ClientConnection, pending: Pending) -> None:
        where = (pending.msg_id, pending.conversation_id, pending.kind, pending.body)
        pending.sent_s = self.recorder.send(self._number, *where)
        pending.connection, pending.again_s = self._number, 0.0
        self._first_s.setdefault(pending.msg_id, pending.sent_s)
        await socket.send(pending.frame)

    async def _watch(self, socket: ClientConnection) -> None:
        """Send again what was refused for now, sync when it is due, and give a silent connection up."""
        while True:
            await asyncio.sleep(0.1)
            if self._syncs_again and not self._is_syncing:
                await self._sync()
            now_s = self.recorder.clock()
            await self._ping(socket, now_s)
            for pending in list(self.waiting.values()):
                if pending.again_s and pending.again_s <= now_s:
                    await self._send(socket, pending)
                elif not pending.again_s and pending.sent_s and now_s - pending.sent_s > PATIENCE_S:
                    socket.transport.abort()

    async def _ping(self, socket: ClientConnection, now_s: float) -> None:
        """Ask a connection that says nothing whether it lives, and give it up when it does not."""
        if self._pinged_s < self._heard_s and now_s - self._heard_s > PING_AFTER_S:
            self._pinged_s = now_s
            await socket.send(frame("ping", {}))
        elif self._pinged_s > self._heard_s and now_s - self._pinged_s > SILENT_S - PING_AFTER_S:
            socket.transport.abort()

    # Receiving.

    async def _live(self, socket: ClientConnection, url: str) -> None:
        async with asyncio.timeout(5):
            await socket.send(frame("auth", {"token": self.login.token, "protocol": 1}))
            answer = json.loads(await socket.recv())
        if answer["type"] != "auth_ok":
            raise OSError(f"auth was answered {answer}")
        self._number += 1
        self.recorder.write("connected", connection=self._number, node=url)
        self._socket, self._is_syncing, self._heads_asked = socket, False, False
        self._fetching.clear()
        self._stray.clear()
        self._heard_s, self._pinged_s = self.recorder.clock(), 0.0
        watch = asyncio.create_task(self._watch(socket))
        try:
            await self._sync()
            for pending in list(self.waiting.values()):
                await self._send(socket, pending)
            self._is_open = True
            await self._listen(socket)
        finally:
            self._is_open, self._socket = False, None
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            code = socket.close_code or 1006
            self.figures.closes[code] = self.figures.closes.get(code, 0) + 1
            self.recorder.write("closed", connection=self._number, code=code)
            self._moved.set()

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            self._heard_s = self.recorder.clock()
            await self._hear(json.loads(text))
            self._moved.set()
            if self._is_stopped:
                return

    async def _hear(self, got: dict[str, Any]) -> None:
        payload = got.get("payload", {})
        match got["type"]:
            case "message_ack":
                self._acked(payload)
            case "error":
                self._failed(got.get("id"), payload)
            case "message" | "event":
                await self._pushed(payload)
            case "sync_page":
                await self._sync_page(payload)
            case "sync_done":
                await self._sync_done(payload)
            case "history_page":
                await self._history_page(got.get("id"), payload)
            case "resync":
                self.recorder.write("resync", connection=self._number)
                await self._sync()

    def _acked(self, payload: dict[str, Any]) -> None:
        self.recorder.ack(self._number, payload)
        pending = self.waiting.pop(payload["msg_id"], None)
        if pending is None:
            return
        now_s = self.recorder.clock()
        self.figures.acks.append((now_s, now_s - self._first_s.pop(pending.msg_id, now_s)))
        self.figures.acked_in.append((now_s, pending.conversation_id))
        if pending.kind == "message":
            self.mine.append((payload["conversation_id"], payload["seq"]))
        event = {"kind": pending.kind, "sender_id": self.login.user_id, **pending.body}
        event |= {key: payload[key] for key in ("conversation_id", "msg_id", "seq", "server_ts")}
        if payload["conversation_id"] in self.copies.by_id:
            self.copies.take(event)
        else:
            self._stray.append(event)
            self._syncs_again = True

    def _failed(self, name: str | None, payload: dict[str, Any]) -> None:
        if "msg_id" in payload:
            self._not_done(payload)
            return
        if name in self._reads and not self._reads[name].done():
            self._reads[name].set_exception(RuntimeError(payload["message"]))
        self._is_syncing = False  # a sync, or the fetching of a hole, that cannot be served now
        self._fetching.clear()
        self._syncs_again = True

    def _not_done(self, payload: dict[str, Any]) -> None:
        """An operation was refused, or nobody can say; written down even when an ack came before."""
        self.recorder.error(self._number, payload["msg_id"], payload)
        pending = self.waiting.get(payload["msg_id"])
        if pending is None:
            return
        if payload["retryable"]:
            wait_s = max(payload.get("retry_after_ms") or 0, 200) / 1000
            pending.again_s = self.recorder.clock() + wait_s
        else:
            del self.waiting[pending.msg_id]

    async def _pushed(self, event: dict[str, Any]) -> None:
        self.recorder.write("push", connection=self._number, event=event)
        self.figures.deliveries.append(self.recorder.clock())
        joins = event.get("kind") == "member_joined" and self.login.user_id in event["user_ids"]
        if joins or event["conversation_id"] not in self.copies.by_id:
            self._stray.append(event)
            await self._sync()
            return
        self.copies.take(event)
        if self.copies.by_id[event["conversation_id"]].has_hole:
            asyncio.get_running_loop().call_later(HOLD_S, self._look_for_holes, event["conversation_id"])

    def _look_for_holes(self, conversation_id: str) -> None:
        if conversation_id not in self._fetching and self._is_open:
            self._soon(self._fetch(conversation_id))

    async def _fetch(self, conversation_id: str) -> None:
        """Ask for what is missing, if something is and nobody has asked."""
        copy = self.copies.by_id[conversation_id]
        if not copy.has_hole or conversation_id in self._fetching or self._socket is None:
            return
        self._fetching.add(conversation_id)
        payload = {"conversation_id": conversation_id, "after_seq": copy.known, "limit": PAGE}
        await self._socket.send(frame("history", payload))

    async def _history_page(self, name: str | None, page: dict[str, Any]) -> None:
        if name in self._reads:
            if not self._reads[name].done():
                self._reads[name].set_result(page)
            return
        conversation_id = page["conversation_id"]
        self.recorder.page("history", conversation_id, page)
        self._fetching.discard(conversation_id)
        if conversation_id in self.copies.by_id:
            self.copies.take_page(conversation_id, page)
            if page["events"]:
                await self._fetch(conversation_id)

    # Catching up.

    async def _sync(self, limit: int = 20) -> None:
        """Ask for what changed; with ``limit`` 0 for the heads of everything."""
        if self._is_syncing or self._socket is None:
            self._syncs_again = True
            return
        self._is_syncing, self._syncs_again = True, False
        since = {"since": self._since} if self._since and limit else {}
        self._heads_asked = not limit
        await self._socket.send(frame("sync", {"limit": limit, **since}))

    async def _sync_page(self, payload: dict[str, Any]) -> None:
        for entry in payload["conversations"]:
            conversation_id = entry["conversation"]["conversation_id"]
            self.recorder.page("sync", conversation_id, entry)
            self.copies.begin(conversation_id, entry["conversation"].get("from_seq", 1))
            self.copies.take_page(conversation_id, entry)
            await self._fetch(conversation_id)

    async def _sync_done(self, payload: dict[str, Any]) -> None:
        self._since, self._is_syncing = payload["since"], False
        self._heads_known = self._heads_known or self._heads_asked
        self.recorder.write("live", connection=self._number, epoch=payload["epoch"])
        stray, self._stray = self._stray, []
        for event in stray:
            if event["conversation_id"] in self.copies.by_id:
                self.copies.take(event)
                await self._fetch(event["conversation_id"])
            else:
                self._stray.append(event)
                self._syncs_again = True

    def _soon(self, work: Any) -> None:
        async def quiet() -> None:
            with contextlib.suppress(ConnectionClosed):
                await work

        task = asyncio.get_running_loop().create_task(quiet())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _moved_within(self, timeout_s: float) -> None:
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._moved.wait()
