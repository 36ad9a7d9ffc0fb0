"""The queue between the connection and the program: bounded, and what was taken from it is known.

Log events that find it full are not accepted at all: their timelines stay behind, and the client catches up
by seq when
there is room again. So a slow program loses nothing, and answers to its own sends never wait behind events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from pingme.domain.errors import PingMeError
from pingme.sdk.events import Event, LogEvent

MAX_QUEUED = 2_000  # events; a page of history fits several times
ROOM_FOR_PAGE = 200  # catching up goes on when a whole page fits

Taken = Callable[[LogEvent], None]


class EventQueue:
    """Events in order, for one program.

    Args:
        poke: set when there is room again, or when somebody asks for events for the first time.
        on_handed: called when a log event is handed to the program.
        on_finished: called when the program asked for the next one, so that this one counts as dealt with.
    """

    def __init__(self, poke: asyncio.Event, *, on_handed: Taken, on_finished: Taken) -> None:
        self._queue: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._on_handed = on_handed
        self._on_finished = on_finished
        self._end: PingMeError | None = None
        self._ended = False
        self._poke = poke
        self.has_room = True
        self.is_wanted = False

    @property
    def is_full(self) -> bool:
        """True when nothing more is taken."""
        return len(self._queue) >= MAX_QUEUED

    def put(self, event: Event) -> None:
        """Add an event; what is not part of a log is dropped when the queue is full (log events: see
        `is_full`).
        """
        if self.is_full and not isinstance(event, LogEvent):
            return
        self._queue.append(event)
        self._arrived.set()
        if len(self._queue) > MAX_QUEUED - ROOM_FOR_PAGE:
            self.has_room = False

    def clear(self) -> None:
        """Forget what waits: the store has a new epoch."""
        self._queue.clear()
        self._make_room()

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
        if isinstance(event, LogEvent):
            self._on_handed(event)
        return event

    def want(self) -> None:
        """Somebody wants events from now on."""
        if not self.is_wanted:
            self.is_wanted = True
            self._poke.set()

    def _make_room(self) -> None:
        if not self.has_room and len(self._queue) <= MAX_QUEUED - ROOM_FOR_PAGE:
            self.has_room = True
            self._poke.set()

    def finished(self, event: LogEvent) -> None:
        """The program has dealt with it."""
        self._on_finished(event)


class EventStream:
    """`async for event in client.events()`. Several iterators share the events among them."""

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue
        self._in_hand: LogEvent | None = None
        queue.want()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        self.finish()
        event = await self._queue.next()
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, LogEvent):
            self._in_hand = event
        return event

    def finish(self) -> None:
        """The event in hand has been dealt with: it does not come again after a restart."""
        if self._in_hand is not None:
            self._queue.finished(self._in_hand)
            self._in_hand = None
