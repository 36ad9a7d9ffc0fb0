"""The SQL of a plan: one INSERT in the good case, further statements of the same transaction where effects ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pingme.adapters.mysql_database import Transaction
from pingme.adapters.mysql_schema import KEY_SHIFT
from pingme.adapters.store_mysql_load import REFUSED_NUMBER, marks, pack
from pingme.domain.effects import (
    ConversationChanged,
    ConversationMade,
    MemberSet,
    MessageEdited,
    MessageRecalled,
    ProfileChanged,
    ReactionSet,
    SettingsChanged,
)
from pingme.domain.events import KIND_NUMBERS
from pingme.domain.model import Conversation
from pingme.domain.usernames import username_key
from pingme.pipeline.plan import REFUSED_KIND, Plan, Row

INSERT_BYTES = 4 << 20  # of one statement, a quarter of the least max_allowed_packet
NICKNAME_KEY_CHARS = 600  # of the column; a longer key is found by what stands before
_NUMBERS = {**KIND_NUMBERS, REFUSED_KIND: REFUSED_NUMBER}
_INSERT = (
    "INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, client_ts, digest, hash, body,"
    " target_seq) VALUES "
)


def insert_statements(
    rows: Sequence[Row], change_no_of: Callable[[Row], int], escape: Callable[[str], str]
) -> list[str]:
    """Return the INSERTs of all rows: one, unless it would be larger than `INSERT_BYTES`.

    Hot path: numbers and hexadecimal digits need no quoting, so only bodies are escaped; the column is binary and the
    connection speaks UTF-8, so that it gets their very bytes.
    """
    statements: list[str] = []
    values: list[str] = []
    size = 0
    for row in rows:
        log_key, sender_key, target_seq, event = row
        client_ts = event.client_ts
        text = "(%d,%d,%d,%d,%d,x'%s',%d,%s,x'%s',x'%s','%s',%s)" % (  # noqa: UP031  # twice as fast as an f-string of these
            log_key, event.seq, change_no_of(row), _NUMBERS[event.kind], sender_key, pack(event.msg_id).hex(),
            event.server_ts, "NULL" if client_ts is None else client_ts, event.digest.hex(), event.hash.hex(),
            escape(event.payload.decode()), "NULL" if target_seq is None else target_seq,
        )  # fmt: skip
        size += len(text)
        if size > INSERT_BYTES and values:
            statements.append(_INSERT + ",".join(values))
            values, size = [], len(text)
        values.append(text)
    statements.append(_INSERT + ",".join(values))
    return statements


def _conversation_values(conversation: Conversation) -> tuple[object, ...]:
    return (
        conversation.name,
        conversation.announcement,
        conversation.avatar,
        conversation.history_policy,
        conversation.join_policy,
        int(conversation.dissolved),
    )


_MAKE = """
INSERT INTO conversations (id, conversation_id, type, created_ts, name, announcement, avatar, history_policy, join_policy,
  dissolved) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)
"""
_CHANGE = """
UPDATE conversations SET name=%s, announcement=%s, avatar=%s, history_policy=%s, join_policy=%s, dissolved=%s WHERE id=%s
"""
# Positions are kept when somebody comes back. A derived table, because MySQL and MariaDB name new values differently.
_MEMBERS = """
INSERT INTO members (conversation, user, role, joined_seq, from_seq, until_seq, draft, change_no)
SELECT * FROM ({rows}) AS fresh
ON DUPLICATE KEY UPDATE role = fresh.role, joined_seq = fresh.joined_seq, from_seq = fresh.from_seq,
  until_seq = fresh.until_seq, change_no = fresh.change_no
"""
_FIRST_MEMBER = (
    "SELECT {} AS conversation, {} AS user, {} AS role, {} AS joined_seq, {} AS from_seq, {} AS until_seq, '' AS draft,"
    " {} AS change_no"
)
_NEXT_MEMBER = "SELECT {}, {}, {}, {}, {}, {}, '', {}"
_PROFILE = """
UPDATE users SET nickname=COALESCE(%s, nickname), nickname_key=COALESCE(%s, nickname_key), email=COALESCE(%s, email),
  avatar=COALESCE(%s, avatar) WHERE id=%s
