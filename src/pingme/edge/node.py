"""What every connection of this node shares: rules, services, the hub, and the tasks that serve them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from pingme.edge.answers import answer
from pingme.edge.hub import Hub
from pingme.edge.resumes import Resumes
from pingme.edge.wheel import Wheel
from pingme.ports.clock import Clock
from pingme.ports.store import Store
from pingme.services.history import History
from pingme.services.messages import Messages
from pingme.services.metrics import HotCounters
from pingme.services.presence import PresenceService
from pingme.services.rates import UserRates
from pingme.services.receipts import Receipts
from pingme.services.sessions import Identity
from pingme.services.sync import Sync
from pingme.services.turns import Turns
from pingme.services.typing import Typing
from pingme.wire import frames
from pingme.wire.server_frames import Reconnect, encode_server_frame
from pingme.wire.websocket import CloseCode, text_frame

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SocketRules:
    """The configured bounds of sockets; names and units as in docs/configuration.md."""

    ping_interval_s: int = 30
    pong_timeout_s: int = 60
    auth_deadline_s: int = 5
    max_message_bytes: int = 8192
    sends_per_s: int = 20
    sends_burst: int = 60
    unanswered_sends: int = 64
    control_frames_per_s: int = 50
    connects_per_s: int = 10
    connections: int = 100_000
    outbox_pace_bytes: int = 262_144

    @property
    def frame_bytes(self) -> int:
        """The largest text message: four times the largest content, for JSON's escapes and the other fields."""
        return self.max_message_bytes * 4

    @property
    def unlimited(self) -> bool:
        """True when neither rate nor unanswered sends are bounded (0): benchmarks set that and print it."""
        return not self.sends_per_s


@dataclass(slots=True, kw_only=True)
class NodeServices:
    """The services that frames reach."""

    messages: Messages
    sync: Sync
    history: History
    receipts: Receipts
    typing: Typing
    presence: PresenceService


class Node:
    """One process' share of the system, as its connections see it.

    Args:
        services: what frames reach.
        store: for subscriptions and the epoch.
        hub: who hears what.
        wheel: deadlines.
        clock: time.
        hot: counters.
        rules: bounds.
        verify: returns who a token stands for, or raises.
        turns: when a connection's next question may be asked.
    """

    def __init__(
        self,
        services: NodeServices,
        store: Store,
        hub: Hub,
        wheel: Wheel,
        clock: Clock,
        hot: HotCounters,
        rules: SocketRules,
        verify: Callable[[str], Awaitable[Identity]],
        turns: Turns,
    ) -> None:
        self.services = services
        self.messages = services.messages
        self.store = store
        self.hub = hub
        self.wheel = wheel
        self.clock = clock
        self.hot = hot
        self.rules = rules
        self.frame_bytes = rules.frame_bytes
        self.unlimited = rules.unlimited
        self.verify = verify
        self.draining = False
        self.sockets: set[Connection] = set()
        self.all_gone = asyncio.Event()  # set while no socket is open
        self.all_gone.set()
        self.turns = turns
        self.resumes = Resumes(clock)
        self.connects = UserRates(clock, rules.connects_per_s)
        self._tasks: set[asyncio.Task[None]] = set()

    # Connections.

    def opened(self, connection: Connection) -> None:
        """A socket was opened; it has to authenticate in time."""
        self.sockets.add(connection)
        self.all_gone.clear()
        self.wheel.add(connection, self.rules.auth_deadline_s)

    def ready(self, connection: Connection) -> None:
        """A connection is open and hears what it should."""
        self.services.presence.connected(connection.user_id, connection.device_id)
        self.wheel.add(connection, min(self.rules.ping_interval_s, connection.expires_s - self.wheel.now_s))

    def gone(self, connection: Connection) -> None:
        """A socket is gone."""
        self.sockets.discard(connection)
        self.wheel.drop(connection)
        if not self.sockets:
            self.all_gone.set()
        self.hub.detach(connection)
        if not connection.user_id:
            return
        if connection.watching:
            self.services.presence.unwatch(connection)
        if not any(
            other.device_id == connection.device_id for other in self.hub.connections_of(connection.user_id)
        ):
            self.services.presence.disconnected(connection.user_id, connection.device_id)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a connection's work; its faults are handled by the connection."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Frames that are answered from the store.

    async def answer(self, connection: Connection, got: frames.AnyClientFrame) -> None:
        """Answer a frame that is not an operation, when it is its turn and the connection is still open."""
        await self.turns.take()
        if not connection.closing:
            await answer(self, connection, got)

    # Leaving.

    def announce_leaving(self, spread_ms: int) -> None:
        """Tell every client to come back elsewhere, spread over ``spread_ms`` so that they do not come at once."""
        self.draining = True
        for connection in list(self.hub.connections):
            after_ms = int(self.clock.jitter() * spread_ms)
            payload = Reconnect(after_ms=after_ms, reason="the node is leaving")
            connection.push(text_frame(encode_server_frame("reconnect", payload)))

    async def operations_answered(self, deadline_ms: int) -> None:
        """Wait until every operation that was received is answered, those that ask the store first too."""
        end = self.clock.monotonic_ms() + deadline_ms
        while self.clock.monotonic_ms() < end:
            if not any(
                connection.operations_waiting for connection in self.sockets if not connection.closing
            ):
                return
            await self.clock.sleep_ms(10)

    def close_all(self) -> None:
        """Close every socket with 1001."""
        for connection in list(self.sockets):
            connection.close(CloseCode.GOING_AWAY, "the node is leaving")

    def abort_all(self) -> None:
        """Cut what is still open."""
        for connection in list(self.sockets):
            connection.pipe.abort()

    async def finish(self) -> None:
        """Wait for the connections' work, at most a second, then cancel it."""
        self.resumes.close()
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=1)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
