"""What a batch needs to know, read inside its transaction, after its shards were locked: one statement per sort of thing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pingme.adapters.mysql_connection import Answer
from pingme.adapters.mysql_schema import KEY_SHIFT, REFUSAL_SHIFT
from pingme.domain.events import KINDS
from pingme.domain.ids import pack_msg_id, unpack_msg_id
from pingme.domain.model import Conversation, ConversationType, Member, RoleRank, Target
from pingme.pipeline.needs import Loaded, Needs
from pingme.pipeline.plan import REFUSED_KIND, Known, Log, MsgKey

REFUSED_NUMBER = 255  # the kind of refusals in the event table
UUID_BYTES = 16


class Reader(Protocol):
    """A transaction, or whoever else runs a SELECT."""

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Answer:
        """Run one statement."""
        ...


def pack(msg_id: str) -> bytes:
    """Return the bytes of a msg_id in the event table (`pingme.adapters.mysql_schema`)."""
    packed = pack_msg_id(msg_id)
    if isinstance(packed, bytes):
        return packed
    text = packed.encode("ascii")
    return text + b"\0" if len(text) == UUID_BYTES else text


def unpack(packed: bytes) -> str:
    """Return the msg_id that `pack` was given."""
    if len(packed) == UUID_BYTES:
        return unpack_msg_id(packed)
    return packed.rstrip(b"\0").decode("ascii")


def marks(values: Collection[object]) -> str:
    """Return the placeholders of an IN list."""
    return ",".join(["%s"] * len(values))


HEAD = "(SELECT y.seq FROM events y WHERE y.conversation = c.id ORDER BY y.seq DESC LIMIT 1)"
"""The newest seq of conversation c: one step from the end of an index."""

_LOGS = f"""
SELECT c.conversation_id, c.id, c.type, c.name, c.announcement, c.avatar, c.history_policy, c.join_policy, c.dissolved,
  c.created_ts, e.seq, e.hash,
  (SELECT COUNT(*) FROM members m WHERE m.conversation = c.id AND m.until_seq IS NULL),
  IF(c.type = 2, '', (SELECT GROUP_CONCAT(x.user_id) FROM members m JOIN users x ON x.id = m.user
    WHERE m.conversation = c.id)),
  (SELECT MAX(GREATEST(m.joined_seq, COALESCE(m.until_seq, 0))) FROM members m WHERE m.conversation = c.id)