"""
_SETTINGS = """
UPDATE members SET muted=COALESCE(%s, muted), pinned=COALESCE(%s, pinned), draft=COALESCE(%s, draft), change_no=%s
WHERE conversation=%s AND user=%s
"""
_MEMBERS_AT_ONCE = 500


class Effects:
    """Writes the effects of one plan, in order.

    Args:
        transaction: in which the plan's rows have been inserted.
        users: keys of users.
        numbers: the change number of each shard.
        key_of: returns the key of a conversation that was there before.
    """

    def __init__(
        self,
        transaction: Transaction,
        users: Mapping[str, int],
        numbers: Mapping[int, int],
        key_of: Callable[[str], int],
    ) -> None:
        self._transaction = transaction
        self._users = users
        self._numbers = numbers
        self._key_of = key_of
        self._made: dict[str, int] = {}
        self._members: dict[tuple[int, int], tuple[object, ...]] = {}

    async def write(self, plan: Plan) -> None:
        """Write all of them; members that follow each other go together."""
        self._made = {
            name: key for key, _, name, effect in plan.effects if isinstance(effect, ConversationMade)
        }
        for key, seq, conversation_id, effect in plan.effects:
            if isinstance(effect, MemberSet):
                await self._member(key, effect)
                continue
            await self._flush_members()
            match effect:
                case ConversationMade(made):
                    first = (key, conversation_id, int(made.type), made.created_ts)
                    await self._run(_MAKE, *first, *_conversation_values(made))
                case ConversationChanged(changed):
                    await self._run(_CHANGE, *_conversation_values(changed), key)
                case MessageEdited(target_seq, content):
                    await self._edit(key, seq, target_seq, content)
                case MessageRecalled(target_seq):
                    await self._recall(key, seq, target_seq)
                case ReactionSet():
                    await self._react(key, seq, effect)
                case SettingsChanged():
                    await self._settings(effect)
                case ProfileChanged():
                    await self._profile(effect)
        await self._flush_members()

    async def _run(self, sql: str, *parameters: object) -> Sequence[tuple[Any, ...]]:
        return (await self._transaction.execute(sql, parameters)).rows

    def _change_no(self, key: int) -> int:
        return self._numbers[key >> KEY_SHIFT]

    async def _member(self, key: int, effect: MemberSet) -> None:
        member = effect.member
        until = "NULL" if member.until_seq is None else member.until_seq
        user = self._users[member.user_id]
        if len(self._members) == _MEMBERS_AT_ONCE:
            await self._flush_members()
        self._members[key, user] = (
            key, user, int(member.role), member.joined_seq, member.from_seq, until, self._change_no(key),
        )  # fmt: skip

    async def _flush_members(self) -> None:
        if not self._members:
            return
        first, *others = self._members.values()
        rows = " UNION ALL ".join(
            [_FIRST_MEMBER.format(*first), *(_NEXT_MEMBER.format(*row) for row in others)]
        )
        self._members = {}
        await self._run(_MEMBERS.format(rows=rows))  # numbers only

    async def _edit(self, key: int, seq: int, target_seq: int, content: str) -> None:
        await self._rewrite(key, target_seq, content=content)
        await self._run(
            "UPDATE events SET edited_seq=%s WHERE conversation=%s AND seq=%s", seq, key, target_seq
        )
        await self._run(
            "INSERT INTO edits (conversation, target_seq, seq) VALUES (%s,%s,%s)", key, target_seq, seq
        )

    async def _recall(self, key: int, seq: int, target_seq: int) -> None:
        """Erase the content from the message and from every edit of it; digests and hashes stay."""
        edits = await self._run(
            "SELECT seq FROM edits WHERE conversation=%s AND target_seq=%s", key, target_seq
        )
        await self._rewrite(key, target_seq, *(edit for (edit,) in edits), content="")
        await self._run(
            "UPDATE events SET recalled_seq=%s WHERE conversation=%s AND seq=%s", seq, key, target_seq
        )
        await self._run("DELETE FROM reactions WHERE conversation=%s AND seq=%s", key, target_seq)

    async def _rewrite(self, key: int, *seqs: object, content: str) -> None:
        """Give events another content, and none of its mentions where it is erased.

        Done here and not by JSON_SET, which would write the whole object in a form of its own.
        """
        where = f"conversation=%s AND seq IN ({marks(seqs)})"
        rows = await self._run(f"SELECT seq, body FROM events WHERE {where}", key, *seqs)  # noqa: S608  # placeholders
        cases: list[object] = []
        for seq, body in rows:
            fields = msgspec.json.decode(body)
            fields["content"] = content
            if not content:
                fields.pop("mentions", None)
            cases += (seq, msgspec.json.encode(fields))
        whens = " ".join(["WHEN %s THEN %s"] * len(rows))
        sql = f"UPDATE events SET body = CASE seq {whens} END WHERE {where}"  # noqa: S608  # placeholders
        await self._run(sql, *cases, key, *seqs)

    async def _react(self, key: int, seq: int, effect: ReactionSet) -> None:
        user = self._users[effect.user_id]
        if effect.present:
            sql = """INSERT INTO reactions (conversation, seq, emoji, user, at_seq) VALUES (%s,%s,%s,%s,%s)
                     ON DUPLICATE KEY UPDATE at_seq = at_seq"""
            await self._run(sql, key, effect.target_seq, effect.emoji, user, seq)
        else:
            sql = "DELETE FROM reactions WHERE conversation=%s AND seq=%s AND emoji=%s AND user=%s"
            await self._run(sql, key, effect.target_seq, effect.emoji, user)

    async def _settings(self, effect: SettingsChanged) -> None:
        key = self._made.get(effect.about) or self._key_of(effect.about)
        muted, pinned = (None if flag is None else int(flag) for flag in (effect.muted, effect.pinned))
        user = self._users[effect.user_id]
        await self._run(_SETTINGS, muted, pinned, effect.draft, self._change_no(key), key, user)

    async def _profile(self, effect: ProfileChanged) -> None:
        nickname_key = None if effect.nickname is None else username_key(effect.nickname)[:NICKNAME_KEY_CHARS]
        user = self._users[effect.user_id]
        await self._run(_PROFILE, effect.nickname, nickname_key, effect.email, effect.avatar, user)
