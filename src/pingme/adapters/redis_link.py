"""One node's connections to Redis: commands, the channels it hears, and whether both work.

Rules of this file:
- Redis is never waited for by those who publish: while it is away they are told so (`up`), and it comes back by itself.
- Whether it is there is tried end to end: every second the node sends itself a beat through its own channel, and a beat
  that does not come back ends the connection, also where a network swallows packets.
- What is wrong for good (password, version, another store's Redis) is `RedisUnfit` at the start.
- Keys and channels carry the store's epoch; one key without it tells whose Redis this is, and lives while its nodes do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.ports.clock import Clock

log = structlog.get_logger(__name__)

MIN_VERSION = 7
COMMAND_S = 2.0  # one command; the beats notice sooner that Redis is away
BEAT_MS = 1_000
DOUBTFUL_MS = 1_500  # a beat that is half a second late: better ask the store
SILENT_MS = 3_000  # three beats that did not come back
LEASE_S = 15  # three missed refreshes of 5 s: of a node's entries, and of the key that says whose Redis it is
REFRESH_MS = 5_000
BACKOFF_MS = (100, 200, 400, 800, 1_600, 3_000)  # with jitter; back within 10 s (docs/guarantees.md)
OWNER_KEY = "pingme:store"
NO_REDIS: tuple[type[BaseException], ...] = (RedisError, OSError, TimeoutError, RuntimeError)
"""What redis-py raises while Redis is away; RuntimeError is uvloop's for a write to a connection that was just reset."""


def check_cancelled() -> None:
    """Raise CancelledError if this task was told to end.

    redis-py closes the connection of a command that is cancelled, and when that fails at the same moment the
    cancellation is lost on the way: whoever sends commands in a loop that runs for ever calls this after them.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class RedisUnfit(PingMeError):
    """This Redis cannot be used, and waiting does not help; the text says what to do."""

    code = ErrorCode.CACHE_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Where Redis is; names as in the settings."""

    host: str
    port: int = 6379
    password: str | None = None
    db: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.db}"


