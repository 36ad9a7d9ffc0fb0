"""A day's mix at a fixed rate: private messages, groups of 10, 50 and 200, receipts, typing, history, connects."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from pingme.cli.bench.client import Client, Load, Room, open_client
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.job import Job, PartResult
from pingme.cli.bench.link import Link
from pingme.cli.bench.mix import MIX, PAGE
from pingme.cli.bench.pacing import Pacer
from pingme.cli.bench.pages import check_history
from pingme.cli.bench.scenarios.history import last_answers
from pingme.cli.bench.scenarios.traffic import Sender, build, finish, open_clients, settle
from pingme.cli.bench.window import Window
from pingme.domain.errors import PingMeError


class Mix:
    """What this process does when something is due.

    Args:
        load: of this process.
        senders: (client, room) of every member here.
        guests: users who come and go; they are not connected.
        job: for the url.
    """

    def __init__(self, load: Load, senders: Sequence[Sender], guests: list[Client], job: Job) -> None:
        self._load = load
        self._guests = guests
        self._job = job
        self._dice = random.Random(job.index)  # noqa: S311  # the same mix every time
        self._visits: set[asyncio.Task[None]] = set()
        self._senders: dict[str, list[Sender]] = {}
        sizes = {plan.conversation_id.encode(): len(plan.members) for plan in job.rooms}
        for client, room in senders:
            kind = "private" if sizes[room.cid] == 2 else f"group of {sizes[room.cid]}"
            self._senders.setdefault(kind, []).append((client, room))
        self._all = list(senders)
        self._kinds = [kind for kind in MIX if self._possible(kind)]
        self._shares = [MIX[kind] for kind in self._kinds]
        self._acts: dict[str, Callable[[Client, Room, int], None]] = {
            "receipt": self._receipt,
            "typing": self._typing,
            "history": self._history,
        }

    def _possible(self, kind: str) -> bool:
        if kind == "connect":
            return bool(self._guests)
        return kind in self._senders or kind in {"receipt", "typing", "history"}

    def act(self, intended_us: int) -> None:
        """Do one thing of the mix, by its share."""
        self._load.late_us.record(now_us() - intended_us)
        (kind,) = self._dice.choices(self._kinds, self._shares)
        if kind == "connect":
            if self._guests:  # all of them may be on their way
                visit = asyncio.create_task(self._visit(self._guests.pop(), intended_us))
                self._visits.add(visit)
                visit.add_done_callback(self._visits.discard)
            return
        client, room = self._dice.choice(self._senders.get(kind) or self._all)
        act = self._acts.get(kind)
        if act is None:
            client.send(room, intended_us)
        else:
            act(client, room, intended_us)

    def _receipt(self, client: Client, room: Room, intended_us: int) -> None:
        """The client has read what it has got."""
        seq = client.streams[room.cid].next - 1
        if seq < 1:
            return
        payload = {"conversation_id": room.cid.decode(), "seq": seq, "ack_type": "read"}
        client.ask(
            "ack", payload, lambda data: self._took("receipt", b'{"type":"ack_response"', intended_us, data)
        )

    def _took(self, name: str, expected: bytes, intended_us: int, data: bytes) -> None:
        self._load.took(name, intended_us)
        if not data.startswith(expected):
            self._load.faults.note("refused", f"expected {expected!r}…, got {data[:200]!r}")

    def _typing(self, client: Client, room: Room, intended_us: int) -> None:  # noqa: ARG002  # nothing answers it
        client.send_frame("typing", {"conversation_id": room.cid.decode(), "active": True})

    def _history(self, client: Client, room: Room, intended_us: int) -> None:
        """The newest page."""
        before_seq = client.streams[room.cid].next
        if before_seq < 2:
            return
        name = room.cid.decode()

        def answered(data: bytes) -> None:
            self._load.took("history", intended_us)
            check_history(data, name, before_seq, PAGE, self._load.faults)

        payload = {"conversation_id": name, "before_seq": before_seq, "limit": PAGE}
        client.ask("history", payload, answered)

    async def _visit(self, guest: Client, intended_us: int) -> None:
        """Somebody connects and leaves again; another time it is a new connection."""
        try:
            await open_client(guest)
        except PingMeError as error:
            self._load.faults.note("refused", str(error))
        else:
            self._load.took("connect", intended_us)
            guest.leave()
        self._guests.insert(0, Client(self._load, guest.user))

    async def last_visits(self) -> None:
        """Wait for those who are on their way."""
        await asyncio.gather(*self._visits)


async def run_mixed(link: Link, job: Job) -> PartResult:
    """Act at the rate; every message is checked as in the other scenarios, every page as in history."""
    load = Load(ordered_ids=job.settings.ordered_ids, again=job.settings.again)
    first_guest = job.settings.extra["first_guest"]
    residents = tuple(user for user in job.users if user.number < first_guest)
    rooms, senders, clients = build(load, replace(job, users=residents))
    guests = [Client(load, user) for user in job.users if user.number >= first_guest]
    await open_clients(clients, link)
    mix = Mix(load, senders, guests, job)
    start_us = await link.barrier("ready")
    window = Window(load, start_us + int(job.settings.warmup_s * 1e6), job.settings.seconds)
    await asyncio.sleep(max(0.0, (start_us - now_us()) / 1e6))
    pacer = Pacer(mix.act, job.settings.rate * job.share, start_us)
    pacer.start()
    result = await window.measure()
    pacer.stop()
    await mix.last_visits()
    await last_answers(clients, load)
    await settle(link, load, clients, rooms)
    window.add_after(result)
    load.leaving = True
    return finish(result, load, clients, rooms)
