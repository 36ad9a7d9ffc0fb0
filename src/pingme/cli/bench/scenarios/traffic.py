"""Messages in private chats or groups: closed loop (so many unanswered) or open loop (a fixed rate)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pingme.cli.bench.client import Client, Load, Room, open_client
from pingme.cli.bench.frames import now_us, user_id_of
from pingme.cli.bench.job import Job, PartResult, RoomPlan
from pingme.cli.bench.link import Link
from pingme.cli.bench.pacing import Pacer
from pingme.cli.bench.tape import BUFFER_BYTES, Listener, Tape
from pingme.cli.bench.verify import seen_of
from pingme.cli.bench.window import Window

CONNECTS_AT_ONCE = 50
TIMED_PER_ROOM = 10  # recipients of a group whose deliveries are timed; all of a private chat's
STALLED_S = 10.0  # without any progress: what is missing then will not come
SETTLED_S = 0.2  # after everything is there: time for what should not come
Sender = tuple[Client, Room]


async def run_traffic(link: Link, job: Job) -> PartResult:
    """Connect, load, measure, settle; the check of this process's part is in the result."""
    load = Load(ordered_ids=job.settings.ordered_ids, again=job.settings.again)
    rooms, senders, clients = build(load, job)
    await open_clients(clients, link)
    listeners = listen(clients, {id(client) for client, _ in senders})
    start_us = await link.barrier("ready")
    measured_us = start_us + int(job.settings.warmup_s * 1e6)
    window = Window(load, measured_us, job.settings.seconds)
    await asyncio.sleep(max(0.0, (start_us - now_us()) / 1e6))
    stop = begin_rate(load, senders, job, start_us) if job.settings.rate else begin_loop(load, senders, job)
    result = await window.measure()
    stop()
    await settle(link, load, clients, rooms, listeners)
    if job.settings.rate:
        window.add_after(result)
    load.leaving = True
    return finish(result, load, clients, rooms)


def listen(clients: Sequence[Client], senders: set[int]) -> list[Listener]:
    """Let every client that only listens to one large room follow the room's tape; return them."""
    buffer = bytearray(BUFFER_BYTES)
    tapes: dict[bytes, Tape] = {}
    listeners = []
    for client in clients:
        room = next(iter(client.rooms.values()))
        if client.timed or not room.shared or len(client.rooms) > 1 or id(client) in senders:
            continue
        tape = tapes.get(room.cid) or tapes.setdefault(room.cid, Tape(room))
        listeners.append(Listener(client, tape, buffer))
        client.raw.set_protocol(listeners[-1])
    return listeners


def build(load: Load, job: Job) -> tuple[list[Room], list[Sender], list[Client]]:
    """Return the rooms, the senders and all clients of this process."""
    clients = {user.number: Client(load, user) for user in job.users}
    rooms: list[Room] = []
    senders: list[Sender] = []
    for plan in job.rooms:
        here = [number for number in plan.members if number in clients]
        room = room_of(plan, shared=len(here) > 2, payload_bytes=job.settings.payload_bytes)
        rooms.append(room)
        step = max(1, len(here) // TIMED_PER_ROOM)
        for place, number in enumerate(here):
            client = clients[number]
            client.timed = place % step == 0
            side = room
            if plan.target == "to_user_id":
                # One ledger, and a template for each side of the chat.
                other = next(member for member in plan.members if member != number)
                side = side_of(room, other, payload_bytes=job.settings.payload_bytes)
            client.join(side)
            if number in plan.senders:
                senders.append((client, side))
    return rooms, senders, list(clients.values())


def room_of(plan: RoomPlan, *, shared: bool, payload_bytes: int) -> Room:
    """Return a plan's room."""
    target = f'"{plan.target}":"{plan.conversation_id}"'
    return Room(plan.conversation_id, target, head=plan.head, shared=shared, payload_bytes=payload_bytes)


def side_of(room: Room, other: int, *, payload_bytes: int) -> Room:
    """Return one side of a private chat: it writes to the other and shares the ledger."""
    side = Room(
        room.cid.decode(),
        f'"to_user_id":"{user_id_of(other)}"',
        head=room.ledger.first - 1,
        shared=False,
        payload_bytes=payload_bytes,
    )
    side.ledger = room.ledger
    side.streams = room.streams
    return side


async def open_clients(clients: Sequence[Client], link: Link) -> None:
    """Connect everybody, some at once.

    Raises:
        PingMeError: one of them cannot connect.
    """
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)
    done = 0

    async def one(client: Client) -> None:
        nonlocal done
        async with gate:
            await open_client(client)
        done += 1
        if done % 50 == 0:
            link.progress(done, len(clients))

    await asyncio.gather(*(one(client) for client in clients))


