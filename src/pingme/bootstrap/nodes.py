"""What a node among several has besides the embedded one: Redis, and the checks that repair what it loses."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pingme.config import Settings
from pingme.edge.hub_nodes import NodesHub
from pingme.ports.accounts import AccountStore
from pingme.ports.clock import Clock
from pingme.ports.store import Store
from pingme.services.head_check import Brought, HeadCheck
from pingme.services.metrics import HotCounters
from pingme.services.pending import Pending
from pingme.services.session_check import SessionCheck
from pingme.services.sessions import Sessions

if TYPE_CHECKING:  # redis is imported by whoever chooses it
    from pingme.adapters.presence_redis import RedisPresence
    from pingme.adapters.push_redis import RedisPush
    from pingme.adapters.redis_link import RedisLink

Task = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True, kw_only=True)
class Nodes:
    """The Redis side of a node, opened."""

    link: RedisLink
    push: RedisPush
    presence: RedisPresence
    heads: HeadCheck
    hub: NodesHub | None = None

    @property
    def fault(self) -> str:
        """Why other nodes are not heard, for people; "" while they are."""
        return "" if self.link.up else f"Redis at {self.link.address} is away: {self.link.fault}"

    def make_hub(
        self,
        pending: Pending,
        hot: HotCounters,
        *,
        outbox_bytes: int,
        store: Store,
        clock: Clock,
        sessions: Sessions,
    ) -> NodesHub:
        """Return the hub of this node, which from now on hears the others."""
        self.hub = self.push.nodes = NodesHub(
            pending,
            hot,
            outbox_bytes=outbox_bytes,
            store=store,
            clock=clock,
            claim=self.push.claim,
            forget_sessions=sessions.forget,
        )
        return self.hub

    def tasks(self, accounts: AccountStore, sessions: Sessions, clock: Clock) -> Mapping[str, Task]:
        """Return what runs as long as the node does, by name."""
        check = SessionCheck(accounts, clock, lambda: self.hub, sessions.forget)
        return {
            "redis": self.link.run,
            "push": self.push.run,
            "presence_redis": self.presence.run,
            "head_check": self.heads.run,
            "session_check": check.run,
        }

    async def close(self) -> None:
        """Leave: take the presence entries away and end the connections."""
        await self.presence.close()
        await self.link.close()


async def open_nodes(settings: Settings, clock: Clock, store: Store, node_id: str) -> Nodes:
    """Connect to the Redis of the settings; one that is away is no reason not to start.

    Raises:
        PingMeError: it is there and cannot be used; the text says how to help.
    """
    from pingme.adapters.presence_redis import RedisPresence  # noqa: PLC0415  # 60 ms that embedded nodes save
    from pingme.adapters.push_redis import RedisPush  # noqa: PLC0415
    from pingme.adapters.redis_link import RedisAddress, RedisLink  # noqa: PLC0415

    redis = settings.redis
    address = RedisAddress(
        host=redis.host or "",
        port=redis.port,
        password=redis.password.get_secret_value() if redis.password is not None else None,
        db=redis.db,
    )
    link = RedisLink(address, epoch=store.epoch, node_id=node_id, clock=clock)
    brought = Brought()
    push = RedisPush(link, brought.note)
    presence = RedisPresence(link, clock)
    since = await store.change_numbers()
    heads = HeadCheck(store, push, clock, brought, lambda: push.nodes, since=since)
    try:
        await link.open()
    except BaseException:
        await link.close()
        raise
    return Nodes(link=link, push=push, presence=presence, heads=heads)
