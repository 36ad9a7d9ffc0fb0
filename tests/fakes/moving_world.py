"""A store in which everything stands that a move must keep, and words for moving it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.dead_letters_mysql import MysqlDeadLetters
from pingme.adapters.dead_letters_sqlite import SqliteDeadLetters
from pingme.adapters.new_store_mysql import MysqlNewStore
from pingme.adapters.new_store_sqlite import SqliteNewStore
from pingme.adapters.snapshot_mysql import mysql_snapshot
from pingme.adapters.snapshot_sqlite import sqlite_snapshot
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import Device
from pingme.ports.dead_letters import DeadLetterRecord
from pingme.ports.new_store import NewStore
from pingme.ports.store import Position
from pingme.services.moving import Moved, export_store, import_store
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    DEE,
    GROUP,
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
from tests.fakes.store_worlds import MysqlWorld, SqliteWorld

PAIR = private(ADA, BOB)
UUID = "0192f0c1-2b3c-7d4e-8f50-112233445566"
SIXTEEN = "sixteen_letters_"  # as long as a packed UUID
WEIRD = 'quotes " \\ lines\n\ttab \x01 emoji 👩‍👩‍👧 and \u2028'

Engine = SqliteWorld | MysqlWorld


async def furnish(world: Engine) -> None:
    """Store every kind of event and of row."""
    await world.stored(*(to_user(ADA, BOB, f"privately {number}", client_ts=number) for number in range(5)))
    await world.stored(
        to_user(BOB, ADA, WEIRD, msg_id=UUID), to_user(BOB, ADA, "text id", msg_id=SIXTEEN, reply_to=1)
    )
    await world.stored(edit(ADA, PAIR, 1, "better"), edit(ADA, PAIR, 1, WEIRD), react(BOB, PAIR, 1, "👍"))
    await world.stored(edit(ADA, PAIR, 2, "regretted"), react(BOB, PAIR, 2, "👎"), recall(ADA, PAIR, 2))
    await world.stored(
        react(ADA, PAIR, 1, "👍"), react(BOB, PAIR, 3, "🎉"), react(BOB, PAIR, 3, "🎉", remove=True)
    )
    await world.stored(
        create_group(ADA, BOB, CAI, name="Group ”…”"), to_group(BOB, "hi", mentions=(ADA, CAI))
    )
    await world.stored(
        join(ADA, DEE), set_role(ADA, BOB, "admin"), update_group(ADA, announcement="read\nthis")
    )
    await world.stored(remove(ADA, DEE), leave(CAI), to_group(BOB, "not for dee"))
    await world.stored(create_group(CAI, DEE, group="g-2", history_policy="full", join_policy="open"))
    await world.stored(dissolve(CAI, group="g-2"), to_user(CAI, CAI, "to myself"))
    await world.stored(
        set_up(ADA, PAIR, muted=True, draft="half a\nsentence"), set_up(BOB, GROUP, pinned=True)
    )
    await world.stored(
        profile(BOB, nickname="Bób ẞ", email="bob@example.org", avatar="https://example.org/b")
    )
    assert await world.refused(to_group(DEE, "from outside", msg_id="refused-1")) == [40003]
    await world.clock.advance(5)
    assert await world.refused(to_group(DEE, "again", msg_id=UUID.replace("0", "1"))) == [40003]
    await world.store.save_positions([Position(PAIR, ADA, 7, 6), Position(GROUP, BOB, 4, 3)])
    await _accounts(world)
    await _letters(world)


async def _accounts(world: Engine) -> None:
    accounts = (
        SqliteAccounts(world.database) if isinstance(world, SqliteWorld) else MysqlAccounts(world.database)
    )
    for number, user_id in enumerate((BOB, ADA)):
        device = Device(
            device_id=f"d{number}", name="Ada’s phone", family_id=f"family-{number}", generation=3, rotated_ts=11,
            created_ts=10, expires_ts=10**15,
        )  # fmt: skip
        await accounts.open_device(user_id, device, password_hash="hash", now_ms=10, limit=20)
    await accounts.set_last_seen({ADA: 12_345})
    await accounts.set_disabled(DEE, disabled=True)


async def _letters(world: Engine) -> None:
    letters = (
        SqliteDeadLetters(world.database)
        if isinstance(world, SqliteWorld)
        else MysqlDeadLetters(world.database)
    )
    for sender_id, msg_id, raw in ((ADA, "letter-1", b'{"not": "taken"}'), ("", "", b"\xff\x00 no record")):
        await letters.put(
            DeadLetterRecord(
                sender_id=sender_id, msg_id=msg_id, conversation_id=PAIR if sender_id else "", raw=raw, code=50006,
                error="a reason", attempts=4, origin="memory/0/7", created_ts=77,
            )
        )  # fmt: skip


async def exported(world: Engine) -> tuple[bytes, Moved]:
    """Export a store, in use or not; return the file and what was said of it."""
    parts: list[bytes] = []
    async with AsyncExitStack() as stack:
        if isinstance(world, SqliteWorld):
            snapshot = stack.enter_context(sqlite_snapshot(world.path))
        else:
            snapshot = await stack.enter_async_context(mysql_snapshot(world.address))  # type: ignore[assignment]
        moved = await export_store(snapshot, parts.append, report=lambda *_: None)
    return b"".join(parts), moved


def new_store(world: Engine) -> NewStore:
    """Return the empty store at a world's place."""
    return SqliteNewStore(world.path) if isinstance(world, SqliteWorld) else MysqlNewStore(world.address)


async def imported(file: bytes, world: Engine) -> Moved:
    """Fill a world that was not opened yet."""
    moved = await import_store(file.splitlines(keepends=True), new_store(world))
    if isinstance(world, MysqlWorld):
        world._made = True
    return moved


def sqlite_world(folder: Path, name: str) -> SqliteWorld:
    """Return a world in a folder of its own."""
    place = folder / name
    place.mkdir()
    return SqliteWorld(RuleLimits(), place)
