"""Writes what changed to the data_dir, and reads it back at the next start."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pingme.ports.clock import Clock
from pingme.sdk.replica import Replica
from pingme.sdk.state import Snapshot
from pingme.sdk.store import LocalStore, Statement

WRITE_EVERY_MS = 500  # after a crash the events of the last half second come again
KEPT_MESSAGES = 20  # per conversation, enough for a list with last messages

_SAVE = "INSERT OR REPLACE INTO conversation VALUES (?, ?, ?, ?)"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Snapshot).decode


class Keeper:
    """The place of every conversation, on disk.

    Args:
        store: the data_dir's database.
        replica: what is known.
        clock: paces the writing.
    """

    def __init__(self, store: LocalStore, replica: Replica, clock: Clock) -> None:
        self._store = store
        self._replica = replica
        self._clock = clock

    def load(self) -> None:
        """Give the replica what was kept."""
        rows = self._store.rows("SELECT consumed_seq, rolling, snapshot FROM conversation")
        for consumed, rolling, snapshot in rows:
            assert isinstance(snapshot, bytes)
            known_hash = bytes.fromhex(str(rolling)) or None
            self._replica.restore(_decode(snapshot), known=int(consumed), rolling=known_hash)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._clock.sleep_ms(WRITE_EVERY_MS)
            await self.save()

    async def save(self, *, since: str | None = None, epoch: str | None = None, reset: bool = False) -> None:
        """Write what changed, together with a sync's token and epoch. ``reset`` forgets everything older."""
        statements: list[Statement] = [("DELETE FROM conversation", ())] if reset else []
        changed, self._replica.changed = self._replica.changed, set()
        if reset:  # what was written while the sync still ran goes, too, and has to be written again
            changed = set(self._replica.snapshots)
        if not self._store.keeps:
            return
        statements += [
            self._row(snapshot) for name in changed if (snapshot := self._replica.snapshots.get(name))
        ]
        for key, value in (("since", since), ("epoch", epoch)):
            if value is not None:
                statements.append(("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value)))
        if statements:
            await self._store.write(statements)

    def _row(self, snapshot: Snapshot) -> Statement:
        name = snapshot.conversation_id
        timeline = self._replica.timelines.get(name)
        consumed = self._replica.consumed.get(name, 0)
        known = timeline is not None and timeline.known == consumed and timeline.rolling is not None
        rolling = timeline.rolling.hex() if known and timeline and timeline.rolling else ""
        return _SAVE, (name, consumed, rolling, _encode(_short(snapshot)))


def _short(snapshot: Snapshot) -> Snapshot:
    if len(snapshot.messages) <= KEPT_MESSAGES:
        return snapshot
    messages = snapshot.messages[-KEPT_MESSAGES:]
    return replace(snapshot, messages=messages, window_from=messages[0].seq)
