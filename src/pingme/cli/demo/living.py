"""The present of the demo: people talk, type, read, answer whoever is new, and come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random

from pingme.cli.demo.cast import GUEST, WORDS
from pingme.cli.demo.person import Person
from pingme.cli.demo.scenes import ANY, TWO, Catalogue, Scene, cast_parts, fill_in, fill_words
from pingme.cli.demo.stage import Stage, Table, Tempo, play, say
from pingme.sdk import Message, PingMeError, Refused

SCENES_AT_ONCE = 3
GAP_S = (2.0, 9.0)  # between two scenes of one kind
COMING_AND_GOING_S = (8.0, 25.0)
READING_S = (1.0, 8.0)  # after a message has come
ANSWERING_S = (0.5, 2.0)
READS = 0.9  # of what comes is read soon
ANSWERS_IN_GROUP = 0.7  # of a human's messages there; in a private chat all
AT_HOME = 0.6  # of the people are always here
LEAVES = 0.6  # instead of only looking away
EMOJI_ONLY = 0.3  # of the answers that no question asks for
EMOJI = ("👍", "❤️", "😄", "🎉")


class Town:
    """Plays until it is cancelled.

    Args:
        stage: everybody, connected.
        catalogue: what is said.
        speed: 1 is people's own pace.
        seed: for what happens next; what humans do changes it.
    """

    def __init__(self, stage: Stage, catalogue: Catalogue, *, speed: float, seed: int) -> None:
        self._stage = stage
        self._catalogue = catalogue
        self._dice = Random(f"{seed}/live")  # noqa: S311  # play
        self._tempo = Tempo(speed, self._dice)
        self._recent: dict[Scene, int] = {}
        self._answering: set[str] = set()
        self._chores: asyncio.TaskGroup | None = None

    @property
    def people(self) -> list[Person]:
        """Whom the demo plays: all but the guest."""
        return [person for name, person in self._stage.people.items() if name != GUEST]

    async def live(self) -> None:
        """Let things happen, for ever."""
        for person in self.people:
            person.heard = self._hear
        async with asyncio.TaskGroup() as chores:
            self._chores = chores
            for _ in range(SCENES_AT_ONCE):
                chores.create_task(self._talk())
            chores.create_task(self._come_and_go())

    async def _talk(self) -> None:
        while True:
            await self._tempo.pause(GAP_S)
            chosen = self._choose()
            if chosen is None:
                continue
            table, scene, players = chosen
            table.is_busy = True
            cast = [self._stage.people[username] for username in players.values()]
            for person in cast:
                person.busy += 1
            try:
                await play(self._stage, table, fill_in(scene, self._dice), players, self._tempo)
            except Refused:  # a human has closed the group, or taken somebody out
                self._stage.tables.pop(table.conversation_id, None)
            except PingMeError:  # a human has logged somebody out: the others go on
                continue
            finally:
                table.is_busy = False
                for person in cast:
                    person.busy -= 1

    def _choose(self) -> tuple[Table, Scene, dict[str, str]] | None:
        """Return a conversation where nothing happens, and who says what there; None when nobody can."""
        here = {person.username for person in self.people if person.is_here}
        free = [
            table
            for table in self._stage.tables.values()
            if not table.is_busy and (table.key or here.issuperset(table.members))
        ]
        if not free:
            return None
        (table,) = self._dice.choices(free, [table.weight for table in free])
        kinds = (table.key, ANY) if table.key else (TWO,)
        scenes = [scene for kind in kinds for scene in self._catalogue.scenes[kind]]
        # Never told, or told longest ago; among those, any.
        oldest = min(self._recent.get(scene, 0) for scene in scenes)
        scene = self._dice.choice([scene for scene in scenes if self._recent.get(scene, 0) == oldest])
        players = cast_parts(scene, sorted(here.intersection(table.members)), self._dice)
        if players is None:
            return None
        self._recent[scene] = oldest + 1
        return table, scene, players

    async def _come_and_go(self) -> None:
        while True:
            await self._tempo.pause(COMING_AND_GOING_S)
            people = self.people
            person = self._dice.choice(people)
            if person.is_gone:
                continue
            if not person.is_here:
                await person.come()
            elif person.busy == 0:
                here = sum(one.is_here for one in people)
                if here > AT_HOME * len(people) and self._dice.random() < LEAVES:
                    await person.leave()
                else:
                    await person.client.set_presence(self._dice.choice(("away", "online")))

    def _hear(self, person: Person, message: Message) -> None:
        """Read what has come, and answer it when a human wrote it and this person is the one to do so."""
        if self._chores is None or message.mine:
            return
        if self._dice.random() < READS:
            self._do(self._read(person, message))
        writer = next((one for one in self._stage.people.values() if one.user_id == message.sender_id), None)
        if writer is not None and writer.wrote(message.msg_id):
            return
        if message.conversation_id not in self._answering and self._wants_to_answer(person, message):
            self._answering.add(message.conversation_id)
            self._do(self._answer(person, message))

    def _wants_to_answer(self, person: Person, message: Message) -> bool:
        if message.to_user_id is not None or person.user_id in message.mentions:
            return True
        table = self._stage.tables.get(message.conversation_id)
        members = len(table.members) if table is not None else 2
        return self._dice.random() < ANSWERS_IN_GROUP / max(1, members - 2)

    def _do(self, chore: Coroutine[None, None, None]) -> None:
        assert self._chores is not None
        self._chores.create_task(chore)

    async def _read(self, person: Person, message: Message) -> None:
        await self._tempo.pause(READING_S)
        if person.is_here:
            person.client.mark_read(message.conversation_id, message.seq)

    async def _answer(self, person: Person, message: Message) -> None:
        """Answer a human: an emoji in some cases, otherwise a line that fits a question or anything."""
        person.busy += 1
        try:
            await self._tempo.pause(ANSWERING_S)
            if not person.is_here:
                return
            where = message.conversation_id
            person.client.mark_read(where, message.seq)
            is_question = message.content.rstrip().endswith("?")
            if not is_question and self._dice.random() < EMOJI_ONLY:
                await person.client.react(where, message.seq, self._dice.choice(EMOJI))
                return
            lines = self._catalogue.questions if is_question else self._catalogue.answers
            words = {slot: self._dice.choice(choices) for slot, choices in WORDS.items()}
            text = fill_words(self._dice.choice(lines), words)
            await self._tempo.type(person, where, text)
            reply_to = None if message.to_user_id is not None else message.seq
            await say(self._stage, person, where, text, reply_to=reply_to)
        except PingMeError:  # the human has closed the group, or taken this person out
            return
        finally:
            person.busy -= 1
            self._answering.discard(message.conversation_id)
