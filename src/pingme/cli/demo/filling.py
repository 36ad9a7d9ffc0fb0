"""The past of the demo: accounts, groups, private chats, and what was said there before one looks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from pingme.cli.demo.cast import CHATS, GUEST, PEOPLE, ROOMS, Chat, Room
from pingme.cli.demo.person import Person
from pingme.cli.demo.scenes import ANY, TWO, Catalogue, Scene, cast_parts, deal, fill_in, parts_of, speaker_of
from pingme.cli.demo.stage import Stage, Table, Tempo, play
from pingme.sdk import Message

Advance = Callable[[str, int, int], None]
"""Called with what is done, how far it is, and how far it goes."""

LOGINS_AT_ONCE = 2  # as many passwords as a server hashes at once by default
MIXED_UP = 0.3  # of the members leave some messages unread, so that ticks differ
SOME_UNREAD = 4
GUEST_AWAY = 3  # scenes at the end of a room of which the guest has not read everything
PAGE = 100  # entries looked at, from the newest on


async def move_in(url: str, password: str, *, folder: Path, advance: Advance) -> Stage:
    """Make all accounts and connect everybody.

    Raises:
        Refused: an account exists with another password, or none may be made.
    """
    people = {one.username: Person(one, url=url, folder=folder / one.username) for one in PEOPLE}
    stage = Stage(people)
    gate = asyncio.Semaphore(LOGINS_AT_ONCE)
    done = 0

    async def one(person: Person) -> None:
        nonlocal done
        async with gate:
            await person.move_in(password)
        done += 1
        advance("people move in", done, len(people))

    try:
        async with asyncio.TaskGroup() as tasks:
            for person in people.values():
                tasks.create_task(one(person))
    except BaseExceptionGroup as group:
        await leave_all(stage, for_good=False)
        raise group.exceptions[0] from None
    return stage


async def leave_all(stage: Stage, *, for_good: bool) -> None:
    """Let everybody go."""
    await asyncio.gather(*(person.leave(for_good=for_good) for person in stage.people.values()))


async def fill(stage: Stage, catalogue: Catalogue, *, seed: int, advance: Advance) -> None:
    """Make groups and chats and fill them with history; those that are there already stay as they are.

    The same seed gives the same history.
    """
    dice = Random(seed)  # noqa: S311  # play
    tempo = Tempo(0.0, dice)
    small_talk = deal(catalogue.scenes[ANY], [room.small_talk for room in ROOMS], dice)
    private = deal(catalogue.scenes[TWO], [chat.scenes for chat in CHATS], dice)
    done, total = 0, len(ROOMS) + len(CHATS)

    async def room(one: Room, more: Sequence[Scene]) -> None:
        scenes = [*catalogue.scenes[one.key], *more]
        await _fill_room(stage, one, scenes, Random(f"{seed}/{one.key}"), tempo)  # noqa: S311
        count()

    async def chat(one: Chat, scenes: Sequence[Scene]) -> None:
        await _fill_chat(stage, one, scenes, Random(f"{seed}/{one.one}/{one.other}"), tempo)  # noqa: S311
        count()

    def count() -> None:
        nonlocal done
        done += 1
        advance("they talk", done, total)

    async with asyncio.TaskGroup() as tasks:
        for each, scenes in zip(ROOMS, small_talk, strict=True):
            tasks.create_task(room(each, scenes))
        for pair, scenes in zip(CHATS, private, strict=True):
            tasks.create_task(chat(pair, scenes))


async def _fill_room(stage: Stage, room: Room, scenes: list[Scene], dice: Random, tempo: Tempo) -> None:
    owner = stage.people[room.members[0]]
    there = {group.name: group for group in await owner.client.groups.mine()}
    if room.name in there:
        stage.add_group(room, there[room.name].group_id)
        return
    ids = [stage.people[username].user_id for username in room.members[1:]]
    group = await owner.client.groups.create(
        room.name, ids, history_policy="full", join_policy="open" if room.is_open else None
    )
    if room.announcement:
        await owner.client.groups.update(group.group_id, announcement=room.announcement)
    await owner.client.groups.set_role(group.group_id, ids[0], "admin")
    table = stage.add_group(room, group.group_id)
    dice.shuffle(scenes)
    await _tell(stage, table, scenes, dice, tempo, without_guest=GUEST_AWAY if room.unread else 0)
    await _read(stage, table, dice, guest_leaves=room.unread)


async def _fill_chat(stage: Stage, chat: Chat, scenes: Sequence[Scene], dice: Random, tempo: Tempo) -> None:
    one, other = stage.people[chat.one], stage.people[chat.other]
    conversation_id = await one.client.conversation_with(other.user_id)
    table = stage.add_chat(conversation_id, (chat.one, chat.other))
    if one.client.conversation(conversation_id) is not None:
        return
    # The other one has the last word, so that there is something to read.
    last = speaker_of(scenes[-1])
    peer, guest = (chat.other, chat.one) if chat.one == GUEST else (chat.one, chat.other)
    players = {part: peer if part == last else guest for part in ("a", "b")}
    await _tell(stage, table, scenes, dice, tempo, players=players)
    await _read(stage, table, dice, guest_leaves=chat.unread)


async def _tell(
    stage: Stage,
    table: Table,
    scenes: Sequence[Scene],
    dice: Random,
    tempo: Tempo,
    *,
    players: Mapping[str, str] | None = None,
    without_guest: int = 0,
) -> None:
    """Play scenes one after the other; those with more parts than there are members are left out.

    The guest has no part in the last ``without_guest`` scenes.
    """
    for left, scene in zip(range(len(scenes), 0, -1), scenes, strict=True):
        members = [name for name in table.members if name != GUEST or left > without_guest]
        cast = players or cast_parts(scene, members, dice)
        if cast is not None:
            assert set(parts_of(scene)) <= cast.keys()
            await play(stage, table, fill_in(scene, dice), cast, tempo)


async def _read(stage: Stage, table: Table, dice: Random, *, guest_leaves: int) -> None:
    """Everybody has read everything, but some, and the guest, have not come to the newest messages yet."""
    for username in table.members:
        leaves = SOME_UNREAD if dice.random() < MIXED_UP else 0
        if username == GUEST:
            leaves = guest_leaves
        client = stage.people[username].client
        found = [event async for event in client.history(table.conversation_id, limit=PAGE)]
        messages = [event for event in found if isinstance(event, Message)]
        # Whoever has written something has read what stood there.
        later = [event.seq for event in itertools.takewhile(lambda event: not event.mine, messages)][:leaves]
        client.mark_read(table.conversation_id, later[-1] - 1 if later else found[0].seq)
        await client.flush()