FROM conversations c JOIN events e ON e.conversation = c.id AND e.seq = {HEAD}
WHERE c.id > 0 AND c.conversation_id IN (%s)
"""  # noqa: S608  # constants
_GROUP_COUNTS = """
SELECT u.user_id, COUNT(*) FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
WHERE u.user_id IN (%s) AND m.until_seq IS NULL AND c.type = 2 GROUP BY u.user_id
"""
_EXISTING = """
SELECT u.user_id, e.msg_id, c.conversation_id, e.kind, e.seq, e.server_ts, e.digest, IF(e.kind = 255, e.body, '')
FROM events e JOIN users u ON u.id = e.sender JOIN conversations c ON c.id = e.conversation
WHERE e.msg_id IN (%s)
"""


async def load(reader: Reader, needs: Needs, logs: Mapping[str, Log], users: Mapping[str, int]) -> Loaded:
    """Read what a batch needs.

    Args:
        reader: sees what is committed, and holds the locks of the shards.
        needs: what is not in memory.
        logs: what is: the keys of conversations.
        users: what is: the keys of users.
    """
    loaded = Loaded()
    if needs.users:
        loaded.users = await load_users(reader, needs.users)
    if needs.logs:
        ids = list(needs.logs)
        for row in (await reader.execute(_LOGS.replace("%s", marks(ids)), ids)).rows:
            loaded.logs[row[0]] = _log(row)
    keys = {**{name: log.key for name, log in logs.items()}, **{n: log.key for n, log in loaded.logs.items()}}
    if needs.members:
        loaded.members = await _members(reader, needs.members, keys, {**users, **loaded.users})
    if needs.targets:
        loaded.targets = await _targets(reader, needs.targets, keys)
    if needs.group_counts:
        ids = list(needs.group_counts)
        rows = (await reader.execute(_GROUP_COUNTS.replace("%s", marks(ids)), ids)).rows
        loaded.group_counts = dict(rows)
    return loaded


async def load_users(reader: Reader, user_ids: Collection[str]) -> dict[str, int]:
    """Return the keys of the users that exist."""
    sql = f"SELECT user_id, id FROM users WHERE user_id IN ({marks(user_ids)})"  # noqa: S608  # placeholders
    return dict((await reader.execute(sql, list(user_ids))).rows)


def _log(row: Sequence[Any]) -> Log:
    (
        cid,
        key,
        type_,
        name,
        announcement,
        avatar,
        history,
        join,
        dissolved,
        created,
        seq,
        hash_,
        count,
        peers,
        members_seq,
    ) = row
    conversation = Conversation(
        cid,
        ConversationType(type_),
        name=name,
        announcement=announcement,
        avatar=avatar,
        history_policy=history,
        join_policy=join,
        dissolved=bool(dissolved),
        member_count=count,
        created_ts=created,
        peers=tuple(sorted(peers.split(","))) if peers else (),
    )
    return Log(key, conversation, seq, hash_, members_seq=int(members_seq or 0))


def _ranges(column: str, pairs: Iterable[tuple[int, int]]) -> str:
    """Return the condition for (conversation, column) being one of these pairs of keys: ranges of one index."""
    by_key: dict[int, list[str]] = {}
    for key, number in pairs:
        by_key.setdefault(key, []).append(str(number))
    return " OR ".join(
        f"(t.conversation = {key} AND t.{column} IN ({','.join(numbers)}))" for key, numbers in by_key.items()
    )


async def _members(
    reader: Reader, wanted: Iterable[tuple[str, str]], logs: Mapping[str, int], users: Mapping[str, int]
) -> dict[tuple[str, str], Member | None]:
    found: dict[tuple[str, str], Member | None] = dict.fromkeys(wanted)
    named = {
        (logs[conversation_id], users[user_id]): (conversation_id, user_id)
        for conversation_id, user_id in found
        if conversation_id in logs and user_id in users
    }
    if named:
        sql = f"""SELECT t.conversation, t.user, t.role, t.joined_seq, t.from_seq, t.until_seq
                  FROM members t WHERE {_ranges("user", named)}"""  # noqa: S608  # numbers
        for key, user, role, joined_seq, from_seq, until_seq in (await reader.execute(sql)).rows:
            name = named[key, user]
            found[name] = Member(name[1], RoleRank(role), joined_seq, from_seq, until_seq)
    return found


async def _targets(
    reader: Reader, wanted: Iterable[tuple[str, int]], logs: Mapping[str, int]
) -> dict[tuple[str, int], Target]:
    named = {(logs[cid], seq): (cid, seq) for cid, seq in wanted if cid in logs}
    if not named:
        return {}
    where = _ranges("seq", named)
    reactors: dict[tuple[int, int], set[tuple[str, str]]] = {}
    sql = f"""SELECT t.conversation, t.seq, t.emoji, u.user_id FROM reactions t JOIN users u ON u.id = t.user
              WHERE {where}"""  # noqa: S608  # numbers
    for key, seq, emoji, user_id in (await reader.execute(sql)).rows:
        reactors.setdefault((key, seq), set()).add((emoji, user_id))
    sql = f"""SELECT t.conversation, t.seq, t.kind, u.user_id, t.server_ts, t.recalled_seq IS NOT NULL
              FROM events t JOIN users u ON u.id = t.sender WHERE {where}"""  # noqa: S608  # numbers
    found: dict[tuple[str, int], Target] = {}
    for key, seq, kind, user_id, server_ts, recalled in (await reader.execute(sql)).rows:
        name = KINDS[kind] if kind < len(KINDS) else REFUSED_KIND
        on_it = frozenset(reactors.get((key, seq), ()))
        found[named[key, seq]] = Target(seq, name, user_id, server_ts, bool(recalled), on_it)
    return found


async def load_existing(reader: Reader, keys: Collection[MsgKey]) -> dict[MsgKey, Known]:
    """Read which of these (sender_id, msg_id) are in the store already."""
    packed = [pack(msg_id) for _, msg_id in keys]
    found: dict[MsgKey, Known] = {}
    for row in (await reader.execute(_EXISTING.replace("%s", marks(packed)), packed)).rows:
        key = (row[0], unpack(row[1]))
        if key in keys:
            found[key] = _known(row)
    return found


def _known(row: Sequence[Any]) -> Known:
    _, _, conversation_id, kind, seq, server_ts, digest, body = row
    if kind < len(KINDS):
        return Known(conversation_id, KINDS[kind], seq, server_ts, digest)
    code, _, message = bytes(body).decode().partition(" ")
    return Known("", REFUSED_KIND, seq, server_ts, digest, int(code), message)


async def next_key(reader: Reader, shard: int) -> int:
    """Return the next free key of a conversation in this shard."""
    first = shard << KEY_SHIFT
    sql = f"SELECT MAX(id) FROM conversations WHERE id BETWEEN {first} AND {first + (1 << KEY_SHIFT) - 1}"  # noqa: S608  # numbers
    return int((await reader.execute(sql)).rows[0][0] or first) + 1


async def next_refusal(reader: Reader, shard: int) -> int:
    """Return the next free seq of a refusal that is written under this shard's lock."""
    first = shard << REFUSAL_SHIFT
    last = first + (1 << REFUSAL_SHIFT) - 1
    sql = f"SELECT MAX(seq) FROM events WHERE conversation = 0 AND seq BETWEEN {first} AND {last}"  # noqa: S608  # numbers
    return int((await reader.execute(sql)).rows[0][0] or first) + 1
