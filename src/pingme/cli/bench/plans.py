"""What each scenario needs: users, conversations, who runs where. Data only; `run` makes it real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pingme.cli.bench.filler import Filling, Pair, spread
from pingme.cli.bench.frames import MAX_SENDERS, USER_ID_LENGTH, USER_PREFIX, pair_id_of, user_id_of
from pingme.cli.bench.job import RoomPlan, Settings
from pingme.cli.bench.mix import GUESTS_PER_UNIT, MIX, SIZES, USERS_PER_UNIT
from pingme.domain.errors import PingMeError

MAX_USERS = min(MAX_SENDERS, 10 ** (USER_ID_LENGTH - len(USER_PREFIX)))


@dataclass(frozen=True, slots=True)
class Plan:
    """One run.

    Attributes:
        scenario: a key of `scenarios.SCENARIOS`.
        label: which runs `compare` puts side by side, and what people read.
        users: how many; they have the numbers from 0 on.
        groups: members of each group, by number, the owner first.
        rooms: the conversations of the load; those of ``groups`` come by `group_room`.
        owners: by user's number, which process connects it; -1 = nobody.
        filling: what is written into the store beforehand.
        counted: the sentence that says what the first figure counts.
        unit, unit_count: the first figure's unit, and the count that it is made of.
    """

    scenario: str
    label: str
    settings: Settings
    users: int
    owners: tuple[int, ...]
    counted: str
    unit: str
    unit_count: str
    groups: tuple[tuple[int, ...], ...] = ()
    senders_per_group: int = 1
    rooms: tuple[RoomPlan, ...] = ()
    filling: Filling | None = None
    facts: dict[str, object] = field(default_factory=dict)


def check_users(count: int) -> None:
    """Raise `PingMeError` when there are more users than the bench has numbers for."""
    if count > MAX_USERS:
        raise PingMeError(f"expected at most {MAX_USERS} users, got {count}")


def pairs_plan(settings: Settings, *, pairs: int, both: bool, processes: int) -> Plan:
    """Private chats of users 0 and 1, 2 and 3, …; both sides of a chat are in one process."""
    check_users(2 * pairs)
    rooms = tuple(
        RoomPlan(
            pair_id_of(user_id_of(first), user_id_of(first + 1)),
            "to_user_id",
            (first, first + 1),
            (first, first + 1) if both else (first,),
        )
        for first in range(0, 2 * pairs, 2)
    )
    ways = "both ways" if both else "one way"
    return Plan(
        scenario="pairs",
        label=f"{pairs} pairs, {ways}, {_loop(settings)}",
        settings=settings,
        users=2 * pairs,
        owners=tuple(number // 2 % processes for number in range(2 * pairs)),
        rooms=rooms,
        counted="a message counts when its sender has the ack and its recipient has the message",
        unit="messages/s",
        unit_count="completed",
        facts={"pairs": pairs, "both_ways": both},
    )


def start_plan(settings: Settings, *, starts: int, pairs: int, processes: int) -> Plan:
    """Starts of the server, each followed by a load of private chats, a kill, and another start."""
    plan = pairs_plan(settings, pairs=pairs, both=True, processes=processes)
    return replace(
        plan,
        scenario="start",
        label=f"{starts} starts, each again after a load and kill -9",
        settings=replace(settings, extra={"starts": starts}),
        counted="median from the process's start after kill -9 to the first 200 of /health/ready",
        unit="ms",
        facts={"starts": starts, "pairs": pairs},
    )


def groups_plan(settings: Settings, *, groups: int, members: int, senders: int, processes: int) -> Plan:
    """Groups that share no members; ``in_flight`` is of a whole group and is spread over its senders."""
    check_users(groups * members)
    if senders > members:
        raise PingMeError(f"expected at most as many senders as members ({members}), got {senders}")
    if groups >= processes:  # a whole group in one process, or a group spread over all
        owners = tuple(number // members % processes for number in range(groups * members))
    else:
        owners = tuple(number % processes for number in range(groups * members))
    return Plan(
        scenario="groups",
        label=f"{groups} group{'s' * (groups > 1)} of {members}, {_loop(settings)}",
        settings=settings,
        users=groups * members,
        owners=owners,
        groups=tuple(tuple(range(at, at + members)) for at in range(0, groups * members, members)),
        senders_per_group=senders,
        counted="a delivery is one message pushed to one member; the sender gets the ack instead",
        unit="deliveries/s",
        unit_count="deliveries",
        facts={"groups": groups, "members": members, "senders_per_group": senders},
    )


def group_room(group_id: str, members: Sequence[int], senders: int) -> RoomPlan:
    """Return the load's view of a group that was made."""
    return RoomPlan(group_id, "group_id", tuple(members), tuple(members[:senders]))


