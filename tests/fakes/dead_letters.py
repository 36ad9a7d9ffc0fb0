"""Dead letters in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from pingme.domain.errors import DeadLetterFailed
from pingme.ports.dead_letters import DeadLetterRecord

replace = msgspec.structs.replace


class MemoryDeadLetters:
    """The fake of the port; the contract suite runs on it, too.

    While ``broken`` is True nothing can be put, and while ``answers`` is not set nothing is known yet of what is put.
    """

    def __init__(self) -> None:
        self.broken = False
        self.answers = asyncio.Event()
        self.answers.set()
        self._letters: dict[int, DeadLetterRecord] = {}
        self._last_id = 0

    async def put(self, letter: DeadLetterRecord) -> None:
        await self.answers.wait()
        if self.broken:
            raise DeadLetterFailed("broken by the test")
        old = next((kept for kept in self._letters.values() if _key(kept) == _key(letter)), None)
        if old is None:
            self._last_id += 1
            self._letters[self._last_id] = replace(letter, id=self._last_id)
        else:
            self._letters[old.id] = replace(letter, id=old.id, created_ts=old.created_ts, replays=old.replays)

    async def list(self, *, after_id: int = 0, limit: int = 100) -> Sequence[DeadLetterRecord]:
        return [letter for id_, letter in sorted(self._letters.items()) if id_ > after_id][:limit]

    async def show(self, letter_id: int) -> DeadLetterRecord | None:
        return self._letters.get(letter_id)

    async def mark_replayed(self, letter_id: int) -> None:
        letter = self._letters.get(letter_id)
        if letter is not None:
            self._letters[letter_id] = replace(letter, replays=letter.replays + 1)

    async def purge(self, letter_ids: Sequence[int] | None = None) -> int:
        ids = set(self._letters) if letter_ids is None else set(letter_ids) & set(self._letters)
        for letter_id in ids:
            del self._letters[letter_id]
        return len(ids)

    async def count(self) -> int:
        return len(self._letters)


def _key(letter: DeadLetterRecord) -> tuple[str, str] | bytes:
    decodable = letter.sender_id or letter.msg_id
    return (letter.sender_id, letter.msg_id) if decodable else letter.raw
