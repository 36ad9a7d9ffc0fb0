"""Writes what changed to the data_dir, and reads it back at the next start."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from pingme.ports.clock import Clock
from pingme.sdk.errors import StorageFailed
from pingme.sdk.replica import Replica
from pingme.sdk.state import Snapshot
from pingme.sdk.store import LocalStore, Statement

WRITE_EVERY_MS = 500  # after a crash the events of the last half second come again
KEPT_MESSAGES = 20  # per conversation, enough for a list with last messages

_WIPE: tuple[Statement, ...] = (
    ("DELETE FROM conversation", ()),
    ("DELETE FROM meta WHERE key = 'since'", ()),
)
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
        self._meta: dict[str, str] = {}
        self._wipe = False

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

    async def begin_epoch(self, epoch: str, *, wipe: bool) -> None:
        """Name the epoch of all that is kept from now on; ``wipe``: what is kept is of another one."""
        self._meta = {"epoch": epoch}
        self._wipe = self._wipe or wipe
        await self.save()

    async def save(self, *, since: str | None = None) -> None:
        """Write what changed, together with a sync's token. What cannot be written now is written by a later call: after a
        crash more comes again.
        """
        if since is not None:
            self._meta["since"] = since
        changed, self._replica.changed = self._replica.changed, set()
        meta, self._meta = self._meta, {}
        wipe, self._wipe = self._wipe, False
        if wipe:  # what was written in between goes, too, and has to be written again
            changed = set(self._replica.snapshots)
        if not self._store.keeps:
            return
        statements: list[Statement] = list(_WIPE) if wipe else []
        statements += [
            self._row(snapshot) for name in changed if (snapshot := self._replica.snapshots.get(name))
        ]
        statements += [("INSERT OR REPLACE INTO meta VALUES (?, ?)", item) for item in meta.items()]
        if not statements:
            return
        try:
            await self._store.write(statements)
        except StorageFailed:
            self._replica.changed |= changed
            self._meta = meta | self._meta
            self._wipe = self._wipe or wipe

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
