"""Where people meet, and how a scene is played: at once, to fill a history, or at the pace of people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from pingme.cli.demo.cast import Room
from pingme.cli.demo.person import Person
from pingme.cli.demo.scenes import React, Say, Scene, shown

SECONDS_PER_CHARACTER = 0.07  # a quick typist
TYPING_S = (0.8, 6.0)  # for however little, and however much
THINKING_S = (1.0, 4.0)  # before somebody begins to type
REACTING_S = (0.8, 2.5)
SECOND_THOUGHT_S = (3.0, 6.0)  # before an edit or a recall


@dataclass(slots=True)
class Table:
    """A conversation.

    Attributes:
        conversation_id: its id.
        members: usernames; the guest is among them where the guest is a member.
        key: of its own scenes; "" for a private chat.
        is_busy: while a scene is played here; a room has one at a time.
    """

    conversation_id: str
    members: tuple[str, ...]
    key: str = ""
    weight: int = 1
    is_busy: bool = False

    def peer_of(self, username: str) -> str | None:
        """Return the other one of a private chat, None in a group."""
        return None if self.key else next(member for member in self.members if member != username)


@dataclass(slots=True)
class Stage:
    """Everybody and every conversation."""

    people: dict[str, Person]
    tables: dict[str, Table] = field(default_factory=dict)
    messages: int = 0

    def name_of(self, username: str) -> str:
        """Return what others call somebody."""
        return self.people[username].character.nickname

    def add_group(self, room: Room, group_id: str) -> Table:
        """Remember a group."""
        table = Table(group_id, room.members, room.key, room.weight)
        self.tables[group_id] = table
        return table

    def add_chat(self, conversation_id: str, members: Sequence[str]) -> Table:
        """Remember a private chat."""
        table = self.tables[conversation_id] = Table(conversation_id, tuple(members))
        return table


class Tempo:
    """How long people take.

    Args:
        speed: 1 is people's own; 0 = nobody waits or types, which fills a history.
        dice: vary it.
    """

    def __init__(self, speed: float, dice: Random) -> None:
        self.speed = speed
        self._dice = dice

    async def pause(self, between_s: tuple[float, float]) -> None:
        """Wait some time within a range of seconds."""
        if self.speed:
            await asyncio.sleep(self._dice.uniform(*between_s) / self.speed)

    async def type(self, person: Person, conversation_id: str, text: str) -> None:
        """Think, and type a text, so that the others see it."""
        if not self.speed:
            return
        await self.pause(THINKING_S)
        await person.client.typing(conversation_id)
        least, most = TYPING_S
        await asyncio.sleep(min(max(len(text) * SECONDS_PER_CHARACTER, least), most) / self.speed)


async def play(stage: Stage, table: Table, scene: Scene, players: Mapping[str, str], tempo: Tempo) -> None:
    """Play a scene; ``players`` have the username of who plays each part, and all of them must be here.

    Raises:
        Refused: somebody may not write here (any more).
    """
    last_seq = 0
    for step in scene:
        person = stage.people[players[step.part]]
        if isinstance(step, React):
            await tempo.pause(REACTING_S)
            await person.client.react(table.conversation_id, last_seq, step.emoji)
        else:
            last_seq = await _say(stage, table, step, players, tempo, reply_to=last_seq)


async def _say(
    stage: Stage, table: Table, step: Say, players: Mapping[str, str], tempo: Tempo, *, reply_to: int
) -> int:
    """Say one thing, and take it back or change it where the scene says so; return its seq."""
    person, where = stage.people[players[step.part]], table.conversation_id
    names = {part: stage.name_of(username) for part, username in players.items()}
    text = shown(step.text, names)
    await tempo.type(person, where, text)
    peer = table.peer_of(person.username)
    seq = await say(
        stage,
        person,
        where,
        text,
        to=stage.people[peer].user_id if peer is not None else None,
        reply_to=reply_to if step.is_reply else None,
        mentions=[stage.people[players[part]].user_id for part in step.mentions],
    )
    if step.edited or step.is_recalled:
        await tempo.pause(SECOND_THOUGHT_S)
    if step.edited:
        await person.client.edit(where, seq, shown(step.edited, names))
    if step.is_recalled:
        await person.client.recall(where, seq)
    return seq


async def say(
    stage: Stage,
    person: Person,
    conversation_id: str,
    text: str,
    *,
    to: str | None = None,
    reply_to: int | None = None,
    mentions: Sequence[str] = (),
) -> int:
    """Send one message and return its seq; ``to`` is the other's user id in a private chat that may not exist yet."""
    sent = await person.client.send(
        text,
        to=to,
        conversation=None if to is not None else conversation_id,
        reply_to=reply_to,
        mentions=mentions,
        msg_id=person.new_msg_id(),
    )
    assert sent is not None
    stage.messages += 1
    return sent.seq
