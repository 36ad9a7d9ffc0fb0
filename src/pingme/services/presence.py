"""Who is there: per device, with a grace for the last one that goes, told to those who watch.

Rules of this file:
- A hint, never a decision. What the port cannot say is ``unknown``, and nothing here fails because of it.
- Connections call in without waiting (`connected`, `disconnected`, `set_status`); the port hears of it with the next
  turn of `run`, or before the next question.
- All delays are the same for everybody, so dictionaries in the order of insertion are the queues: no timer per user.
- Bounds: one entry per connected or just departed device, one watch list of 500 per connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog

from pingme.domain.errors import PingMeError, StoreError
from pingme.ports.clock import Clock
from pingme.ports.presence import Presence, PresenceEntry
from pingme.ports.store import Store
from pingme.wire import server_frames
from pingme.wire.encode import frame_of
from pingme.wire.frames import MAX_WATCH, encode_frame

log = structlog.get_logger(__name__)

TICK_MS = 100  # between turns: a fifth of the debounce
RECHECK_MS = 60_000  # how long somebody may be watched on after the last shared conversation ended
TOLD_PER_TURN = 500  # users; each costs one query and a frame per watcher
SEEN_PER_TURN = 50  # last_seen writes; each is a commit
LOOKS = 50  # users per piece of a watch list: each may cost a query of 20 µs, and a frame
MAX_SEEN = 100_000  # that wait to be written, some 15 MB

DeviceStatus = Literal["online", "away"]
LocalStatus = Literal["online", "away", "offline"]
StoreLastSeen = Callable[[str, int], Awaitable[None]]
ReadLastSeen = Callable[[str], Awaitable[int | None]]
Turn = Callable[[], Awaitable[None]]


class Watcher(Protocol):
    """A connection that wants to know."""

    def push(self, frame: bytes, /) -> None:
        """Send a whole WebSocket frame."""
        ...


@dataclass(slots=True, eq=False)
class _Watch:
    """What one connection watches.

    Attributes:
        user_ids: those who share a conversation with the watcher, as of checked_ms.
    """

    connection: Watcher
    user_id: str
    user_ids: set[str] = field(default_factory=set)
    checked_ms: int = 0


class PresenceService:
    """Keeps this node's devices and tells watchers what changes.

    Args:
        store: who shares a conversation with whom.
        presence: everybody's devices.
        clock: for grace and debounce; its wall time is last_seen.
        accounts_last_seen: stores when a user was last here (user_id, Unix milliseconds).
        grace_s: how long a user stays after the last device has gone.
        debounce_ms: how long a change waits for further ones before watchers hear of it.
        read_last_seen: returns what accounts_last_seen stored; None leaves it out of answers.
        turn: awaited before `LOOKS` users are looked at for somebody who watches; None waits for nothing.
    """

    def __init__(
        self,
        store: Store,
        presence: Presence,
        clock: Clock,
        accounts_last_seen: StoreLastSeen,
        *,
        grace_s: float = 5.0,
        debounce_ms: int = 500,
        read_last_seen: ReadLastSeen | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._store = store
        self._presence = presence
        self._clock = clock
        self._store_last_seen = accounts_last_seen
        self._read_last_seen = read_last_seen
        self._turn = turn
        self._grace_ms = int(grace_s * 1000)
        self._debounce_ms = debounce_ms
        self._devices: dict[str, dict[str, DeviceStatus]] = {}
        self._leaving: dict[tuple[str, str], tuple[int, int]] = {}  # -> when it counts, when it went (wall)
        self._unsaid: dict[tuple[str, str], DeviceStatus | None] = {}  # what the port has not heard yet
        self._saying = asyncio.Lock()
        self._seen: dict[str, int] = {}
        self._changed: dict[str, int] = {}  # -> when watchers are told
        self._told: dict[str, str] = {}  # the state that was told last, of those who are watched
        self._watches: dict[Watcher, _Watch] = {}
        self._watchers: dict[str, set[_Watch]] = {}
        self._failing = False
        presence.on_changed = self.changed_elsewhere

    # From other nodes.

    def changed_elsewhere(self, user_ids: Sequence[str] | None) -> None:
        """Other nodes' devices of these users may have changed (None: of anybody): watchers hear of what did."""
        due_ms = self._clock.monotonic_ms() + self._debounce_ms
        for user_id in list(self._watchers) if user_ids is None else user_ids:
            if user_id in self._watchers:
                self._changed.setdefault(user_id, due_ms)

    # From connections.

    def connected(self, user_id: str, device_id: str) -> None:
        """A device is here, online."""
        self._leaving.pop((user_id, device_id), None)
        self._set(user_id, device_id, "online")

    def disconnected(self, user_id: str, device_id: str) -> None:
        """A device has no connection any more; it counts for the time of the grace."""
        if device_id in self._devices.get(user_id, {}) and (user_id, device_id) not in self._leaving:
            due_ms = self._clock.monotonic_ms() + self._grace_ms
            self._leaving[user_id, device_id] = (due_ms, self._clock.now_ms())

    def set_status(self, user_id: str, device_id: str, status: DeviceStatus) -> None:
        """Set the state of a connected device; ignored for others."""
        if device_id in self._devices.get(user_id, {}) and (user_id, device_id) not in self._leaving:
            self._set(user_id, device_id, status)

    async def watch(self, connection: Watcher, user_id: str, user_ids: Sequence[str]) -> list[bytes]:
        """Watch as `watching` does, and return the frames together."""
        return [frame async for frame in self.watching(connection, user_id, user_ids)]

    async def watching(
        self, connection: Watcher, user_id: str, user_ids: Sequence[str]
    ) -> AsyncGenerator[bytes, None]:
        """Watch these users instead of the ones before; yield one ``presence`` frame for each, in order.

        A frame tells what holds when it is yielded: send it then, changes come after it. Whoever shares no
        conversation with the user is ``unknown`` and stays so.

        Args:
            connection: gets the changes, until `unwatch`.
            user_id: who watches.
            user_ids: at most 500; more are ignored.

        Raises:
            StoreUnavailable: it cannot be checked now; the former list stays.
        """
        asked = list(dict.fromkeys(user_ids))[:MAX_WATCH]
        watch = self._watches.setdefault(connection, _Watch(connection, user_id))
        allowed = await self._sharing(user_id, asked)
        if self._watches.get(connection) is not watch:
            return  # it went while the store was asked
        self._replace(watch, allowed)
        for start in range(0, len(asked), LOOKS):
            if self._turn is not None:
                await self._turn()
            piece = asked[start : start + LOOKS]
            entries = {e.user_id: e for e in await self.states([each for each in piece if each in allowed])}
            for each in piece:
                entry = entries.get(each)
                if entry is not None and each in self._watchers:
                    self._told[each] = entry.status
                yield presence_frame(entry or PresenceEntry(each, "unknown"))

    def unwatch(self, connection: Watcher) -> None:
        """Stop telling this connection."""
        watch = self._watches.pop(connection, None)
        if watch is not None:
            self._replace(watch, set())

    # Questions.

    async def query(self, user_id: str, user_ids: Sequence[str]) -> list[PresenceEntry]:
        """Return the state of each, in order; ``unknown`` for those who share no conversation with the user.

        Args:
            user_id: who asks.
            user_ids: at most 500.

        Raises:
            StoreUnavailable: it cannot be checked now.
        """
        allowed = await self._sharing(user_id, user_ids)
        states = {
            entry.user_id: entry
            for entry in await self.states([each for each in user_ids if each in allowed])
        }
        return [states.get(each) or PresenceEntry(each, "unknown") for each in user_ids]

    async def states(self, user_ids: Sequence[str]) -> list[PresenceEntry]:
        """Return the state of each, in order; the caller has checked who may ask."""
        if not user_ids:
            return []
        await self._say()
        return [await self._with_last_seen(entry) for entry in await self._presence.query(user_ids)]

    # Running.

    async def run(self) -> None:
        """Turn ten times a second, for ever."""
        while True:
            await self._clock.sleep_ms(TICK_MS)
            await self.turn()

    async def turn(self) -> None:
        """Do what is due: departures, what the port has not heard, watchers, last_seen."""
        self._let_go(self._clock.monotonic_ms())
        await self._say()
        await self._tell(self._clock.monotonic_ms())
        await self._store_seen()

    async def close(self, *, deadline_ms: int = 2_000) -> None:
        """Store last_seen of everybody who is here: the node is leaving. Ends after the deadline, done or not."""
        end_ms = self._clock.monotonic_ms() + deadline_ms
        for user_id in self._devices:
            self._seen.setdefault(user_id, self._clock.now_ms())
        while self._seen and self._clock.monotonic_ms() < end_ms and await self._store_seen():
            pass

    # Devices.

    def _set(self, user_id: str, device_id: str, status: DeviceStatus | None) -> None:
        """Change or remove a device here; note what others have to hear."""
        before = self._local(user_id)
        devices = self._devices.setdefault(user_id, {})
        if status is None:
            devices.pop(device_id, None)
        else:
            devices[device_id] = status
        if not devices:
            del self._devices[user_id]
        self._unsaid.pop((user_id, device_id), None)
        self._unsaid[user_id, device_id] = status
        if self._local(user_id) != before and user_id in self._watchers:
            self._changed.setdefault(user_id, self._clock.monotonic_ms() + self._debounce_ms)

    def _local(self, user_id: str) -> LocalStatus:
        devices = self._devices.get(user_id)
        if not devices:
            return "offline"
        return "online" if "online" in devices.values() else "away"

    def _let_go(self, now_ms: int) -> None:
        """Remove the devices whose grace has ended."""
        leaving = self._leaving
        while leaving:
            user_id, device_id = next(iter(leaving))
            due_ms, went_ms = leaving[user_id, device_id]
            if due_ms > now_ms:
                return
            del leaving[user_id, device_id]
            self._set(user_id, device_id, None)
            if user_id not in self._devices and len(self._seen) < MAX_SEEN:
                self._seen[user_id] = went_ms

    async def _say(self) -> None:
        """Tell the port what it has not heard; what it does not take now is told later."""
        async with self._saying:
            while self._unsaid:
                key, status = next(iter(self._unsaid.items()))
                try:
                    if status is None:
                        await self._presence.drop(*key)
                    else:
                        await self._presence.put(*key, status)
                except PingMeError as exc:
                    if not self._failing:
                        log.warning("presence_not_told", error=str(exc), waiting=len(self._unsaid))
                    self._failing = True
                    return
                self._failing = False
                if self._unsaid.get(key, ...) is status:
                    del self._unsaid[key]

    # Watchers.

    async def _sharing(self, user_id: str, others: Sequence[str]) -> set[str]:
        """Return those whom the user may watch: who shares a conversation, and oneself."""
        asked = list(dict.fromkeys(others))
        found = set(await self._store.share_conversation(user_id, asked)) if asked else set()
        return found | ({user_id} & set(asked))

    def _replace(self, watch: _Watch, user_ids: set[str]) -> None:
        for gone in watch.user_ids - user_ids:
            watchers = self._watchers[gone]
            watchers.discard(watch)
            if not watchers:
                del self._watchers[gone]
                self._changed.pop(gone, None)
                self._told.pop(gone, None)
        for new in user_ids - watch.user_ids:
            self._watchers.setdefault(new, set()).add(watch)
        watch.user_ids = user_ids
        watch.checked_ms = self._clock.monotonic_ms()

    async def _tell(self, now_ms: int) -> None:
        """Tell watchers of the users whose debounce has ended."""
        due: list[str] = []
        for user_id, due_ms in self._changed.items():
            if due_ms > now_ms or len(due) == TOLD_PER_TURN:
                break
            due.append(user_id)
        for user_id in due:
            self._changed.pop(user_id, None)
        for entry in await self.states(due):
            if self._told.get(entry.user_id) == entry.status:
                continue  # it changed and changed back, or another device of the user keeps it as it was
            await self._recheck(entry.user_id, now_ms)
            if entry.user_id in self._watchers:
                self._told[entry.user_id] = entry.status
            frame = presence_frame(entry)
            for watch in self._watchers.get(entry.user_id, ()):
                watch.connection.push(frame)

    async def _recheck(self, user_id: str, now_ms: int) -> None:
        """Ask again, once a minute, whether those who watch this user still share a conversation with anybody."""
        for watch in list(self._watchers.get(user_id, ())):
            if now_ms - watch.checked_ms < RECHECK_MS:
                continue
            try:
                allowed = await self._sharing(watch.user_id, list(watch.user_ids))
            except StoreError:
                continue  # a hint may be late; the next change asks again
            if self._watches.get(watch.connection) is watch:
                self._replace(watch, watch.user_ids & allowed)

    # When somebody was last here.

    async def _with_last_seen(self, entry: PresenceEntry) -> PresenceEntry:
        if entry.status != "offline" or entry.last_seen_ts is not None:
            return entry
        seen_ms = self._seen.get(entry.user_id)
        if seen_ms is None and self._read_last_seen is not None:
            try:
                seen_ms = await self._read_last_seen(entry.user_id)
            except StoreError:
                seen_ms = None
        return PresenceEntry(entry.user_id, entry.status, seen_ms)

    async def _store_seen(self) -> bool:
        """Write some last_seen values; False when the store does not take them now."""
        for user_id in list(self._seen)[:SEEN_PER_TURN]:
            seen_ms = self._seen[user_id]
            try:
                await self._store_last_seen(user_id, seen_ms)
            except StoreError as exc:
                log.debug("last_seen_not_stored", error=str(exc), waiting=len(self._seen))
                return False
            if self._seen.get(user_id) == seen_ms:
                del self._seen[user_id]
        return True


def presence_frame(entry: PresenceEntry) -> bytes:
    """Return the whole WebSocket frame that shows this state."""
    payload = server_frames.Presence(
        user_id=entry.user_id, status=entry.status, last_seen_ts=entry.last_seen_ts
    )
    return frame_of("presence", encode_frame(payload))
