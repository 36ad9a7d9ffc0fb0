"""Two people with the Python SDK, who write to a group all the time: no send may fail, whatever happens to the servers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field

from pingme.domain.errors import PingMeError
from pingme.sdk import Client, Diverged, Message
from tests.chaos.account import PASSWORD
from tests.chaos.cluster import Cluster
from tests.chaos.extras import Finding
from tests.chaos.front import Front
from tests.chaos.health import Stopwatch
from tests.chaos.load import Crowd

EVERY_S = 0.1  # between two messages of one person
ALL_WITHIN_S = 40.0  # until everything sent is answered and heard: the SDK backs off up to 15 s
NAMES = ("sam", "sue")


@dataclass(slots=True)
class _Person:
    """One of them."""

    name: str
    client: Client
    sent: list[str] = field(default_factory=list)
    heard: list[Message] = field(default_factory=list)
    acked_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class SdkPeople:
    """Writes through a front that leads to whichever server is there, as clients behind a load balancer do.

    Args:
        silent_s: how long a send may wait for its answer, and the group be without a message.
    """

    _front: Front
    _people: list[_Person]
    _group: str

    def __init__(self, silent_s: float) -> None:
        self._silent_s = silent_s
        self._over = asyncio.Event()
        self._watch = Stopwatch()  # read with every message, so it does not count while nobody here ran
        self._sends: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, cluster: Cluster, crowd: Crowd) -> None:
        """See `Extra.begin`."""
        servers = [part.server for part in cluster.parts.values() if part.server is not None]
        self._front = Front([server.port for server in servers])
        await self._front.start()
        url = f"http://127.0.0.1:{self._front.port}"
        self._people = [_Person(f"{name}{crowd.suffix}", Client(url)) for name in NAMES]
        for person in self._people:
            await person.client.register(person.name, PASSWORD)
        group = await self._people[0].client.create_group("sdk", [self._people[1].client.user_id])
        self._group = group.group_id
        for person in self._people:
            self._tasks += [
                asyncio.create_task(self._listen(person)),
                asyncio.create_task(self._write(person)),
            ]

    async def end(self) -> Finding:
        """See `Extra.end`."""
        self._over.set()
        listening, writing = self._tasks[::2], self._tasks[1::2]
        await asyncio.gather(*writing)
        late: list[str] = []
        try:
            async with asyncio.timeout(ALL_WITHIN_S):
                await asyncio.gather(*self._sends)
                while not all(len(person.heard) >= self._count for person in self._people):  # noqa: ASYNC110  # heard elsewhere
                    await asyncio.sleep(0.1)
        except TimeoutError:
            counts = {person.name: len(person.heard) for person in self._people}
            late = [f"SDK: of {self._count} messages not all were answered and heard in time: {counts}"]
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        finding = self._judged(late)
        for person in self._people:
            await person.client.close()
        await self._front.stop()
        return finding

    @property
    def _count(self) -> int:
        return sum(len(person.sent) for person in self._people)

    def _judged(self, late: list[str]) -> Finding:
        faults = [*late, *(fault for person in self._people for fault in person.faults)]
        expected = sorted(content for person in self._people for content in person.sent)
        for person in self._people:
            if sorted(message.content for message in person.heard) != expected:
                faults.append(f"SDK: {person.name} did not hear every message once")
            seqs = [message.seq for message in person.heard]
            if seqs != sorted(set(seqs)):
                faults.append(f"SDK: {person.name} heard messages out of order, or twice")
        acks_s = sorted(at_s for person in self._people for at_s in person.acked_s)
        silence_s = max((after - before for before, after in itertools.pairwise(acks_s)), default=0.0)
        waited_s = max((each for person in self._people for each in person.waited_s), default=0.0)
        if not acks_s or max(silence_s, waited_s) > self._silent_s:
            faults.append(f"SDK: a send waited {waited_s:.1f} s, the group was silent for {silence_s:.1f} s")
        figures = {"sdk_sent": float(self._count), "sdk_waited_s": waited_s, "sdk_silence_s": silence_s}
        return Finding(faults, figures)

    async def _write(self, person: _Person) -> None:
        while not self._over.is_set():
            content = f"{person.name} {len(person.sent)}"
            person.sent.append(content)
            self._watch.read()
            send = asyncio.create_task(self._send(person, content))
            self._sends.add(send)
            send.add_done_callback(self._sends.discard)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._over.wait()

    async def _send(self, person: _Person, content: str) -> None:
        began_s = self._watch.read()
        try:
            await person.client.send(content, group=self._group)
        except PingMeError as exc:
            person.faults.append(f"SDK: {content!r} failed: {exc}")
            return
        person.acked_s.append(self._watch.read())
        person.waited_s.append(self._watch.read() - began_s)

    async def _listen(self, person: _Person) -> None:
        async for event in person.client.events():
            if isinstance(event, Diverged):
                person.faults.append(f"SDK: {event}")
            if isinstance(event, Message) and event.conversation_id == self._group:
                person.heard.append(event)
