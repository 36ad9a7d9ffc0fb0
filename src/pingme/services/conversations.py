"""The conversation list, and what a user has set for each: muted, pinned, a draft."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import ConversationSettingsBody, Stored, make_command
from pingme.ports.store import Access, Store
from pingme.services.access import access_conversation
from pingme.services.cursors import pack, unpack
from pingme.services.entries import head_fields, reactions_until, shown_to
from pingme.services.group_reads import GroupReads
from pingme.services.messages import Messages
from pingme.wire import encode

MAX_ITEMS = 200  # of one page
MAX_DRAFT_BYTES = 8_192  # of UTF-8, as a message
CHUNK = 50  # conversations that are read together
LOOKBACKS = (1, 20, 200)  # newest events among which the last message is looked for, step by step
LOOKBACK_BYTES = 262_144

_encode = msgspec.json.Encoder().encode


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How many conversations were given. Others only ever move to the front, so none is passed over."""

    skip: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Conversations:
    """What a client without a local copy shows first.

    Args:
        store: where conversations are.
        messages: takes the command that changes settings.
    """

    def __init__(self, store: Store, messages: Messages) -> None:
        self._store = store
        self._messages = messages
        self.groups = GroupReads(store)

    async def list(self, user_id: str, cursor: str | None = None, limit: int = 50) -> bytes:
        """Return ``{items, next_cursor?}`` as JSON: the user's conversations, newest first.

        An item has the fields of a sync entry without events, and ``last_message`` in its current state where one stands
        among the newest 200 events. The user's own log is not listed.

        Args:
            user_id: who asks.
            cursor: ``next_cursor`` of the page before.
            limit: 1 to 200.

        Raises:
            Refused: 10002.
            StoreUnavailable: it cannot be read now.
        """
        skip = 0 if cursor is None else unpack(cursor, _Cursor, field="cursor").skip
        if not 1 <= limit <= MAX_ITEMS:
            raise Refused(ErrorCode.INVALID_PARAMETERS, f"limit: expected 1 to {MAX_ITEMS}, got {limit}")
        own_log = user_id
        everything = [each for each in await self._store.changed(user_id, None) if each != own_log]
        page = everything[skip : skip + limit]
        items: list[bytes] = []
        for start in range(0, len(page), CHUNK):
            accesses = await self._store.accesses(user_id, page[start : start + CHUNK])
            items += await self._items(user_id, accesses)
        following = b""
        if skip + limit < len(everything):
            following = b',"next_cursor":%b' % _encode(pack(_Cursor(skip + limit)))
        return b'{"items":[%b]%b}' % (b",".join(items), following)

    async def get(self, user_id: str, conversation_id: str) -> bytes:
        """Return one item of the list as JSON.

        Raises:
            Refused: 40001 or 40002 for strangers.
            StoreUnavailable: it cannot be read now.
        """
        access = await access_conversation(self._store, user_id, conversation_id)
        (item,) = await self._items(user_id, [access])
        return item

    async def settings(
        self,
        user_id: str,
        conversation_id: str,
        *,
        muted: bool | None = None,
        pinned: bool | None = None,
        draft: str | None = None,
        msg_id: str,
    ) -> Stored:
        """Change the user's settings of a conversation: an event in the user's own log, for the other devices.

        Args:
            user_id: whose settings.
            conversation_id: of which conversation; former members have settings, too.
            muted: None leaves it as it is, here and below.
            pinned: keep it on top.
            draft: what the user has begun to write, at most 8 192 bytes of UTF-8; empty takes it away.
            msg_id: chosen by the client.

        Raises:
            Refused: 10002 without a change, 40006 for a longer draft, 40001/40002 for strangers.
            OutcomeUnknown: 10009 or 50006.
        """
        body = ConversationSettingsBody(about=conversation_id, draft=draft, muted=muted, pinned=pinned)
        if body == ConversationSettingsBody(about=conversation_id):
            raise Refused(ErrorCode.INVALID_PARAMETERS, "expected at least one of muted, pinned, draft")
        if draft is not None and len(draft.encode()) > MAX_DRAFT_BYTES:
            raise Refused(ErrorCode.MESSAGE_TOO_LARGE, f"draft: at most {MAX_DRAFT_BYTES} bytes of UTF-8")
        await access_conversation(self._store, user_id, conversation_id)
        command = make_command(
            "conversation_settings", sender_id=user_id, msg_id=msg_id, conversation_id=user_id, body=body
        )
        return await self._messages.execute(command)

    async def _items(self, user_id: str, accesses: Sequence[Access]) -> Sequence[bytes]:
        unread = await self._store.unread(user_id, accesses)
        items = [b""] * len(accesses)
        for place, access in enumerate(accesses):
            last = await self._last_message(access)
            items[place] = b'{%b,"last_message":%b}' % (head_fields(access, unread[place]), last)
            await asyncio.sleep(0)  # a page of 200 must not hold the loop
        return items

    async def _last_message(self, access: Access) -> bytes:
        """Return the newest visible message, or null; mostly it is the newest event."""
        for limit in LOOKBACKS:
            page = await self._store.page(
                access.conversation.conversation_id,
                first_seq=access.member.from_seq,
                last_seq=access.head_seq,
                limit=limit,
                newest=True,
                max_bytes=LOOKBACK_BYTES,
                reactions_until=reactions_until(access),
            )
            for view in reversed(page.events):
                if view.kind == "message":
                    return encode.item(shown_to(access, view))
            if not page.has_more:
                break
        return b"null"
