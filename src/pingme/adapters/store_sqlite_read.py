"""The reads of the embedded store: short ones inline on the event loop, large ones as one aggregated value in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pingme.adapters.sqlite_database import SqliteDatabase, translate
from pingme.adapters.store_sqlite_load import REFUSED_NUMBER
from pingme.domain.chain import first_hash
from pingme.domain.events import KINDS, MESSAGE
from pingme.domain.ids import MAX_SEQ, unpack_msg_id
from pingme.domain.model import Conversation, ConversationType, Member, RoleRank
from pingme.ports.store import Access, MemberPosition, Page
from pingme.wire.encode import EventView, Reactors

MAX_UNREAD = 1000  # counting stops here; shown as 999+
SHOWN_REACTORS = 50  # user ids per emoji in a page; the count is of all

_decode = msgspec.json.decode
_encode = msgspec.json.encode

# One row per membership of a user: the conversation, the membership, the newest event that the member may read, the peer.
_ACCESS_COLUMNS = """
c.conversation_id, c.type, c.name, c.announcement, c.avatar, c.history_policy, c.join_policy, c.dissolved, c.created_ts,
(SELECT count(*) FROM members x WHERE x.conversation = c.id AND x.until_seq IS NULL),
u.user_id, m.role, m.joined_seq, m.from_seq, m.until_seq, m.delivered_seq, m.read_seq, m.muted, m.pinned, m.draft,
e.seq, hex(e.hash), pu.user_id, p.delivered_seq, p.read_seq
"""
_NEWEST = """
JOIN events e ON e.conversation = c.id
  AND e.seq = coalesce(m.until_seq, (SELECT max(seq) FROM events WHERE conversation = c.id))
"""
_ACCESS_NEWEST = f"""
{_NEWEST}
LEFT JOIN members p ON c.type = 1 AND p.conversation = c.id AND p.user <> m.user
LEFT JOIN users pu ON pu.id = p.user
"""
_ACCESS = f"""
SELECT {_ACCESS_COLUMNS} FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
{_ACCESS_NEWEST} WHERE u.user_id = ? AND c.conversation_id = ?
"""  # noqa: S608  # constants
# In the order that is asked for; CROSS JOIN keeps SQLite from looking through all of the user's conversations.
_ACCESSES = f"""
SELECT json_group_array(json_array({_ACCESS_COLUMNS})) FROM json_each(?) j
CROSS JOIN conversations c ON c.conversation_id = j.value
CROSS JOIN users u ON u.user_id = ?
CROSS JOIN members m ON m.conversation = c.id AND m.user = u.id
{_ACCESS_NEWEST}
"""  # noqa: S608  # constants
# One batch gives many conversations the same number: the key keeps their order from call to call.
_CHANGED = f"""
SELECT json_group_array(conversation_id) FROM (
  SELECT c.conversation_id FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
  {_NEWEST} WHERE u.user_id = ? AND (m.change_no > ? OR (m.until_seq IS NULL AND e.change_no > ?))
  ORDER BY e.change_no DESC, c.id DESC)
"""  # noqa: S608  # constants
_PAGE = """
SELECT e.seq, e.kind, u.user_id, e.msg_id, e.server_ts, e.client_ts, e.body, e.digest, e.hash, e.edited_seq, e.recalled_seq
FROM events e JOIN users u ON u.id = e.sender
WHERE e.conversation = ? AND e.seq BETWEEN ? AND ? ORDER BY e.seq {order} LIMIT ?
"""
_REACTIONS = """
SELECT json_group_array(json_array(seq, emoji, n, users)) FROM (
  SELECT seq, emoji, max(n) AS n, min(at_seq) AS first, json_group_array(user_id) FILTER (WHERE place <= ?) AS users FROM (
    SELECT r.seq, r.emoji, r.at_seq, u.user_id,
      row_number() OVER (PARTITION BY r.seq, r.emoji ORDER BY r.at_seq, r.user) AS place,
      count(*) OVER (PARTITION BY r.seq, r.emoji) AS n
    FROM reactions r JOIN users u ON u.id = r.user WHERE r.conversation = ? AND r.seq BETWEEN ? AND ? AND r.at_seq <= ?
    ORDER BY r.seq, r.emoji, r.at_seq, r.user)
  GROUP BY seq, emoji ORDER BY seq, first)
"""
_MEMBERS = """
SELECT json_group_array(json_array(user_id, role, joined_seq, from_seq, until_seq, delivered_seq, read_seq)) FROM (
  SELECT u.user_id, m.* FROM conversations c JOIN members m ON m.conversation = c.id JOIN users u ON u.id = m.user
  WHERE c.conversation_id = ? ORDER BY m.joined_seq, m.user)
"""
_UNREAD = """
SELECT json_group_array(json_array(c.conversation_id,
  (SELECT count(*) FROM (SELECT 1 FROM events e
     WHERE e.conversation = c.id AND e.seq > json_extract(j.value, '$[1]') AND e.seq <= json_extract(j.value, '$[2]')
       AND e.kind = ? AND e.sender <> (SELECT id FROM users WHERE user_id = ?) LIMIT ?))))
