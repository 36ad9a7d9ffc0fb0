"""The queue between the connection and the program: bounded, and what was taken from it is known.

Log events that find it full are not accepted at all: their timelines stay behind, and the client catches up
by seq when there is room again and somebody asks. So a slow program loses nothing, one that never asks fills
it once, and answers to its own sends never wait behind events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from weakref import WeakSet

from pingme.domain.errors import PingMeError
from pingme.sdk.events import (
    ConnectionChanged,
    Event,
    LogEvent,
    Presence,
    Receipt,
    SendFailed,
    Synced,
    Typing,
)

MAX_QUEUED = 2_000  # events; a page of history fits several times
ROOM_FOR_PAGE = 200  # catching up goes on when a whole page fits
ROOM_FOR_OWN = 10_000  # beyond MAX_QUEUED, for what the client says of itself: nothing brings it again

Handed = Callable[[LogEvent], None]
Finished = Callable[[str, int], None]  # everything up to this seq of a conversation


class EventQueue:
    """Events in order, for one program.

    Args:
        poke: set when there is room again, or when somebody asks for events for the first time.
        on_handed: called when a log event is handed to the program.
        on_finished: called when the program asked for the next one, so that this one counts as dealt with.
    """

    def __init__(self, poke: asyncio.Event, *, on_handed: Handed, on_finished: Finished) -> None:
        self._queue: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._on_handed = on_handed
        self._on_finished = on_finished
        self._end: PingMeError | None = None
        self._ended = False
        self._poke = poke
        self._generation = 0
        self._told = 0
        self._streams: WeakSet[EventStream] = WeakSet()
        self._done: dict[str, int] = {}  # per conversation, the highest seq that was dealt with
        self._has_room = True
        self._is_wanted = False

    @property
    def is_full(self) -> bool:
        """True when nothing more is taken."""
        return len(self._queue) >= MAX_QUEUED

    @property
    def takes_pages(self) -> bool:
        """True while what is missing is to be fetched: a page fits, and somebody wants events."""
        return self._has_room and self._is_wanted

    @property
    def generation(self) -> int:
        """How often the store has had a new epoch: what was handed out earlier is of another one."""
        return self._generation

    def put(self, event: Event) -> None:
        """Add an event; hints are dropped when the queue is full (log events: see `is_full`)."""
        spare = 0 if isinstance(event, Receipt | Typing | Presence) else ROOM_FOR_OWN
        if len(self._queue) >= MAX_QUEUED + spare and not isinstance(event, LogEvent):
            return
        self._queue.append(event)
        self._arrived.set()
        if len(self._queue) > MAX_QUEUED - ROOM_FOR_PAGE:
            self._has_room = False

    def reset(self) -> None:
        """Forget what waits, but for what the client itself has to say: the store has a new epoch, and that is told
        before anything of it.
        """
        self._generation += 1
        self._done.clear()
        kept = [event for event in self._queue if isinstance(event, ConnectionChanged | SendFailed)]
        self._queue = deque(kept)
        self._make_room()
        self.put(Synced((), reset=True))

    @property
    def is_reset_told(self) -> bool:
        """False while a program that listens has not been told of the newest epoch: its seqs are of an older one."""
        return not self._is_wanted or self._told == self._generation

    def end(self, error: PingMeError | None) -> None:
        """Nothing follows: iterating ends after what waits, with the error if there is one."""
        self._ended = True
        self._end = error
        self._arrived.set()

    async def next(self) -> Event | None:
        """Return the next event, None after the end.

        Raises:
            PingMeError: the end was an error.
        """
        while not self._queue:
            if self._ended:
                if self._end is not None:
                    raise self._end
                return None
            self._arrived.clear()
            await self._arrived.wait()
        event = self._queue.popleft()
        self._make_room()
        if isinstance(event, Synced) and event.reset:
            self._told = self._generation
        if isinstance(event, LogEvent):
            self._on_handed(event)
        return event

    def want(self, stream: EventStream) -> None:
        """Somebody wants events from now on."""
        self._streams.add(stream)
        if not self._is_wanted:
            self._is_wanted = True
            self._poke.set()

    def _make_room(self) -> None:
        if not self._has_room and len(self._queue) <= MAX_QUEUED - ROOM_FOR_PAGE:
            self._has_room = True
            self._poke.set()

    def finished(self, event: LogEvent, generation: int) -> None:
        """The program has dealt with an event of a generation; only the present one's seqs mean anything."""
        if generation != self._generation:
            return
        name = event.conversation_id
        self._done[name] = max(self._done.get(name, 0), event.seq)
        busy = (stream.busy_with(name, generation) for stream in self._streams)
        self._on_finished(name, min([self._done[name], *(seq - 1 for seq in busy if seq is not None)]))


class EventStream:
    """`async for event in client.events()`. Several iterators share the events among them."""

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue
        self._in_hand: LogEvent | None = None
        self._generation = 0  # of the event in hand
        queue.want(self)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        self.finish()
        event = await self._queue.next()
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, LogEvent):
            self._in_hand, self._generation = event, self._queue.generation
        return event

    def finish(self) -> None:
        """The event in hand has been dealt with: it does not come again after a restart."""
        if self._in_hand is not None:
            done, self._in_hand = self._in_hand, None
            self._queue.finished(done, self._generation)

    def busy_with(self, conversation_id: str, generation: int) -> int | None:
        """Return the seq of the event in hand, if it is of this conversation."""
        event = self._in_hand
        if event is None or event.conversation_id != conversation_id or self._generation != generation:
            return None
        return event.seq
