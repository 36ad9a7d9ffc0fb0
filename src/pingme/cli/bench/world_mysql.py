"""The bench's users, sessions, groups and prepared messages in its own database; see `pingme.cli.bench.world`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.store_mysql import MysqlStore
from pingme.cli.bench.engines import Engines, opened
from pingme.cli.bench.filler import Filling
from pingme.cli.bench.frames import pair_id_of, user_id_of
from pingme.cli.bench.world import DEVICE_ID, BenchUser, limits_for, log_in, new_users, save_groups
from pingme.domain.errors import PingMeError
from pingme.domain.events import Command, MessageBody, RefusedOutcome, make_command
from pingme.domain.ids import uuid7
from pingme.domain.model import RuleLimits

Report = Callable[[int, int], None]
Prepared = tuple[list[BenchUser], list[str], dict[str, int]]
"""The users, the ids of the groups, and the head of every conversation."""

CREATED_AT_ONCE = 10_000  # the bound of `AccountStore.create_users`
SAVED_AT_ONCE = 1_000  # commands of one `save`, its bound

_SESSIONS = """
INSERT INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts)
SELECT u.id, %s, 'bench', j.family_id, 1, %s, %s, %s
FROM JSON_TABLE(%s, '$[*]' COLUMNS (user_id VARCHAR(64) PATH '$[0]', family_id VARCHAR(64) PATH '$[1]')) j
JOIN users u ON u.user_id = j.user_id COLLATE {collation}
"""
_HEADS = """
SELECT c.conversation_id, MAX(e.seq) FROM conversations c JOIN events e ON e.conversation = c.id
WHERE c.id > 0 GROUP BY c.id, c.conversation_id
"""


async def prepare(
    engines: Engines,
    *,
    users: int,
    groups: Sequence[Sequence[str]],
    fillings: Sequence[Filling],
    secret: str,
    report: Report,
) -> Prepared:
    """Make everything that a plan needs in a new database.

    Raises:
        PingMeError: the store refuses.
    """
    async with opened(engines) as found:
        database = found.database
        everybody = max((users, *(filling.users for filling in fillings)))
        await _make_users(database, everybody)
        for filling in fillings:
            await _fill(MysqlStore(database, found.meta, SystemClock(), RuleLimits()), filling, report)
        store = MysqlStore(database, found.meta, SystemClock(), limits_for(groups))
        ids = await save_groups(store, groups)
        logins = log_in(users, secret)
        values = (DEVICE_ID, logins.created_ts, logins.created_ts, logins.expires_ts, logins.rows)
        sql = _SESSIONS.format(collation=database.collation)
        await database.write(lambda transaction: transaction.execute(sql, values))
        heads = {str(name): int(head) for name, head in await database.read(_HEADS)}
    return list(logins.users), ids, heads


async def _make_users(database: MysqlDatabase, count: int) -> None:
    accounts = MysqlAccounts(database)
    ids = [user_id_of(number) for number in range(count)]
    for at in range(0, count, CREATED_AT_ONCE):
        await accounts.create_users(new_users(ids[at : at + CREATED_AT_ONCE]))


async def _fill(store: MysqlStore, filling: Filling, report: Report) -> None:
    """Save the messages of a filling as the pipeline would: no store is filled past its own rules."""
    batch: list[Command] = []
    for done, command in enumerate(_messages(filling), start=1):
        batch.append(command)
        if len(batch) == SAVED_AT_ONCE or done == filling.messages:
            for outcome in await store.save(batch):
                if isinstance(outcome, RefusedOutcome):
                    raise PingMeError(f"the store refuses a prepared message: {outcome.message}")
            report(done, filling.messages)
            batch = []


def _messages(filling: Filling) -> Iterator[Command]:
    """Yield the messages, one in each chat, then the next in each, the two sides in turn."""
    clock = SystemClock()
    content = "x" * filling.payload_bytes
    for number in range(filling.messages):
        turn, place = divmod(number, len(filling.pairs))
        pair = filling.pairs[place]
        sender_id, to_user_id = user_id_of(pair[turn % 2]), user_id_of(pair[1 - turn % 2])
        at_ms = clock.now_ms() if filling.ordered_ids else int.from_bytes(os.urandom(5), "big")
        yield make_command(
            "message",
            sender_id=sender_id,
            msg_id=uuid7(at_ms, os.urandom(10)),
            conversation_id=pair_id_of(sender_id, to_user_id),
            body=MessageBody(content=content, content_type="text", to_user_id=to_user_id),
        )
