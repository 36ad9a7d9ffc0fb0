"""One node over the real services and the real embedded store, with pipes and a clock that tests hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pingme.adapters.log_memory import MemoryLog
from pingme.adapters.presence_memory import MemoryPresence
from pingme.adapters.push_memory import MemoryPush
from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import RefusedOutcome, Stored
from pingme.domain.retry import RetryPolicy
from pingme.edge.connection import Connection
from pingme.edge.hub import Hub
from pingme.edge.node import Node, NodeServices, SocketRules
from pingme.edge.wheel import Wheel
from pingme.pipeline.worker import Worker
from pingme.ports.presence import Presence
from pingme.ports.push import LocalPush
from pingme.services.groups import Groups
from pingme.services.history import History
from pingme.services.messages import Messages
from pingme.services.metrics import HotCounters
from pingme.services.pending import Pending
from pingme.services.presence import PresenceService
from pingme.services.receipts import Receipts
from pingme.services.sessions import Identity
from pingme.services.sync import Sync
from pingme.services.turns import Turns
from pingme.services.typing import Typing
from pingme.wire.websocket import CLOSE, TEXT
from tests.fakes.chat_world import ChatWorld
from tests.fakes.dead_letters import MemoryDeadLetters

WITHIN_S = 10.0
TOKEN_S = 3_600


class FakePipe:
    """`Pipe` that keeps what is written; `stuck` is what a client that does not read has left in the buffer."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.writes = 0
        self.stuck = 0
        self.reading = True
        self.pauses = 0
        self.closed = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data
        self.writes += 1

    def buffered(self) -> int:
        return self.stuck

    def pause_reading(self) -> None:
        self.reading = False
        self.pauses += 1

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def frames(self) -> list[tuple[int, bytes]]:
        """Return (opcode, payload) of everything written."""
        return split_frames(bytes(self.written))


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return (opcode, payload) of unmasked frames (RFC 6455 §5.2)."""
    frames, at = [], 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        frames.append((data[at] & 0x0F, data[start : start + size]))
        at = start + size
    return frames


class FakeClient:
    """The other end of a connection."""

    def __init__(self, world: NodeWorld) -> None:
        self.world = world
        self.pipe = FakePipe()
        self.connection = Connection(world.node, self.pipe, "192.0.2.1")

    def send(self, kind: str, *, id: str | None = None, **payload: Any) -> None:  # noqa: A002  # its name on the wire
        frame: dict[str, Any] = {"type": kind, "payload": payload}
        if id is not None:
            frame["id"] = id
        self.text(json.dumps(frame))

    def text(self, text: str) -> None:
        self.connection.receive_data(TEXT, text.encode(), fin=True)

    def say(self, msg_id: str, *, content: str = "hello", **where: str) -> None:
        self.send("send", msg_id=msg_id, content=content, **where)

    def heard(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the frames of these types, or all."""
        texts = [json.loads(payload) for opcode, payload in self.pipe.frames() if opcode == TEXT]
        return [frame for frame in texts if not kinds or frame["type"] in kinds]

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        return [frame["payload"] for frame in self.heard(kind)]

    @property
    def close_code(self) -> int | None:
        """The code of the close frame that was written last."""
        codes = [int.from_bytes(data[:2], "big") for opcode, data in self.pipe.frames() if opcode == CLOSE]
        return codes[-1] if codes else None

    async def hears(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many frames of a type and return their payloads."""
        await self.world.until(lambda: len(self.heard(kind)) >= count)
        return self.payloads(kind)

    async def closed_with(self) -> int:
        """Wait for a close frame and return its code."""
        await self.world.until(lambda: self.close_code is not None)
        return self.close_code or 0


class NodeWorld(ChatWorld):
    """A node with a running pipeline. A token is ``user/device`` or ``user/device/seconds``.

    Attributes:
        keeps: the log is one that keeps records, and gives some of them again.
    """

    keeps = False

    def __init__(
        self, folder: Path, rules: SocketRules | None = None, *, outbox_bytes: int = 1 << 20
    ) -> None:
        super().__init__(folder)
        self._assemble(MemoryPush(), MemoryPresence(), "local", rules, outbox_bytes=outbox_bytes)

    def make_hub(self, outbox_bytes: int) -> Hub:
        return Hub(self.pending, self.hot, outbox_bytes=outbox_bytes)

    def _assemble(
        self,
        push: LocalPush,
        presence: Presence,
        node_id: str,
        rules: SocketRules | None = None,
        *,
        outbox_bytes: int = 1 << 20,
    ) -> None:
        self.hot = HotCounters()
        self.log = MemoryLog(10_000)
        self.push = push
        self.letters = MemoryDeadLetters()
        self.pending = Pending(node_id, self.clock, 10_000)
        self.messages = Messages(self.log, self.pending, self.store, self.user_exists, self.clock)
        self.groups = Groups(self.messages, self.store, self.clock)
        self.receipts = Receipts(self.store, self.push, self.clock)
        self.presence = PresenceService(
            self.store, presence, self.clock, self._last_seen, read_last_seen=self._no_last_seen
        )
        self.hub = self.make_hub(outbox_bytes)
        self.push.receiver = self.hub
        self.wheel = Wheel(self.clock)
        self.node = Node(
            NodeServices(
                messages=self.messages,
                sync=Sync(self.store, flush=self.receipts.flush),
                history=History(self.store),
                receipts=self.receipts,
                typing=Typing(self.store, self.push, self.clock),
                presence=self.presence,
            ),
            self.store,
            self.hub,
            self.wheel,
            self.clock,
            self.hot,
            rules or SocketRules(),
            self.verify,
            Turns(),
        )
        self.worker = Worker(
            self.log, self.store, self.letters, self.push, self.clock, policy=RetryPolicy(), keeps=self.keeps
        )
        self._worker_task = asyncio.create_task(self.worker.run())

    async def user_exists(self, user_id: str) -> bool:
        return await self.accounts.user(user_id) is not None

    async def _last_seen(self, user_id: str, seen_ms: int) -> None:
        await self.accounts.set_last_seen({user_id: seen_ms})

    async def _no_last_seen(self, _user_id: str) -> int | None:
        return None

    async def verify(self, token: str) -> Identity:
        parts = token.split("/")
        if len(parts) < 2:
            raise Refused(ErrorCode.INVALID_TOKEN)
        seconds = int(parts[2]) if len(parts) > 2 else TOKEN_S
        expires = self.clock.now_ms() + seconds * 1000
        return Identity(parts[0], parts[1], f"f-{parts[0]}-{parts[1]}", parts[0], expires)

    def client(self) -> FakeClient:
        """Return a socket that has said nothing."""
        return FakeClient(self)

    async def online(self, user_id: str, device_id: str = "d1") -> FakeClient:
        """Return an open connection."""
        client = self.client()
        client.send("auth", token=f"{user_id}/{device_id}", protocol=1)
        await client.hears("auth_ok")
        return client

    async def until(self, check: Callable[[], bool]) -> None:
        """Let the loop run until something is so; the store's thread is real."""
        async with asyncio.timeout(WITHIN_S):
            while not check():  # noqa: ASYNC110  # what another thread does can only be looked for
                await asyncio.sleep(0.001)

    async def seconds(self, count: int) -> None:
        """Let seconds pass on the clock and the wheel, one by one."""
        for _ in range(count):
            await self.clock.advance(1000)
            self.wheel.advance()
        await self.clock.settle()

    async def publish(self, command_kind: str, sender_id: str, conversation_id: str, body: Any) -> Stored:
        """Do something in the pipeline as HTTP would."""
        command = self.command(command_kind, sender_id, conversation_id, body)
        outcome = await self.messages.replay(command)
        assert not isinstance(outcome, RefusedOutcome), outcome
        return outcome

    async def close_node(self) -> None:
        self.worker.stop()
        await self._worker_task
        for connection in list(self.node.sockets):
            connection.lost()
        await self.node.finish()

    async def close(self) -> None:
        await self.close_node()
        await super().close()