def begin_loop(load: Load, senders: Sequence[Sender], job: Job) -> Callable[[], None]:
    """Keep so many messages unanswered; every ack lets the next one go.

    ``in_flight`` is of each sender in private chats, and of the whole group in groups.

    Returns:
        A function that ends it.
    """

    def answered(client: Client, room: Room) -> None:
        client.send(room, now_us())

    def stop() -> None:
        load.answered = lambda _client, _room: None

    load.answered = answered
    total = job.settings.in_flight
    places = {plan.conversation_id.encode(): plan.senders for plan in job.rooms if plan.target == "group_id"}
    for client, room in senders:
        of_room = places.get(room.cid, (client.user.number,))
        place, many = of_room.index(client.user.number), len(of_room)
        for _ in range(total * (place + 1) // many - total * place // many):
            client.send(room, now_us())
    return stop


def begin_rate(load: Load, senders: Sequence[Sender], job: Job, start_us: int) -> Callable[[], None]:
    """Send at the rate, one sender after the other; return a function that ends it."""
    rate = job.settings.rate * job.share
    if not senders or rate <= 0:
        return lambda: None
    turn = 0

    def send(intended_us: int) -> None:
        nonlocal turn
        client, room = senders[turn]
        turn = (turn + 1) % len(senders)
        load.late_us.record(now_us() - intended_us)
        client.send(room, intended_us)

    pacer = Pacer(send, rate, start_us)
    pacer.start()
    return pacer.stop


async def settle(
    link: Link,
    load: Load,
    clients: Sequence[Client],
    rooms: Sequence[Room],
    listeners: Sequence[Listener] = (),
) -> None:
    """Wait until everything that was sent is answered and has arrived everywhere, or nothing moves any more."""
    await moving(load, lambda: not any(client.sent for client in clients))
    heads = await link.barrier("heads", {room.ledger.conversation_id: room.ledger.head for room in rooms})

    def complete() -> bool:
        for listener in listeners:
            listener.settle()
        return all(
            stream.complete(heads[room.ledger.conversation_id]) for room in rooms for stream in room.streams
        )

    await moving(load, complete)
    await asyncio.sleep(SETTLED_S)
    await link.barrier("settled")
    for listener in listeners:
        listener.settle()


async def moving(load: Load, done: Callable[[], bool]) -> None:
    """Wait until ``done()``, or until nothing has come for `STALLED_S`."""
    last, since_us = (-1, -1), now_us()
    while not done():
        now = (load.acks, load.deliveries)
        if now != last:
            last, since_us = now, now_us()
        elif now_us() - since_us > STALLED_S * 1e6:
            return
        await asyncio.sleep(0.02)


def finish(result: PartResult, load: Load, clients: Sequence[Client], rooms: Sequence[Room]) -> PartResult:
    """Add what the check needs, and leave."""
    for client in clients:
        for tag in client.sent:
            load.faults.note("unanswered", f"{client.user.user_id}: message {tag:012x} has no answer")
        if client.count:
            result.sent[client.user.number] = client.count
        client.transport.disconnect()
    result.faults = load.faults
    result.refusals = load.refusals
    result.unsettled = load.unsettled
    result.seen = [seen_of(room.ledger, room.streams) for room in rooms]
    return result
