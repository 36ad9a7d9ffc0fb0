"""The reads of the store on MySQL: each is one or two statements on the primary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pingme.adapters.mysql_connection import Answer
from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.mysql_start import Meta
from pingme.adapters.store_mysql_heads import heads_changed
from pingme.adapters.store_mysql_load import HEAD, REFUSED_NUMBER, marks, unpack
from pingme.adapters.store_mysql_positions import number_of_shard
from pingme.domain.chain import first_hash
from pingme.domain.events import KINDS, MESSAGE
from pingme.domain.ids import MAX_SEQ
from pingme.domain.model import Conversation, ConversationType, Member, RoleRank
from pingme.ports.store import Access, HeadChanges, MemberPosition, Page
from pingme.wire.encode import EventView, Reactors

MAX_UNREAD = 1000  # counting stops here; shown as 999+
SHOWN_REACTORS = 50  # user ids per emoji in a page; the count is of all
KEYS_KEPT = 100_000  # some 10 MB; keys never change, so starting anew is harmless
COUNTED_AT_ONCE = 100  # conversations whose unread events one statement counts

# One row per membership of a user: the conversation, the membership, the newest event that the member may read, the peer.
_NEWEST = f"""
FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
JOIN events e ON e.conversation = c.id AND e.seq = COALESCE(m.until_seq, {HEAD})
"""
_ACCESS = f"""
SELECT c.conversation_id, c.type, c.name, c.announcement, c.avatar, c.history_policy, c.join_policy, c.dissolved,
  c.created_ts, (SELECT COUNT(*) FROM members x WHERE x.conversation = c.id AND x.until_seq IS NULL),
  u.user_id, m.role, m.joined_seq, m.from_seq, m.until_seq, m.delivered_seq, m.read_seq, m.muted, m.pinned, m.draft,
  e.seq, e.hash, pu.user_id, p.delivered_seq, p.read_seq
{_NEWEST}
LEFT JOIN members p ON c.type = 1 AND p.conversation = c.id AND p.user <> m.user
LEFT JOIN users pu ON pu.id = p.user
"""  # noqa: S608  # constants
_ONE = f"{_ACCESS} WHERE u.user_id = %s AND c.conversation_id = %s"
_SOME = f"{_ACCESS} WHERE u.user_id = %s AND c.conversation_id IN ({{ids}})"
# Change numbers of different shards cannot be compared, so the newest event's time orders conversations first.
_CHANGED = f"""
SELECT c.conversation_id {_NEWEST} WHERE u.user_id = %s {{only}} ORDER BY e.server_ts DESC, e.change_no DESC, c.id DESC
"""  # constants
_PAGE = """
SELECT e.seq, e.kind, u.user_id, e.msg_id, e.server_ts, e.client_ts, e.body, e.digest, e.hash, e.edited_seq,
  e.recalled_seq
FROM events e JOIN users u ON u.id = e.sender
WHERE e.conversation = %s AND e.seq BETWEEN %s AND %s ORDER BY e.seq {order} LIMIT %s
"""
_REACTIONS = """
SELECT seq, emoji, n, user_id FROM (
  SELECT r.seq, r.emoji, r.at_seq, r.user, u.user_id,
    ROW_NUMBER() OVER (PARTITION BY r.seq, r.emoji ORDER BY r.at_seq, r.user) AS place,
    COUNT(*) OVER (PARTITION BY r.seq, r.emoji) AS n, MIN(r.at_seq) OVER (PARTITION BY r.seq, r.emoji) AS first
  FROM reactions r JOIN users u ON u.id = r.user WHERE r.conversation = %s AND r.seq BETWEEN %s AND %s AND r.at_seq <= %s) t
WHERE place <= %s ORDER BY seq, first, emoji, place
"""
_MEMBERS = """
SELECT u.user_id, m.role, m.joined_seq, m.from_seq, m.until_seq, m.delivered_seq, m.read_seq
FROM conversations c JOIN members m ON m.conversation = c.id JOIN users u ON u.id = m.user
WHERE c.conversation_id = %s ORDER BY m.joined_seq, m.user
"""
_UNREAD = """
SELECT %s AS place, COUNT(*) AS n FROM (SELECT 1 FROM events e WHERE e.conversation = %s AND e.seq > %s AND e.seq <= %s
  AND e.kind = {kind} AND e.sender <> %s LIMIT {limit}) t
