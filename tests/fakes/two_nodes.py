"""Two nodes in one process on one store and one Redis: what MySQL is between machines, one open file is here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.presence_redis import RedisPresence
from pingme.adapters.push_redis import RedisPush
from pingme.adapters.redis_link import RedisAddress, RedisLink
from pingme.bootstrap.nodes import Nodes
from pingme.domain.errors import ErrorCode, Refused
from pingme.edge.hub import Hub
from pingme.ports.accounts import Device
from pingme.services.head_check import Brought, HeadCheck
from pingme.services.sessions import Identity
from tests.fakes.chat_world import ChatWorld
from tests.fakes.node_world import FakeClient, NodeWorld
from tests.services.redis import Redis

WITHIN_S = 15.0


class _NoSessions:
    """Stands for `Sessions`: here every token is checked anew."""

    def __init__(self) -> None:
        self.forgotten: list[str | None] = []

    def forget(self, user_id: str | None = None) -> None:
        self.forgotten.append(user_id)


class RedisNode(NodeWorld):
    """A node of `TwoNodes`."""

    def __init__(self, world: TwoNodes, nodes: Nodes, node_id: str) -> None:
        self.clock, self.database = world.clock, world.database
        self.accounts, self.store = world.accounts, world.store
        self._ids = world._ids
        self.nodes = nodes
        self.sessions: Any = _NoSessions()
        self._assemble(nodes.push, nodes.presence, node_id)
        tasks = {
            **nodes.tasks(self.accounts, self.sessions, self.clock),
            "receipts": self.receipts.run,
            "presence": self.presence.run,
        }
        self.tasks = {name: asyncio.create_task(task(), name=name) for name, task in tasks.items()}

    def make_hub(self, outbox_bytes: int) -> Hub:
        return self.nodes.make_hub(
            self.pending,
            self.hot,
            outbox_bytes=outbox_bytes,
            store=self.store,
            clock=self.clock,
            sessions=self.sessions,
        )

    async def verify(self, token: str) -> Identity:
        identity = await super().verify(token)
        if await self.accounts.session(identity.family_id) is None:
            raise Refused(ErrorCode.INVALID_TOKEN)
        return identity

    async def online(self, user_id: str, device_id: str = "d1") -> FakeClient:
        """Log the device in, unless it is, and return an open connection."""
        family_id = f"f-{user_id}-{device_id}"
        if await self.accounts.session(family_id) is None:
            now_ms = self.clock.now_ms()
            device = Device(
                device_id=device_id, name="", family_id=family_id, generation=1,
                rotated_ts=now_ms, created_ts=now_ms, expires_ts=now_ms + 3_600_000,
            )  # fmt: skip
            await self.accounts.open_device(user_id, device, password_hash="hash", now_ms=now_ms, limit=20)
        return await super().online(user_id, device_id)

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not check():  # noqa: ASYNC110  # what comes through Redis can only be looked for
                await asyncio.sleep(0.005)

    async def connected(self, *, up: bool = True) -> None:
        """Wait until the node has (or has lost) its Redis."""
        await self.until(lambda: self.nodes.link.up is up)

    async def close_node(self) -> None:
        ended = [name for name, task in self.tasks.items() if task.done()]
        for task in self.tasks.values():
            task.cancel()
        results = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await super().close_node()
        await self.hub.finish()
        await self.nodes.close()
        assert ended == [], results


class TwoNodes(ChatWorld):
    """Nodes ``one`` and ``two``; users ``ua``, ``ub``, ``uc`` and ``ud``."""

    one: RedisNode
    two: RedisNode

    def __init__(self, folder: Path, redis: Redis, *, lease_s: int = 15) -> None:
        super().__init__(folder, SystemClock())
        self.redis = redis
        self._lease_s = lease_s
        self._started: list[RedisNode] = []

    async def node(self, node_id: str) -> RedisNode:
        """Start a node."""
        link = RedisLink(
            RedisAddress(host="127.0.0.1", port=self.redis.port),
            epoch=self.store.epoch,
            node_id=node_id,
            clock=self.clock,
            lease_s=self._lease_s,
        )
        brought = Brought()
        push = RedisPush(link, brought.note)
        presence = RedisPresence(link, self.clock)
        since = await self.store.change_numbers()
        heads = HeadCheck(self.store, push, self.clock, brought, lambda: push.nodes, since=since)
        try:
            await link.open()
        except BaseException:
            await link.close()
            raise
        nodes = Nodes(link=link, push=push, presence=presence, heads=heads)
        node = RedisNode(self, nodes, node_id)
        self._started.append(node)
        return node

    async def stop(self, node: RedisNode) -> None:
        self._started.remove(node)
        await node.close_node()

    async def close(self) -> None:
        for node in list(self._started):
            await self.stop(node)
        await super().close()


@contextlib.asynccontextmanager
async def two_nodes(folder: Path, redis: Redis) -> AsyncIterator[TwoNodes]:
    """Give two running nodes, and stop them."""
    world = TwoNodes(folder, redis)
    await world.add_users("ua", "ub", "uc", "ud")
    try:
        world.one = await world.node("one")
        world.two = await world.node("two")
        yield world
    finally:
        await world.close()
