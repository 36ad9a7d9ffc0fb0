"""A real embedded store with users, and short ways to make things happen in it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.events import (
    Body,
    Command,
    GroupCreatedBody,
    MemberJoinedBody,
    MemberRemovedBody,
    MessageBody,
    Stored,
    make_command,
)
from pingme.domain.ids import UserId, private_conversation_id
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import NewUser
from pingme.ports.clock import Clock
from tests.fakes.clock import FakeClock


class ChatWorld:
    """The store, its clock, and the pipeline's work done at once.

    Args:
        folder: where the file is made.
        clock: the one that everything here goes by; None for one that stands still.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock: Any = clock or FakeClock()
        self.database = SqliteDatabase(folder / "pingme.db")
        self.accounts = SqliteAccounts(self.database)
        self.store = SqliteStore(self.database, self.clock, RuleLimits())
        self._ids = itertools.count(1)

    async def add_users(self, *user_ids: str) -> None:
        await self.accounts.create_users(
            [
                NewUser(
                    user_id=user_id,
                    username=user_id,
                    username_key=user_id.casefold(),
                    password_hash="hash",
                    created_ts=1,
                )
                for user_id in user_ids
            ]
        )

    def command(self, kind: str, sender_id: str, conversation_id: str, body: Body) -> Command:
        return make_command(
            kind,
            sender_id=sender_id,
            msg_id=f"m-{next(self._ids)}",
            conversation_id=conversation_id,
            body=body,
        )

    async def execute(self, command: Command) -> Stored:
        (outcome,) = await self.store.save([command])
        assert isinstance(outcome, Stored), outcome
        return outcome

    async def do(self, kind: str, sender_id: str, conversation_id: str, body: Body) -> int:
        return (await self.execute(self.command(kind, sender_id, conversation_id, body))).seq

    async def say(self, sender_id: str, conversation_id: str, text: str = "hello") -> int:
        return await self.do(
            "message", sender_id, conversation_id, MessageBody(content=text, content_type="text")
        )

    async def say_to(self, sender_id: str, peer_id: str, text: str = "hello") -> tuple[str, int]:
        conversation_id = private_conversation_id(UserId(sender_id), UserId(peer_id))
        body = MessageBody(content=text, content_type="text", to_user_id=peer_id)
        return conversation_id, await self.do("message", sender_id, conversation_id, body)

    async def group(self, group_id: str, *user_ids: str, history: str = "from_join") -> str:
        body = GroupCreatedBody(
            history_policy=history,  # type: ignore[arg-type]
            join_policy="open",
            name=f"name of {group_id}",
            user_ids=user_ids,
        )
        await self.do("group_created", user_ids[0], group_id, body)
        return group_id

    async def join(self, group_id: str, by: str, *user_ids: str) -> int:
        return await self.do("member_joined", by, group_id, MemberJoinedBody(user_ids=user_ids))

    async def remove(self, group_id: str, by: str, user_id: str) -> int:
        return await self.do("member_removed", by, group_id, MemberRemovedBody(user_id=user_id))

    async def close(self) -> None:
        await self.database.close()