"""
_SHARED = """
SELECT DISTINCT o.user_id FROM users me JOIN members a ON a.user = me.id JOIN conversations c ON c.id = a.conversation
JOIN members b ON b.conversation = a.conversation JOIN users o ON o.id = b.user
WHERE me.user_id = %s AND a.until_seq IS NULL AND b.until_seq IS NULL AND c.type <> 3 AND o.user_id IN ({others})
"""
_CHANNELS = """
SELECT c.conversation_id, m.joined_seq FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
WHERE u.user_id = %s AND m.until_seq IS NULL AND c.type = 2
"""
_HASH = "SELECT hash FROM events WHERE conversation = %s AND seq <= %s ORDER BY seq DESC LIMIT 1"


def _access(row: Sequence[Any]) -> Access:
    (
        cid, type_, name, announcement, avatar, history, join, dissolved, created_ts, count,
        user_id, role, joined_seq, from_seq, until_seq, delivered_seq, read_seq, muted, pinned, draft,
        head_seq, head_hash, peer_id, peer_delivered_seq, peer_read_seq,
    ) = row  # fmt: skip
    group = type_ == ConversationType.GROUP
    return Access(
        conversation=Conversation(
            cid,
            ConversationType(type_),
            name,
            announcement,
            avatar,
            history,
            join,
            bool(dissolved),
            count,
            created_ts,
            () if group else tuple(sorted({user_id, peer_id or user_id})),
        ),
        member=Member(user_id, RoleRank(role), joined_seq, from_seq, until_seq),
        head_seq=head_seq,
        head_hash=head_hash,
        delivered_seq=delivered_seq,
        read_seq=read_seq,
        muted=bool(muted),
        pinned=bool(pinned),
        draft=draft,
        peer_id=(peer_id or user_id) if type_ == ConversationType.PRIVATE else None,
        peer_delivered_seq=peer_delivered_seq,
        peer_read_seq=peer_read_seq,
    )


class MysqlReads:
    """The reading half of the `Store` on MySQL.

    Args:
        database: open.
        meta: what the store says of itself.
    """

    def __init__(self, database: MysqlDatabase, meta: Meta) -> None:
        self._database = database
        self._meta = meta
        self._keys: dict[str, int] = {}

    @property
    def epoch(self) -> str:
        """See `Store.epoch`."""
        return self._meta.epoch

    @property
    def shards(self) -> int:
        """See `Store.shards`."""
        return self._meta.shards

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Answer:
        """Run a SELECT, for what may also run in a transaction (`pingme.adapters.store_mysql_load.Reader`)."""
        return Answer(await self._database.read(sql, parameters), 0, 0)

    async def change_numbers(self) -> tuple[int, ...]:
        """See `Store.change_numbers`; read from the primary, because other nodes write too."""
        return tuple(n for (n,) in await self._database.read("SELECT n FROM shards ORDER BY id"))

    async def heads_changed(self, since: Sequence[int], limit: int) -> HeadChanges:
        """See `Store.heads_changed`."""
        return await heads_changed(self._database, since, limit)

    async def access(self, user_id: str, conversation_id: str) -> Access | None:
        """See `Store.access`."""
        rows = await self._database.read(_ONE, (user_id, conversation_id))
        return _access(rows[0]) if rows else None

    async def channels(self, user_id: str) -> Mapping[str, int]:
        """See `Store.channels`."""
        return dict(await self._database.read(_CHANNELS, (user_id,)))

    async def head(self, conversation_id: str) -> int:
        """See `Store.head`."""
        rows = await self._database.read(
            f"SELECT {HEAD} FROM conversations c WHERE c.conversation_id = %s",  # noqa: S608  # a constant
            (conversation_id,),
        )
        return int(rows[0][0] or 0) if rows else 0

    async def members(self, conversation_id: str) -> Sequence[MemberPosition]:
        """See `Store.members`."""
        rows = await self._database.read(_MEMBERS, (conversation_id,))
        return [
            MemberPosition(Member(user_id, RoleRank(role), joined, from_seq, until), delivered, read)
            for user_id, role, joined, from_seq, until, delivered, read in rows
        ]

    async def changed(self, user_id: str, since: Sequence[int] | None) -> Sequence[str]:
        """See `Store.changed`."""
        only = ""
        if since is not None:
            after = number_of_shard("c.id", dict(enumerate(since)))
            only = f"AND (m.change_no > {after} OR (m.until_seq IS NULL AND e.change_no > {after}))"
        return [each for (each,) in await self._database.read(_CHANGED.format(only=only), (user_id,))]

    async def accesses(self, user_id: str, conversation_ids: Sequence[str]) -> Sequence[Access]:
        """See `Store.accesses`."""
        if not conversation_ids:
            return []
        rows = await self._database.read(
            _SOME.format(ids=marks(conversation_ids)), (user_id, *conversation_ids)
        )
        found = {access.conversation.conversation_id: access for access in map(_access, rows)}
        return [found[each] for each in conversation_ids if each in found]

    async def unread(self, user_id: str, accesses: Sequence[Access]) -> Sequence[int]:
        """See `Store.unread`."""
        counts = [0] * len(accesses)
        asked = [place for place, access in enumerate(accesses) if access.head_seq > access.read_seq]
        if not asked:
            return counts
        ids = [accesses[place].conversation.conversation_id for place in asked]
        keys = await self._keys_of(ids)
        users = await self._database.read("SELECT id FROM users WHERE user_id = %s", (user_id,))
        if not users:
            return counts
        one = _UNREAD.format(kind=MESSAGE, limit=MAX_UNREAD)
        for start in range(0, len(asked), COUNTED_AT_ONCE):
            parameters: list[object] = []
            for place in asked[start : start + COUNTED_AT_ONCE]:
                access = accesses[place]
                after = max(access.read_seq, access.member.from_seq - 1)
                key = keys[access.conversation.conversation_id]
                parameters += (place, key, after, access.head_seq, users[0][0])
            sql = " UNION ALL ".join([one] * (len(parameters) // 5))
            for place, count in await self._database.read(sql, parameters):
                counts[place] = count
        return counts

    async def share_conversation(self, user_id: str, others: Sequence[str]) -> set[str]:
        """See `Store.share_conversation`."""
        if not others:
            return set()
        sql = _SHARED.format(others=marks(others))
        return {other for (other,) in await self._database.read(sql, (user_id, *others))}

    async def page(
        self,
        conversation_id: str,
        *,
        first_seq: int,
        last_seq: int,
        limit: int,
        newest: bool,
        max_bytes: int,
        reactions_until: int = MAX_SEQ,
    ) -> Page:
        """See `Store.page`."""
        key = (await self._keys_of([conversation_id])).get(conversation_id)
        if key is None:
            return Page(first_hash(conversation_id), (), has_more=False)
        if last_seq < first_seq:
            return Page(await self._hash_at(key, conversation_id, last_seq), (), has_more=False)
        sql = _PAGE.format(order="DESC" if newest else "ASC")
        found = await self._database.read(sql, (key, first_seq, last_seq, limit + 1))
        rows = _fitting(found, limit, max_bytes)
        full = len(rows) < len(found)
        if newest:
            rows.reverse()
        events = await self._views(key, conversation_id, rows, reactions_until)
        before = events[0].seq - 1 if events else (last_seq if newest else first_seq - 1)
        return Page(await self._hash_at(key, conversation_id, before), events, has_more=full)

    async def _keys_of(self, conversation_ids: Sequence[str]) -> dict[str, int]:
        """Return the store keys of those that exist; what is kept of them others may empty at any time."""
        keys = {each: self._keys[each] for each in conversation_ids if each in self._keys}
        missing = [each for each in conversation_ids if each not in keys]
        if missing:
            sql = f"SELECT conversation_id, id FROM conversations WHERE conversation_id IN ({marks(missing)})"  # noqa: S608
            read = dict(await self._database.read(sql, missing))
            keys.update(read)
            if len(self._keys) + len(read) > KEYS_KEPT:
                self._keys = {}
            self._keys.update(read)
        return keys

    async def _hash_at(self, key: int, conversation_id: str, seq: int) -> bytes:
        """Return the rolling hash at ``seq``, or at the head where ``seq`` lies beyond it."""
        rows = await self._database.read(_HASH, (key, seq)) if seq > 0 else ()
        return bytes(rows[0][0]) if rows else first_hash(conversation_id)

    async def _views(
        self, key: int, conversation_id: str, rows: Sequence[tuple[Any, ...]], reactions_until: int
    ) -> list[EventView]:
        reactions = await self._reactions(key, rows[0][0], rows[-1][0], reactions_until) if rows else {}
        return [
            EventView(
                conversation_id=conversation_id,
                seq=seq,
                kind=KINDS[kind] if kind != REFUSED_NUMBER else "",
                sender_id=sender_id,
                msg_id=unpack(msg_id),
                server_ts=server_ts,
                client_ts=client_ts,
                payload=body,
                digest=digest,
                hash=hash_,
                edited_seq=edited_seq,
                recalled=recalled_seq is not None,
                reactions=tuple(reactions.get(seq, ())),
            )
            for (
                seq, kind, sender_id, msg_id, server_ts, client_ts, body, digest, hash_, edited_seq, recalled_seq,
            ) in rows
        ]  # fmt: skip

    async def _reactions(
        self, key: int, first_seq: int, last_seq: int, until_seq: int
    ) -> dict[int, list[Reactors]]:
        rows = await self._database.read(_REACTIONS, (key, first_seq, last_seq, until_seq, SHOWN_REACTORS))
        users: dict[tuple[int, str], list[str]] = {}
        counts: dict[tuple[int, str], int] = {}
        for seq, emoji, count, user_id in rows:
            users.setdefault((seq, emoji), []).append(user_id)
            counts[seq, emoji] = count
        found: dict[int, list[Reactors]] = {}
        for (seq, emoji), user_ids in users.items():
            found.setdefault(seq, []).append(Reactors(emoji, counts[seq, emoji], tuple(user_ids)))
        return found


def _fitting(rows: Sequence[tuple[Any, ...]], limit: int, max_bytes: int) -> list[tuple[Any, ...]]:
    """Return the rows of a page: at most ``limit``, and while their bodies fit; at least one where there may be one."""
    fitting: list[tuple[Any, ...]] = []
    size = 0
    for row in rows[:limit]:
        size += len(row[6])
        if fitting and size > max_bytes:
            break
        fitting.append(row)
    return fitting