FROM json_each(?) j JOIN conversations c ON c.conversation_id = json_extract(j.value, '$[0]')
"""
# From whichever of the two is in fewer conversations: somebody with thousands of chats may ask about 500 users.
_SHARED = """
WITH me (id, n) AS MATERIALIZED (SELECT u.id, (SELECT count(*) FROM members WHERE user = u.id) FROM users u WHERE u.user_id = ?)
SELECT json_group_array(DISTINCT o.user_id) FROM json_each(?) j CROSS JOIN me CROSS JOIN users o ON o.user_id = j.value
WHERE CASE WHEN min(me.n, 1000) < (SELECT count(*) FROM (SELECT 1 FROM members WHERE user = o.id LIMIT 1001))
  THEN EXISTS (SELECT 1 FROM members a CROSS JOIN members b ON b.conversation = a.conversation AND b.user = o.id
    WHERE a.user = me.id AND a.until_seq IS NULL AND b.until_seq IS NULL
    AND (SELECT type FROM conversations WHERE id = a.conversation) <> 3)
  ELSE EXISTS (SELECT 1 FROM members b CROSS JOIN members a ON a.conversation = b.conversation AND a.user = me.id
    WHERE b.user = o.id AND b.until_seq IS NULL AND a.until_seq IS NULL
    AND (SELECT type FROM conversations WHERE id = b.conversation) <> 3) END
