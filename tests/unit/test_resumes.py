"""Paused sockets are read again at their time, whoever else waits longer."""

from __future__ import annotations

import asyncio

from pingme.adapters.clock_system import SystemClock
from pingme.edge.resumes import Resumes

LONG_MS = 60_000


class Socket:
    """Asks again for as long as it owes."""

    def __init__(self, resumes: Resumes, *owes_ms: int) -> None:
        self._resumes = resumes
        self._owes_ms = list(owes_ms)
        self.resumed = asyncio.Event()

    def resume_reading(self) -> None:
        if self._owes_ms:
            self._resumes.put(self, self._owes_ms.pop(0))
        else:
            self.resumed.set()


async def test_who_is_due_sooner_does_not_wait_for_who_came_first() -> None:
    """The one timer is armed anew for whoever is first."""
    resumes = Resumes(SystemClock())
    late, soon = Socket(resumes), Socket(resumes)

    resumes.put(late, LONG_MS)
    resumes.put(soon, 5)
    await asyncio.wait_for(soon.resumed.wait(), 5)

    assert not late.resumed.is_set()
    resumes.close()


async def test_who_asks_for_long_in_its_turn_holds_up_nobody() -> None:
    """A flooder's first time is over, and it owes a minute more: the others' times stand."""
    resumes = Resumes(SystemClock())
    flooder, other = Socket(resumes, LONG_MS), Socket(resumes)

    resumes.put(flooder, 1)
    resumes.put(other, 50)
    await asyncio.wait_for(other.resumed.wait(), 5)

    assert not flooder.resumed.is_set()
    resumes.close()


async def test_a_socket_has_one_time() -> None:
    """However often it is put: a flooder's frames do not pile up, and its first time stands."""
    resumes = Resumes(SystemClock())
    socket = Socket(resumes)

    resumes.put(socket, 5)
    for _ in range(1_000):
        resumes.put(socket, LONG_MS)
    await asyncio.wait_for(socket.resumed.wait(), 5)

    assert resumes._due == []


async def test_nobody_is_resumed_after_the_end() -> None:
    """The node is leaving."""
    resumes = Resumes(SystemClock())
    socket = Socket(resumes)

    resumes.put(socket, 5)
    resumes.close()
    await asyncio.sleep(0.05)

    assert not socket.resumed.is_set()