class RedisLink:
    """A node's way to Redis.

    Args:
        address: where it is.
        epoch: of the store; nodes of another store are not met here.
        node_id: this node's name.
        clock: time.
        lease_s: how long this node counts as alive after its last refresh.
    """

    def __init__(
        self, address: RedisAddress, *, epoch: str, node_id: str, clock: Clock, lease_s: int = LEASE_S
    ) -> None:
        self.address = address
        self.node_id = node_id
        self.lease_s = lease_s
        self._epoch = epoch
        self._clock = clock
        # Untyped: redis-py types answers for every setting at once, and a pipeline's commands as if they were awaited.
        self.client: Any = self._client(COMMAND_S)
        self._subscriber = self._client(None)
        self._handlers: dict[bytes, Callable[[bytes], None]] = {}
        self._on_up: list[Callable[[], None]] = []
        self._on_down: list[Callable[[], None]] = []
        self._heard_ms = 0
        self._pubsub: PubSub | None = None
        self._first = True
        self.up = False
        self.fault = "not connected yet"
        """Why it is not up, for people."""

    def _client(self, socket_timeout: float | None) -> Redis:
        where = self.address
        return Redis(
            host=where.host,
            port=where.port,
            password=where.password,
            db=where.db,
            socket_timeout=socket_timeout,
            socket_connect_timeout=COMMAND_S,
            retry=Retry(NoBackoff(), 0),  # who asks knows better whether to ask again
            client_name=f"pingme-{self.node_id}",
            protocol=2,
        )

    @property
    def sure(self) -> bool:
        """True while it is up and the last beat came back in time."""
        return self.up and self._clock.monotonic_ms() - self._heard_ms < DOUBTFUL_MS

    def key(self, name: str) -> str:
        """Return a key or channel of this store."""
        return f"pingme:{self._epoch}:{name}"

    def pipeline(self, *, transaction: bool = False) -> Any:
        """Return a pipeline; its commands are queued, not awaited."""
        return self.client.pipeline(transaction=transaction)

    def hear(self, name: str, handler: Callable[[bytes], None]) -> None:
        """Hand over what is published on a channel; call it before `open`."""
        self._handlers[self.key(name).encode()] = handler

    def watch(self, *, on_up: Callable[[], None], on_down: Callable[[], None]) -> None:
        """Tell of each connection that was made and each that was lost."""
        self._on_up.append(on_up)
        self._on_down.append(on_down)

    # Connecting.

    async def open(self) -> None:
        """Connect once, so that a node that starts hears the others; a Redis that is away is no reason not to start.

        Raises:
            RedisUnfit: it is there, and cannot be used.
        """
        self.hear(f"node:{self.node_id}:beat", self._beat_heard)
        try:
            await self._connect(wait_ms=(self.lease_s + 1) * 1000)
        except NO_REDIS as exc:
            self._down(exc)
            log.warning("redis_away_at_start", address=str(self.address), error=self.fault)

    async def run(self) -> None:
        """Keep the connection, for ever."""
        attempt = 0
        while True:
            try:
                if self._pubsub is None:
                    await self._connect(wait_ms=0)
                check_cancelled()
                attempt = 0
                await self._serve()
            except RedisUnfit as exc:
                self._down(exc)
            except NO_REDIS as exc:
                self._down(exc)
            check_cancelled()
            delay_ms = BACKOFF_MS[min(attempt, len(BACKOFF_MS) - 1)]
            await self._clock.sleep_ms(int(delay_ms * (0.5 + self._clock.jitter() / 2)))
            attempt += 1

    async def _connect(self, *, wait_ms: int) -> None:
        """Check what is there, subscribe, and say that it is up.

        Raises:
            RedisUnfit: it cannot be used.
        """
        try:
            info: dict[str, Any] = await self.client.info("server")
        except (AuthenticationError, AuthorizationError, NoPermissionError) as exc:
            raise RedisUnfit(f"Redis at {self.address} refuses: {exc}; set redis.password") from exc
        except ResponseError as exc:
            if "NOAUTH" in str(exc) or "WRONGPASS" in str(exc):
                raise RedisUnfit(f"Redis at {self.address} refuses: {exc}; set redis.password") from exc
            raise
        version = str(info.get("redis_version", "0"))
        if int(version.partition(".")[0]) < MIN_VERSION:
            raise RedisUnfit(f"Redis at {self.address} is {version}; PingMe needs {MIN_VERSION} or newer")
        await self._check_owner(wait_ms)
        self._pubsub = pubsub = self._subscriber.pubsub()
        await pubsub.subscribe(*self._handlers)
        waiting = len(self._handlers)
        async with asyncio.timeout(COMMAND_S):
            while waiting:
                message = await pubsub.get_message(timeout=COMMAND_S)
                waiting -= message is not None and message["type"] == "subscribe"
        self._heard_ms = self._clock.monotonic_ms()
        self.up, self.fault = True, ""
        if self._first:
            log.info("redis_connected", address=str(self.address), version=version)
        else:
            log.warning("redis_back", address=str(self.address))
        self._first = False
        for told in self._on_up:
            told()

    async def _check_owner(self, wait_ms: int) -> None:
        """Claim this Redis for the store, or raise when nodes of another one use it.

        The key lives as long as its nodes: after a restore (another epoch) it takes the lease until it is gone.
        """
        until_ms = self._clock.monotonic_ms() + wait_ms
        while True:
            owner = await self.client.set(OWNER_KEY, self._epoch, nx=True, get=True, ex=self.lease_s)
            if owner is None or owner.decode() == self._epoch:
                await self.client.expire(OWNER_KEY, self.lease_s)
                return
            if self._clock.monotonic_ms() >= until_ms:
                raise RedisUnfit(
                    f"Redis at {self.address} serves nodes of another store (epoch {owner.decode()}, this store has "
                    f"{self._epoch}): give this one its own redis.db, or let all nodes use the same database"
                )
            await self._clock.sleep_ms(200)

    async def give_up(self) -> None:
        """Let nodes of any store use this Redis: the last of ours is leaving.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away; the lease ends it.
        """
        await self.client.delete(OWNER_KEY)

    # Being connected.

    async def _serve(self) -> None:
        """Read and beat until one of them fails; no TaskGroup, which on Python 3.11 hides a cancellation behind it."""
        tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._beat())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        pubsub = self._pubsub
        assert pubsub is not None
        handlers = self._handlers
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=BEAT_MS / 1000)
            if message is None:
                check_cancelled()
                continue
            try:
                handlers[message["channel"]](message["data"])
            except Exception:
                log.exception("push_not_taken")

    async def _beat(self) -> None:
        channel = self.key(f"node:{self.node_id}:beat")
        refreshed_ms = self._clock.monotonic_ms()
        while True:
            await self._clock.sleep_ms(BEAT_MS)
            now_ms = self._clock.monotonic_ms()
            if now_ms - self._heard_ms > SILENT_MS:
                raise TimeoutError(f"no answer for {SILENT_MS} ms")
            await self.client.publish(channel, b"")
            check_cancelled()
            if now_ms - refreshed_ms >= REFRESH_MS:
                refreshed_ms = now_ms
                await self._check_owner(0)

    def _beat_heard(self, _data: bytes) -> None:
        self._heard_ms = self._clock.monotonic_ms()

    def _down(self, exc: BaseException) -> None:
        """Say that it is away; drop the subscription."""
        pubsub, self._pubsub = self._pubsub, None
        was_up, self.up = self.up, False
        self.fault = exc.message if isinstance(exc, PingMeError) else f"{type(exc).__name__}: {exc}"
        if was_up:
            log.warning("redis_away", address=str(self.address), error=self.fault)
            for told in self._on_down:
                told()
        if pubsub is not None:
            task = asyncio.ensure_future(_quietly(pubsub.aclose()))  # type: ignore[no-untyped-call]
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def close(self) -> None:
        """End both connections."""
        self.up = False
        if self._pubsub is not None:
            await _quietly(self._pubsub.aclose())  # type: ignore[no-untyped-call]
            self._pubsub = None
        await _quietly(self._subscriber.aclose())
        await _quietly(self.client.aclose())


async def _quietly(closing: Awaitable[None]) -> None:
    with contextlib.suppress(*NO_REDIS):
        await closing