"""
_CHANNELS = """
SELECT c.conversation_id, m.joined_seq FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
WHERE u.user_id = ? AND m.until_seq IS NULL AND c.type = 2
"""


class _AccessRow(msgspec.Struct, array_like=True):
    """A row of `_ACCESS_COLUMNS`."""

    conversation_id: str
    type: int
    name: str
    announcement: str
    avatar: str
    history_policy: str
    join_policy: str
    dissolved: int
    created_ts: int
    member_count: int
    user_id: str
    role: int
    joined_seq: int
    from_seq: int
    until_seq: int | None
    delivered_seq: int
    read_seq: int
    muted: int
    pinned: int
    draft: str
    head_seq: int
    head_hash: str
    peer_id: str | None
    peer_delivered_seq: int | None
    peer_read_seq: int | None


_decode_accesses = msgspec.json.Decoder(list[_AccessRow]).decode


def _access(row: _AccessRow) -> Access:
    private = row.type == ConversationType.PRIVATE
    return Access(
        conversation=Conversation(
            row.conversation_id,
            ConversationType(row.type),
            row.name,
            row.announcement,
            row.avatar,
            row.history_policy,
            row.join_policy,
            bool(row.dissolved),
            row.member_count,
            row.created_ts,
            ()
            if row.type == ConversationType.GROUP
            else tuple(sorted({row.user_id, row.peer_id or row.user_id})),
        ),
        member=Member(row.user_id, RoleRank(row.role), row.joined_seq, row.from_seq, row.until_seq),
        head_seq=row.head_seq,
        head_hash=bytes.fromhex(row.head_hash),
        delivered_seq=row.delivered_seq,
        read_seq=row.read_seq,
        muted=bool(row.muted),
        pinned=bool(row.pinned),
        draft=row.draft,
        peer_id=(row.peer_id or row.user_id) if private else None,
        peer_delivered_seq=row.peer_delivered_seq,
        peer_read_seq=row.peer_read_seq,
    )


class SqliteReads:
    """The reading half of the embedded `Store`.

    Args:
        database: the open file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._keys: dict[str, int] = {}
        self._epoch = str(database.read("SELECT value FROM meta WHERE key = 'epoch'")[0][0])

    @property
    def epoch(self) -> str:
        """See `Store.epoch`."""
        return self._epoch

    async def access(self, user_id: str, conversation_id: str) -> Access | None:
        """See `Store.access`."""
        rows = self._database.read(_ACCESS, (user_id, conversation_id))
        return _access(_AccessRow(*rows[0])) if rows else None

    async def channels(self, user_id: str) -> Mapping[str, int]:
        """See `Store.channels`."""
        return {
            str(group_id): int(joined_seq)
            for group_id, joined_seq in self._database.read(_CHANNELS, (user_id,))
        }

    async def head(self, conversation_id: str) -> int:
        """See `Store.head`."""
        rows = self._database.read(
            "SELECT max(seq) FROM events WHERE conversation = (SELECT id FROM conversations WHERE conversation_id = ?)",
            (conversation_id,),
        )
        return int(rows[0][0] or 0)

    async def members(self, conversation_id: str) -> Sequence[MemberPosition]:
        """See `Store.members`."""
        rows = await self._aggregate(_MEMBERS, (conversation_id,))
        return [
            MemberPosition(Member(user_id, RoleRank(role), joined, from_seq, until), delivered, read)
            for user_id, role, joined, from_seq, until, delivered, read in rows
        ]

    async def changed(self, user_id: str, since: Sequence[int] | None) -> Sequence[str]:
        """See `Store.changed`."""
        after = since[0] if since else -1
        ids: list[str] = await self._aggregate(_CHANGED, (user_id, after, after))
        return ids

    async def accesses(self, user_id: str, conversation_ids: Sequence[str]) -> Sequence[Access]:
        """See `Store.accesses`."""
        asked = _encode(list(conversation_ids)).decode()
        text = await self._database.read_large(
            lambda connection: connection.execute(_ACCESSES, (asked, user_id)).fetchone()[0]
        )
        return [_access(row) for row in _decode_accesses(text)]

    async def unread(self, user_id: str, accesses: Sequence[Access]) -> Sequence[int]:
        """See `Store.unread`."""
        asked = [
            (
                access.conversation.conversation_id,
                max(access.read_seq, access.member.from_seq - 1),
                access.head_seq,
            )
            for access in accesses
            if access.head_seq > access.read_seq
        ]
        if not asked:
            return [0] * len(accesses)
        by_id = dict(await self._aggregate(_UNREAD, (MESSAGE, user_id, MAX_UNREAD, _encode(asked).decode())))
        return [by_id.get(access.conversation.conversation_id, 0) for access in accesses]

    async def share_conversation(self, user_id: str, others: Sequence[str]) -> set[str]:
        """See `Store.share_conversation`."""
        return set(await self._aggregate(_SHARED, (user_id, _encode(list(others)).decode())))

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
        key = self._conversation_key(conversation_id)
        if key is None:
            return Page(first_hash(conversation_id), (), has_more=False)
        try:
            if last_seq < first_seq:
                return Page(self._hash_at(key, conversation_id, last_seq), (), has_more=False)
            rows, full = self._rows(key, first_seq, last_seq, limit, newest, max_bytes)
            events = self._views(key, conversation_id, rows, reactions_until)
            before = events[0].seq - 1 if events else (last_seq if newest else first_seq - 1)
            prev_hash = self._hash_at(key, conversation_id, before)
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc
        return Page(prev_hash, events, has_more=full)

    def _conversation_key(self, conversation_id: str) -> int | None:
        key = self._keys.get(conversation_id)
        if key is None:
            rows = self._database.read(
                "SELECT id FROM conversations WHERE conversation_id = ?", (conversation_id,)
            )
            if not rows:
                return None
            if len(self._keys) >= 100_000:  # some 10 MB; keys never change, so starting anew is harmless
                self._keys.clear()
            key = self._keys[conversation_id] = int(rows[0][0])
        return key

    def _hash_at(self, key: int, conversation_id: str, seq: int) -> bytes:
        """Return the rolling hash at ``seq``, or at the head where ``seq`` lies beyond it."""
        rows = self._database.read(
            "SELECT hash FROM events WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
            (key, seq),
        )
        return bytes(rows[0][0]) if rows else first_hash(conversation_id)

    def _rows(  # the arguments of `page`, checked there
        self, key: int, first_seq: int, last_seq: int, limit: int, newest: bool, max_bytes: int
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """Return the rows ascending, and whether the range holds more than them."""
        sql = _PAGE.format(order="DESC" if newest else "ASC")
        rows: list[tuple[Any, ...]] = []
        size = 0
        full = False
        cursor = self._database.reader.execute(sql, (key, first_seq, last_seq, limit + 1))
        for row in cursor:
            size += len(row[6].encode())  # bytes of UTF-8, not characters
            if len(rows) == limit or (rows and size > max_bytes):
                full = True
                break
            rows.append(row)
        cursor.close()
        if newest:
            rows.reverse()
        return rows, full

    def _views(
        self, key: int, conversation_id: str, rows: list[tuple[Any, ...]], reactions_until: int
    ) -> list[EventView]:
        reactions = self._reactions(key, int(rows[0][0]), int(rows[-1][0]), reactions_until) if rows else {}
        return [
            EventView(
                conversation_id=conversation_id,
                seq=seq,
                kind=KINDS[kind] if kind != REFUSED_NUMBER else "",
                sender_id=sender_id,
                msg_id=unpack_msg_id(msg_id),
                server_ts=server_ts,
                client_ts=client_ts,
                payload=body.encode(),
                digest=digest,
                hash=hash_,
                edited_seq=edited_seq,
                recalled=recalled_seq is not None,
                reactions=reactions.get(seq, ()),
            )
            for (
                seq,
                kind,
                sender_id,
                msg_id,
                server_ts,
                client_ts,
                body,
                digest,
                hash_,
                edited_seq,
                recalled_seq,
            ) in rows
        ]

    def _reactions(
        self, key: int, first_seq: int, last_seq: int, until_seq: int
    ) -> dict[int, tuple[Reactors, ...]]:
        rows = self._database.read(_REACTIONS, (SHOWN_REACTORS, key, first_seq, last_seq, until_seq))
        found: dict[int, tuple[Reactors, ...]] = {}
        for seq, emoji, count, users in _decode(str(rows[0][0])):
            user_ids = _decode(users) if isinstance(users, str) else users
            found[seq] = (*found.get(seq, ()), Reactors(emoji, count, tuple(user_ids)))
        return found

    async def _aggregate(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        text = await self._database.read_large(
            lambda connection: connection.execute(sql, parameters).fetchone()[0]
        )
        rows: list[Any] = _decode(text)
        return rows
