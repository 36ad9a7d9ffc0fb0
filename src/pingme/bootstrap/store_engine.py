"""What one database serves, whichever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pingme.config import Settings
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import AccountStore
from pingme.ports.admin import AdminHandler
from pingme.ports.dead_letters import DeadLetters
from pingme.ports.store import Store


@dataclass(slots=True, kw_only=True)
class StoreEngine:
    """What one database serves.

    Attributes:
        gauges: figures of the store for `pingme top`, by name; asked at each call, without waiting.
        handlers: what `pingme db` may ask of it.
        secret: the signing secret that is kept in it for all nodes, where none is configured; None: it is kept elsewhere.
        session_ttl_ms: how long a session that was read is believed, where other nodes end sessions too; None: until it
            ends here.
        writers: how many batches it saves at the same time; a log of partitions is shared among as many workers.
        notice: what `/health` says of it while all is well; "" for nothing.
    """

    store: Store
    accounts: AccountStore
    dead_letters: DeadLetters
    close: Callable[[], Awaitable[None]]
    gauges: Callable[[], Mapping[str, int]] = dict
    handlers: Mapping[str, AdminHandler] = field(default_factory=dict)
    secret: str | None = None
    session_ttl_ms: int | None = None
    writers: int = 1
    notice: str = ""


def rule_limits(settings: Settings) -> RuleLimits:
    """Return the bounds that the rules check, as configured."""
    limits = settings.limits
    return RuleLimits(
        limits.group_members,
        limits.groups_per_user,
        limits.edit_window_s,
        limits.recall_window_s,
        limits.reaction_kinds,
    )
