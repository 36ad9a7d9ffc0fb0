"""Whatever happens in whatever order, the file holds what a plain model says.

The model is the fake (`tests/fakes/store.py`), which keeps the whole history and folds it anew for every answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.adapters.sqlite_database import SqliteDatabase, connect
from pingme.domain.chain import first_hash, next_hash
from pingme.domain.errors import StoreOutcomeUnknown
from pingme.domain.events import Command, Event, Outcome, RefusedOutcome, Stored
from pingme.domain.model import RuleLimits
from pingme.ports.store import Access, Position
from pingme.wire.encode import EventView
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    USERS,
    create_group,
    dissolve,
    edit,
    join,
    leave,
    private,
    profile,
    react,
    recall,
    remove,
    set_role,
    set_up,
    to_group,
    to_user,
    update_group,
)
from tests.fakes.store_worlds import MemoryWorld, SqliteWorld, World

LIMITS = RuleLimits(group_members=3, groups_per_user=2, reaction_kinds=2)
GROUPS = ("g-1", "g-2", "g-3")
PAIRS = (private(ADA, BOB), private(ADA, ADA), private(BOB, CAI))
CONVERSATIONS = (*GROUPS, *PAIRS, *USERS)

users = st.sampled_from(USERS[:3])
groups = st.sampled_from(GROUPS)
conversations = st.sampled_from((*GROUPS[:2], *PAIRS[:2]))
seqs = st.integers(1, 8)
texts = st.sampled_from(("a", "b", "\x00", "é😀"))
# Few msg_ids, so that repeats and conflicts are common; None is a new one.
msg_ids = st.sampled_from((None, None, None, "m1", "m2", "0190163d-8694-739b-aea5-966c26f8ad91"))
roles = st.sampled_from(("owner", "admin", "member"))
maybe = st.none() | st.booleans()


def peers() -> st.SearchStrategy[tuple[str, str]]:
    return st.sampled_from(((ADA, BOB), (BOB, ADA), (ADA, ADA), (BOB, CAI), (CAI, "u-none"), ("u-none", ADA)))


commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda pair, text, m: to_user(*pair, text, msg_id=m), peers(), texts, msg_ids),
    st.builds(
        lambda u, g, t, m, r: to_group(u, t, group=g, msg_id=m, reply_to=r),
        users,
        groups,
        texts,
        msg_ids,
        st.none() | seqs,
    ),
    st.builds(lambda u, c, s, t, m: edit(u, c, s, t, msg_id=m), users, conversations, seqs, texts, msg_ids),
    st.builds(lambda u, c, s, m: recall(u, c, s, msg_id=m), users, conversations, seqs, msg_ids),
    st.builds(
        lambda u, c, s, t, r, m: react(u, c, s, t, remove=r, msg_id=m),
        users,
        conversations,
        seqs,
        texts,
        st.booleans(),
        msg_ids,
    ),
    st.builds(
        lambda u, others, g, h, j, m: create_group(
            u, *(other for other in others if other != u), group=g, history_policy=h, join_policy=j, msg_id=m
        ),
        users,
        st.lists(st.sampled_from(USERS), max_size=3, unique=True),
        groups,
        st.sampled_from(("full", "from_join")),
        st.sampled_from(("open", "invite")),
        msg_ids,
    ),
    st.builds(lambda u, other, g, m: join(u, other, group=g, msg_id=m), users, users, groups, msg_ids),
    st.builds(lambda u, g: leave(u, group=g), users, groups),
    st.builds(lambda u, other, g: remove(u, other, group=g), users, users, groups),
    st.builds(lambda u, other, r, g: set_role(u, other, r, group=g), users, users, roles, groups),
    st.builds(lambda u, g, t: update_group(u, group=g, name=t, join_policy="open"), users, groups, texts),
    st.builds(lambda u, g: dissolve(u, group=g), users, groups),
    st.builds(
        lambda u, c, m, p, d: set_up(u, c, muted=m, pinned=p, draft=d),
        users,
        st.sampled_from(CONVERSATIONS),
        maybe,
        maybe,
        st.none() | texts,
    ),
    st.builds(lambda u, t: profile(u, nickname=t), users, texts),
)
batches = st.lists(commands, min_size=1, max_size=8)
positions = st.lists(
    st.builds(
        lambda u, c, d, r: Position(c, u, d, r), users, conversations, st.integers(0, 9), st.integers(0, 9)
    ),
    max_size=4,
)
# What may happen between two saves; "before" and "after" break the next commit there.
disturbances = st.sampled_from(("nothing", "nothing", "reopen", "forget", "before", "after"))


class BrokenOnce:
    """A connection whose next commit ends with an I/O error."""

    def __init__(self, connection: sqlite3.Connection, when: str) -> None:
        self._connection = connection
        self._when = when

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        commits = sql == "COMMIT" or not self._connection.in_transaction
        if sql.lstrip().startswith(("BEGIN", "ROLLBACK", "SELECT", "WITH")) or not commits:
            return self._connection.execute(sql, *parameters)  # type: ignore[arg-type]
        if self._when == "after":
            self._connection.execute(sql, *parameters)  # type: ignore[arg-type]
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error


async def disturb(world: SqliteWorld, what: str) -> None:
    if what == "reopen":
        await world.reopen()
    elif what == "forget":
        await world.forget()
    elif what in {"before", "after"}:
        database: SqliteDatabase = world.database
        database._writer = BrokenOnce(database._writer or connect(world.path), what)  # type: ignore[assignment]


async def save(world: World, batch: Sequence[Command]) -> list[Outcome]:
    """Save as the pipeline does: again after an unknown outcome."""
    while True:
        try:
            return list(await world.store.save(batch))
        except StoreOutcomeUnknown:
            continue


async def move(world: World, moved: Sequence[Position]) -> None:
    while True:
        try:
            return await world.store.save_positions(moved)
        except StoreOutcomeUnknown:
            continue


def told(outcome: Outcome) -> object:
    """Return what the sender is told, less the word duplicate, which depends on faults."""
    if isinstance(outcome, RefusedOutcome):
        return outcome
    return outcome.conversation_id, outcome.seq, outcome.server_ts, outcome.hearers


async def snapshot(world: World) -> dict[str, object]:
    """Return everything that the reads of a store can tell."""
    store = world.store
    found: dict[str, object] = {}
    for user in USERS:
        accesses = sorted(await world.changed(user, None), key=lambda each: each.conversation.conversation_id)
        found[f"accesses {user}"] = accesses
        found[f"unread {user}"] = list(await store.unread(user, accesses))
        found[f"channels {user}"] = sorted(await store.channels(user))
        found[f"shared {user}"] = await store.share_conversation(user, USERS)
        for conversation_id in CONVERSATIONS:
            access = await store.access(user, conversation_id)
            found[f"access {user} {conversation_id}"] = access
            assert access is None or access in accesses
        for msg_id in ("m1", "m2", "0190163d-8694-739b-aea5-966c26f8ad91"):
            known = await store.find(user, msg_id)
            found[f"find {user} {msg_id}"] = known and (known.conversation_id, known.kind, known.refusal)
    for conversation_id in CONVERSATIONS:
        found[f"events {conversation_id}"] = list(await world.events(conversation_id))
        found[f"head {conversation_id}"] = await store.head(conversation_id)
        found[f"members {conversation_id}"] = list(await store.members(conversation_id))
    return found


def check_logs(found: dict[str, object]) -> None:
    """Insist on consecutive seqs, unbroken chains, and msg_ids that occur once per sender."""
    seen: set[tuple[str, str]] = set()
    for conversation_id in CONVERSATIONS:
        views = found[f"events {conversation_id}"]
        rolling = first_hash(conversation_id)
        for number, view in enumerate(views, start=1):  # type: ignore[arg-type, var-annotated]
            rolling = next_hash(rolling, view.digest)
            assert (view.seq, view.hash) == (number, rolling)
            assert (view.sender_id, view.msg_id) not in seen
            seen.add((view.sender_id, view.msg_id))
        assert found[f"head {conversation_id}"] == len(views)  # type: ignore[arg-type]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.tuples(disturbances, batches, positions), min_size=1, max_size=6))
def test_the_file_holds_what_the_model_says(steps: list[tuple[str, list[Command], list[Position]]]) -> None:
    """Over batches, positions, restarts, lost memory and broken commits; commands one at a time give the same."""

    async def run(folder: Path) -> None:
        model, file = MemoryWorld(LIMITS), SqliteWorld(LIMITS, folder)
        await file.open()
        for disturbance, batch, moved in steps:
            await disturb(file, disturbance)

            alone = [outcome for command in batch for outcome in await save(model, [command])]
            together = await save(file, batch)

            assert [told(outcome) for outcome in together] == [told(outcome) for outcome in alone]
            await move(model, moved)
            await move(file, moved)
        expected, found = await snapshot(model), await snapshot(file)
        assert found == expected
        check_logs(found)
        await file.reopen()
        assert await snapshot(file) == expected
        await file.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@settings(max_examples=100)
@given(st.lists(commands, min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_any_split_into_batches_gives_the_same(sequence: list[Command], cuts: list[int]) -> None:
    """A batch is nothing but its commands one after the other."""

    async def run() -> None:
        one, many = MemoryWorld(LIMITS), MemoryWorld(LIMITS)

        alone = [outcome for command in sequence for outcome in await save(one, [command])]
        edges = sorted({0, len(sequence), *(cut for cut in cuts if cut < len(sequence))})
        together: list[Outcome] = []
        for start, end in itertools.pairwise(edges):
            together += await save(many, sequence[start:end])

        assert together == alone
        assert await snapshot(many) == await snapshot(one)

    asyncio.run(run())


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(batches, positions), min_size=1, max_size=5), st.sampled_from(USERS[:3]))
def test_changed_names_exactly_what_differs(
    steps: list[tuple[list[Command], list[Position]]], user: str
) -> None:
    """Whoever applies `changed` to what was known before has what `changed(None)` tells."""

    async def run(folder: Path) -> None:
        world = SqliteWorld(LIMITS, folder)
        await world.open()
        since: tuple[int, ...] | None = None
        known: dict[str, Access] = {}
        for batch, moved in steps:
            await save(world, batch)
            await move(world, moved)

            # Positions of others in groups and names of members' groups travel as events, not as changes of the row.
            news = await world.changed(user, since)
            since = await world.store.change_numbers()

            known.update({access.conversation.conversation_id: access for access in news})
            fresh = await world.changed(user, None)
            present = {access.conversation.conversation_id: access for access in fresh}
            assert known.keys() == present.keys()
            for conversation_id, access in present.items():
                if access.member.present:
                    assert known[conversation_id] == access
                else:  # of a group that somebody has left, only one's own row and the head there are told
                    assert known[conversation_id].head_hash == access.head_hash
                    assert known[conversation_id].member == access.member
            assert await world.store.changed(user, since) == []
        await world.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


# A client that keeps a copy.

Copy = dict[int, dict[str, object]]


def shown(views: Sequence[EventView]) -> Copy:
    """Return what a page shows of each event."""
    return {
        view.seq: {
            "kind": view.kind,
            "body": json.loads(view.payload),
            "edited_seq": view.edited_seq,
            "recalled": view.recalled,
            "reactions": [[each.emoji, list(each.user_ids)] for each in view.reactions],
        }
        for view in views
    }


def apply(copy: Copy, event: Event) -> None:
    """Bring a copy up to date with a pushed event, as a client would."""
    body = json.loads(event.payload)
    copy[event.seq] = {
        "kind": event.kind,
        "body": body,
        "edited_seq": None,
        "recalled": False,
        "reactions": [],
    }
    if event.kind not in {"edit", "recall", "reaction"}:
        return
    target = copy[body["target_seq"]]
    if event.kind == "edit":
        target["body"] = {**target["body"], "content": body["content"]}  # type: ignore[dict-item]
        target["edited_seq"] = event.seq
    elif event.kind == "recall":
        kept = {key: value for key, value in target["body"].items() if key != "mentions"}  # type: ignore[attr-defined]
        target.update(body={**kept, "content": ""}, recalled=True, reactions=[])
        for other in copy.values():
            if other["kind"] == "edit" and other["body"]["target_seq"] == body["target_seq"]:  # type: ignore[index]
                other["body"] = {**other["body"], "content": ""}  # type: ignore[dict-item]
    else:
        reactions: list[list[object]] = target["reactions"]  # type: ignore[assignment]
        entry = next((each for each in reactions if each[0] == body["emoji"]), None)
        if entry is None and not body.get("remove"):
            reactions.append([body["emoji"], [event.sender_id]])
        elif entry is not None:
            who: list[str] = entry[1]  # type: ignore[assignment]
            if not body.get("remove"):
                who += [event.sender_id] if event.sender_id not in who else []
            elif event.sender_id in who:
                who.remove(event.sender_id)
                if not who:
                    reactions.remove(entry)


operations: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda pair, text: to_user(*pair, text), st.sampled_from(((ADA, BOB), (BOB, ADA))), texts),
    st.builds(lambda u, s, t: edit(u, PAIRS[0], s, t), users, seqs, texts),
    st.builds(lambda u, s: recall(u, PAIRS[0], s), users, seqs),
    st.builds(
        lambda u, s, t, r: react(u, PAIRS[0], s, t, remove=r),
        st.sampled_from((ADA, BOB)),
        seqs,
        texts,
        st.booleans(),
    ),
)


def by_order_of_emoji(copy: Copy) -> Copy:
    """Return the copy with reactions in the order of their emoji: which kind came first is a matter of display."""
    return {
        seq: {**state, "reactions": sorted(state["reactions"])}  # type: ignore[type-var]
        for seq, state in copy.items()
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.lists(operations, min_size=1, max_size=10), min_size=1, max_size=5), st.integers(0, 5))
def test_a_copy_kept_by_events_is_the_page(batches: list[list[Command]], when: int) -> None:
    """A page read at any time and the events pushed since then give what a page shows now."""

    async def run(folder: Path) -> None:
        world = SqliteWorld(LIMITS, folder)
        await world.open()
        copy: Copy = {}
        for number, batch in enumerate(batches):
            if number == when:
                copy = shown(await world.events(PAIRS[0]))

            for outcome in await save(world, batch):
                if isinstance(outcome, Stored) and outcome.event is not None:
                    apply(copy, outcome.event)

        assert by_order_of_emoji(copy) == by_order_of_emoji(shown(await world.events(PAIRS[0])))
        await world.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@settings(max_examples=15)
@given(st.integers(0, 12), st.integers(1, 5), st.booleans(), st.integers(0, 400))
def test_any_walk_over_pages_gives_the_whole_log(
    count: int, limit: int, newest: bool, max_bytes: int
) -> None:
    """From either end, whatever the limits: joined together the pages are the log, and their hashes join, too."""

    async def run(folder: Path) -> None:
        world = SqliteWorld(LIMITS, folder)
        await world.open()
        await save(world, [to_user(ADA, BOB, "é" * (number * 7 % 50)) for number in range(count)])
        whole = list(await world.events(PAIRS[0]))
        walked: list[EventView] = []
        first, last = 1, count
        while True:
            page = await world.page(
                PAIRS[0], first_seq=first, last_seq=last, limit=limit, newest=newest, max_bytes=max_bytes
            )
            events = list(page.events)
            rolling = page.prev_hash
            for view in events:
                rolling = next_hash(rolling, view.digest)
                assert view.hash == rolling
            walked = [*events, *walked] if newest else [*walked, *events]
            assert page.has_more == (len(walked) < count)
            if not page.has_more:
                break
            first, last = (1, events[0].seq - 1) if newest else (events[-1].seq + 1, count)
        assert walked == whole
        await world.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
