"""Presence of all nodes in Redis: one hash per node, user -> status, which expires unless its node refreshes it.

Rules of this file:
- The hash is the lease: when a node dies its entries go with its key, all at once; nothing is refreshed per user.
- A user's entry is the best state of the user's devices on that node. A question asks the hash of each node once,
  whatever the number of users: no command touches two keys, so this works on Redis Cluster as it is.
- What this node's devices do is kept here and written in batches; after a FLUSHALL or an outage all of it is written anew.
- Each write tells the other nodes which users it is about; they tell those who watch.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import structlog

from pingme.adapters.redis_link import NO_REDIS, REFRESH_MS, RedisLink, check_cancelled
from pingme.ports.clock import Clock
from pingme.ports.presence import OnChanged, PresenceEntry, Status

log = structlog.get_logger(__name__)

WRITE_MS = 100  # between writes: a fifth of the debounce that watchers wait anyway
CHUNK = 1_000  # users per command
MARK = b""  # a field that no user has: the hash exists while its node lives, also without users
NODES_MS = 1_000  # for how long the list of nodes is good
DEAD_MS = 60_000  # after which a node without a hash is taken off the list
LETTERS: dict[str, bytes] = {"online": b"o", "away": b"a"}

DeviceStatus = Literal["online", "away"]


class _Changed(msgspec.Struct, array_like=True, frozen=True):
    node_id: str
    user_ids: list[str] | None  # None: all


class RedisPresence:
    """`Presence` for a node among others.

    Args:
        link: the connection.
        clock: when to write and refresh.
    """

    def __init__(self, link: RedisLink, clock: Clock) -> None:
        self.on_changed: OnChanged | None = None
        self._link = link
        self._clock = clock
        self._devices: dict[str, dict[str, DeviceStatus]] = {}
        self._unwritten: dict[str, None] = {}
        self._writing = asyncio.Lock()
        self._key = link.key(f"presence:{link.node_id}")
        self._nodes_key = link.key("presence-nodes")
        self._channel = link.key("presence")
        self._nodes: list[str] = []
        self._nodes_at_ms: int | None = None
        self._alive: set[str] = set()
        self._written_anew = False
        link.hear("presence", self._heard)
        link.watch(on_up=self._up, on_down=self._everybody)

    # Presence.

    async def put(self, user_id: str, device_id: str, status: DeviceStatus) -> None:
        """See `Presence.put`; written with the next batch, or before the next question."""
        self._devices.setdefault(user_id, {})[device_id] = status
        self._unwritten[user_id] = None

    async def drop(self, user_id: str, device_id: str) -> None:
        """See `Presence.drop`; as `put`."""
        devices = self._devices.get(user_id)
        if devices is None or devices.pop(device_id, None) is None:
            return
        if not devices:
            del self._devices[user_id]
        self._unwritten[user_id] = None

    async def query(self, user_ids: Sequence[str]) -> Sequence[PresenceEntry]:
        """See `Presence.query`; while Redis is away only what is known of this node's own devices."""
        if not user_ids:
            return []
        asked = list(dict.fromkeys(user_ids))
        states: dict[str, Status] = {}
        if self._link.up:
            try:
                await self.write()
                states = await self._read(asked)
            except NO_REDIS as exc:
                log.debug("presence_not_read", error=str(exc))
            check_cancelled()
        if not states:
            states = {user_id: self._local(user_id) or "unknown" for user_id in asked}
        return [PresenceEntry(user_id, states[user_id]) for user_id in user_ids]

    def _local(self, user_id: str) -> DeviceStatus | None:
        devices = self._devices.get(user_id)
        if not devices:
            return None
        return "online" if "online" in devices.values() else "away"

    async def _read(self, asked: list[str]) -> dict[str, Status]:
        """Ask every node's hash for the users; a node without a hash is dead, or has said nothing yet."""
        nodes = await self._known_nodes()
        pipeline = self._link.pipeline()
        for node_id in nodes:
            pipeline.hmget(self._link.key(f"presence:{node_id}"), [MARK, *asked])
        best: dict[str, bytes] = {}
        for mark, *letters in await pipeline.execute():
            if mark is None:
                continue
            for user_id, letter in zip(asked, letters, strict=True):
                if letter is not None and best.get(user_id) != LETTERS["online"]:
                    best[user_id] = letter
        words: dict[bytes | None, Status] = {b"o": "online", b"a": "away", None: "offline"}
        return {user_id: words.get(best.get(user_id), "unknown") for user_id in asked}

    async def _known_nodes(self) -> list[str]:
        now_ms = self._clock.monotonic_ms()
        if self._nodes_at_ms is None or now_ms - self._nodes_at_ms >= NODES_MS:
            found = await self._link.client.zrange(self._nodes_key, 0, -1)
            self._nodes = sorted({self._link.node_id, *(node_id.decode() for node_id in found)})
            self._nodes_at_ms = now_ms
        return self._nodes

    # Writing.

    async def run(self) -> None:
        """Write what changed ten times a second, refresh the lease every 5 s, for ever."""
        refreshed_ms = -REFRESH_MS
        while True:
            await self._clock.sleep_ms(WRITE_MS)
            if not self._link.up:
                continue
            now_ms = self._clock.monotonic_ms()
            try:
                await self.write()
                if now_ms - refreshed_ms >= REFRESH_MS:
                    await self.refresh()
                    refreshed_ms = now_ms
            except NO_REDIS as exc:
                log.debug("presence_not_written", error=str(exc))
            check_cancelled()

    async def write(self) -> None:
        """Write what is not written yet: all devices of the node, if its hash is gone.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away; nothing is forgotten.
        """
        if not self._unwritten and self._written_anew:
            return
        async with self._writing:
            anew = not self._written_anew
            if anew:
                await self._write_all()
            while self._unwritten:
                users = list(self._unwritten)[:CHUNK]
                for user_id in users:
                    del self._unwritten[user_id]
                try:
                    await self._write(users)
                except BaseException:
                    self._unwritten.update(dict.fromkeys(users))
                    self._written_anew = False  # nobody knows how much of it arrived
                    raise
            if anew:
                await self._tell_all()

    async def _tell_all(self) -> None:
        """Let the other nodes look at all users: of who left while nothing could be written, nobody was told."""
        try:
            about = _Changed(self._link.node_id, None)
            await self._link.client.publish(self._channel, msgspec.msgpack.encode(about))
        except BaseException:
            self._written_anew = False
            raise

    async def _write_all(self) -> None:
        self._unwritten.clear()
        self._unwritten.update(dict.fromkeys(self._devices))
        pipeline = self._link.pipeline(transaction=True)
        pipeline.delete(self._key)
        pipeline.hset(self._key, mapping={MARK: b"1"})
        pipeline.expire(self._key, self._link.lease_s)
        await pipeline.execute()
        await self._link.client.zadd(self._nodes_key, {self._link.node_id: self._clock.now_ms()})
        self._nodes_at_ms = None
        self._written_anew = True

    async def _write(self, users: Iterable[str]) -> None:
        there: dict[str | bytes, bytes] = {}
        gone: list[str] = []
        for user_id in users:
            status = self._local(user_id)
            if status is None:
                gone.append(user_id)
            else:
                there[user_id] = LETTERS[status]
        pipeline = self._link.pipeline()
        if there:
            pipeline.hset(self._key, mapping=there)
        if gone:
            pipeline.hdel(self._key, *gone)
        about = _Changed(self._link.node_id, [*map(str, there), *gone])
        pipeline.publish(self._channel, msgspec.msgpack.encode(about))
        await pipeline.execute()

    async def refresh(self) -> None:
        """Refresh the lease, write everything if it was gone, and look which nodes are alive.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away.
        """
        client, now_ms = self._link.client, self._clock.now_ms()
        if not await client.expire(self._key, self._link.lease_s):
            self._written_anew = False
            await self.write()
        await client.zadd(self._nodes_key, {self._link.node_id: now_ms})
        self._nodes_at_ms = None
        nodes = await self._known_nodes()
        pipeline = self._link.pipeline()
        for node_id in nodes:
            pipeline.hexists(self._link.key(f"presence:{node_id}"), MARK)
        found = dict(zip(nodes, await pipeline.execute(), strict=True))
        alive = {node_id for node_id, there in found.items() if there}
        if self._alive - alive:
            self._everybody()
        self._alive = alive
        dead = [node_id for node_id in nodes if node_id not in alive]
        if dead:
            scores = [(node_id, await client.zscore(self._nodes_key, node_id)) for node_id in dead]
            old = [node_id for node_id, score in scores if score is not None and score < now_ms - DEAD_MS]
            if old:
                await client.zrem(self._nodes_key, *old)

    async def close(self) -> None:
        """Take this node's entries away: its users are elsewhere, or nowhere. The last node gives Redis up."""
        self._devices.clear()
        if not self._link.up:
            return
        pipeline = self._link.pipeline()
        pipeline.delete(self._key)
        pipeline.zrem(self._nodes_key, self._link.node_id)
        pipeline.publish(self._channel, msgspec.msgpack.encode(_Changed(self._link.node_id, None)))
        pipeline.zcard(self._nodes_key)
        with contextlib.suppress(*NO_REDIS):
            if (await pipeline.execute())[-1] == 0:
                await self._link.give_up()

    # From the other nodes.

    def _heard(self, data: bytes) -> None:
        changed = msgspec.msgpack.decode(data, type=_Changed)
        if changed.node_id == self._link.node_id:
            return
        if changed.node_id not in self._nodes:
            self._nodes_at_ms = None  # a node that is new: ask for the list again
        if self.on_changed is not None:
            self.on_changed(changed.user_ids)

    def _up(self) -> None:
        self._written_anew = False
        self._nodes_at_ms = None
        self._everybody()

    def _everybody(self) -> None:
        if self.on_changed is not None:
            self.on_changed(None)