def connect_plan(settings: Settings, *, connections: int, processes: int) -> Plan:
    """Everybody connects; with ``extra["sync"]`` each also catches up."""
    check_users(connections)
    synced = ", with sync" if settings.extra.get("sync") else ""
    return Plan(
        scenario="connect",
        label=f"{connections} connects{synced}, {_loop(settings, 'at once')}",
        settings=settings,
        users=connections,
        owners=tuple(number % processes for number in range(connections)),
        counted="a connect counts when auth_ok has come"
        + (", and sync_done after it" if settings.extra.get("sync") else ""),
        unit="connects/s",
        unit_count="connects",
        facts={"connections": connections, "sync": bool(settings.extra.get("sync"))},
    )


def idle_plan(settings: Settings, *, connections: int, processes: int) -> Plan:
    """Everybody connects and is quiet."""
    check_users(connections)
    return Plan(
        scenario="idle",
        label=f"{connections} idle connections",
        settings=settings,
        users=connections,
        owners=tuple(number % processes for number in range(connections)),
        counted="bytes per connection: growth of the server's resident memory, when it is quiet, by connections",
        unit="bytes/connection",
        unit_count="connects",
        facts={"connections": connections},
    )


def mixed_plan(settings: Settings, *, units: int, processes: int) -> Plan:
    """Units of 200 users who share groups and private chats, and guests who come and go."""
    residents = units * USERS_PER_UNIT
    users = residents + units * GUESTS_PER_UNIT
    check_users(users)
    groups = tuple(tuple(range(at, at + size)) for size in SIZES for at in range(0, residents, size))
    rooms = pairs_plan(settings, pairs=residents // 2, both=True, processes=processes).rooms
    return Plan(
        scenario="mixed",
        label=f"mixed, {residents} users, {settings.rate:g}/s",
        settings=replace(settings, extra={"first_guest": residents}),
        users=users,
        owners=tuple(number % processes for number in range(users)),
        groups=groups,
        senders_per_group=max(SIZES),
        rooms=rooms,
        counted="deliveries of messages; the rate is of everything asked: " + _mix(),
        unit="deliveries/s",
        unit_count="deliveries",
        facts={"users": residents, "mix": MIX},
    )


def _mix() -> str:
    return ", ".join(f"{share:.0%} {kind}" for kind, share in MIX.items())


def sync_plan(settings: Settings, *, users: int, conversations: int, messages_each: int) -> Plan:
    """Users 0 … with a private chat with each of the same peers; the last user only pings."""
    prober = users + conversations
    check_users(prober + 1)
    pairs = [(user, users + peer) for user in range(users) for peer in range(conversations)]
    return Plan(
        scenario="sync",
        label=f"{users} users sync {conversations} conversations each",
        settings=replace(settings, extra={"prober": prober}),
        users=prober + 1,
        owners=tuple(0 if number < users else 1 if number == prober else -1 for number in range(prober + 1)),
        rooms=tuple(_read_only(pair) for pair in pairs),
        filling=Filling(
            len(pairs) * messages_each, pairs, prober + 1, settings.payload_bytes, settings.ordered_ids
        ),
        counted="a sync counts when sync_done has come; all users at once, after each did it alone",
        unit="syncs/s",
        unit_count="syncs",
        facts={"users": users, "conversations": conversations, "messages_each": messages_each},
    )


def history_plan(settings: Settings, *, conversations: int, depth: int, processes: int) -> Plan:
    """Private chats spread over some users, who read in all of theirs."""
    filling = spread(
        conversations * depth,
        conversations,
        payload_bytes=settings.payload_bytes,
        ordered_ids=settings.ordered_ids,
    )
    check_users(filling.users)
    return Plan(
        scenario="history",
        label=f"history, {conversations} chats of {depth}, {_loop(settings)}",
        settings=settings,
        users=filling.users,
        owners=tuple(number % processes for number in range(filling.users)),
        rooms=tuple(_read_only(pair) for pair in filling.pairs),
        filling=filling,
        counted="a page is 50 messages before a seq anywhere in one of the reader's chats",
        unit="pages/s",
        unit_count="history_answers",
        facts={"conversations": conversations, "depth": depth},
    )


def _read_only(pair: Pair) -> RoomPlan:
    one, other = pair
    return RoomPlan(pair_id_of(user_id_of(one), user_id_of(other)), "to_user_id", pair, ())


def _loop(settings: Settings, noun: str = "in flight") -> str:
    return f"{settings.rate:g}/s" if settings.rate else f"{settings.in_flight} {noun}"
