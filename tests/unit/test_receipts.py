"""Positions: they only grow, nobody moves another's, and those who care hear of them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, Refused, StoreUnavailable
from pingme.ports.store import Position
from pingme.services import receipts as receipts_module
from pingme.services.receipts import Receipts
from pingme.services.sync import Sync
from tests.fakes.chat_world import ChatWorld
from tests.fakes.push import RecordingPush


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ChatWorld]:
    made = ChatWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    await made.group("ga", "ua", "ub", "uc")
    yield made
    await made.close()


@pytest.fixture
def push() -> RecordingPush:
    return RecordingPush()


@pytest.fixture
def receipts(world: ChatWorld, push: RecordingPush) -> Receipts:
    return Receipts(world.store, push, world.clock)


async def ack(
    receipts: Receipts, user: str, conversation: str, seq: int, kind: Any = "read"
) -> tuple[int, int]:
    answer = msgspec.json.decode(await receipts.ack(user, conversation, seq, kind))
    assert answer["conversation_id"] == conversation
    return answer["delivered_seq"], answer["read_seq"]


async def stored(world: ChatWorld, user: str, conversation: str) -> tuple[int, int]:
    access = await world.store.access(user, conversation)
    assert access is not None
    return access.delivered_seq, access.read_seq


async def test_positions_only_grow(world: ChatWorld, receipts: Receipts) -> None:
    """Read implies delivered; a smaller seq changes nothing and is answered with what holds."""
    for _ in range(5):
        await world.say("ua", "ga")

    assert await ack(receipts, "ub", "ga", 3, "delivered") == (3, 0)
    assert await ack(receipts, "ub", "ga", 2, "read") == (3, 2)
    assert await ack(receipts, "ub", "ga", 5, "read") == (5, 5)
    assert await ack(receipts, "ub", "ga", 1, "delivered") == (5, 5)
    await receipts.flush()
    assert await ack(receipts, "ub", "ga", 1, "read") == (5, 5)
    assert receipts.pending == 0


async def test_beyond_the_head_is_refused(world: ChatWorld, receipts: Receipts) -> None:
    """Nobody has read what was not written."""
    with pytest.raises(Refused) as refused:
        await receipts.ack("ub", "ga", 2, "read")
    assert refused.value.code == ErrorCode.INVALID_PARAMETERS


async def test_strangers_are_refused(world: ChatWorld, receipts: Receipts) -> None:
    """As if the conversation did not exist."""
    await world.group("gb", "ua")
    for group in ("gb", "gc"):
        with pytest.raises(Refused) as refused:
            await receipts.ack("ub", group, 1, "read")
        assert refused.value.code == ErrorCode.GROUP_NOT_FOUND


async def test_a_former_member_may_ack_up_to_the_removal(
    world: ChatWorld, receipts: Receipts, push: RecordingPush
) -> None:
    """The removal itself may be acknowledged, nothing later, and the group does not hear of it."""
    removed = await world.remove("ga", "ua", "ub")
    await world.say("ua", "ga")

    assert await ack(receipts, "ub", "ga", removed) == (removed, removed)
    assert [channel for channel, _, _ in push.taken()] == ["user:ub"]
    with pytest.raises(Refused):
        await receipts.ack("ub", "ga", removed + 1, "read")


async def test_positions_are_stored_within_half_a_second(world: ChatWorld, receipts: Receipts) -> None:
    """`run` stores them every 500 ms."""
    running = asyncio.create_task(receipts.run())
    await ack(receipts, "ub", "ga", 1)
    assert await stored(world, "ub", "ga") == (0, 0)

    await world.clock.advance(500)
    await until(lambda: receipts.pending == 0)

    assert await stored(world, "ub", "ga") == (1, 1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def until(condition: Any) -> None:
    """Wait for the store's thread."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # a thread of the store ends it, not a task
            await asyncio.sleep(0.001)


async def test_a_sync_counts_what_is_not_stored_yet(world: ChatWorld, receipts: Receipts) -> None:
    """The flush of one user leaves the others' positions for later."""
    await ack(receipts, "ub", "ga", 1)
    await ack(receipts, "uc", "ga", 1)

    answer = await Sync(world.store, flush=receipts.flush).open("ub", None, 20)

    (page,) = [msgspec.json.decode(page) async for page in answer.pages()]
    assert page["conversations"][0]["read_seq"] == 1
    assert receipts.pending == 1


async def test_a_private_receipt_reaches_the_peer_and_the_own_devices(
    world: ChatWorld, receipts: Receipts, push: RecordingPush
) -> None:
    """Both get the same receipt, and nobody else."""
    conversation_id, seq = await world.say_to("ua", "ub")

    await ack(receipts, "ub", conversation_id, seq, "delivered")

    payload = {"conversation_id": conversation_id, "user_id": "ub", "delivered_seq": 1, "read_seq": 0}
    assert push.taken() == [("user:ub", None, payload), ("user:ua", None, payload)]


async def test_talking_to_oneself_makes_one_receipt(
    world: ChatWorld, receipts: Receipts, push: RecordingPush
) -> None:
    """The peer and the own devices are the same."""
    conversation_id, seq = await world.say_to("ua", "ua")
    await ack(receipts, "ua", conversation_id, seq)
    assert [channel for channel, _, _ in push.taken()] == ["user:ua"]


async def test_a_group_receipt_reaches_the_members(
    world: ChatWorld, receipts: Receipts, push: RecordingPush
) -> None:
    """Everybody in a small group hears it; the own devices by their own channel."""
    await ack(receipts, "ub", "ga", 1)
    assert [(channel, but) for channel, but, _ in push.taken()] == [("user:ub", None), ("group:ga", "ub")]


async def test_moves_between_two_flushes_are_told_once_more(
    world: ChatWorld, receipts: Receipts, push: RecordingPush
) -> None:
    """The first move is told at once, all others with the flush, a repeat never."""
    for _ in range(9):
        await world.say("ua", "ga")
    for seq in range(1, 10):
        await ack(receipts, "ub", "ga", seq)
    await ack(receipts, "ub", "ga", 4)

    assert [payload["read_seq"] for _, _, payload in push.taken()] == [1, 1]
    await receipts.flush()
    assert [payload["read_seq"] for _, _, payload in push.taken()] == [9, 9]
    await receipts.flush()
    assert push.taken() == []


async def test_an_outage_keeps_positions(
    world: ChatWorld, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be stored stays, answers count it, and it is stored when the store is back."""
    await ack(receipts, "ub", "ga", 1)

    async def away(_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "save_positions", away)
        await receipts.flush()
    assert receipts.pending == 1
    assert await ack(receipts, "ub", "ga", 1) == (1, 1)

    await receipts.flush()

    assert receipts.pending == 0
    assert await stored(world, "ub", "ga") == (1, 1)


async def test_a_move_during_a_flush_is_not_lost(
    world: ChatWorld, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves while the flush is writing is stored by the next one."""
    await world.say("ua", "ga")
    await ack(receipts, "ub", "ga", 1)
    save = world.store.save_positions

    async def slowly(positions: Any) -> None:
        await ack(receipts, "ub", "ga", 2)
        await save(positions)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "save_positions", slowly)
        await receipts.flush()

    assert await stored(world, "ub", "ga") == (1, 1)
    await receipts.flush()
    assert await stored(world, "ub", "ga") == (2, 2)


async def test_memory_is_bounded(
    world: ChatWorld, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound new positions are refused with 10008, known ones move on."""
    monkeypatch.setattr(receipts_module, "MAX_PENDING", 1)
    await world.say("ua", "ga")
    await ack(receipts, "ub", "ga", 1)

    with pytest.raises(Refused) as refused:
        await receipts.ack("uc", "ga", 1, "read")
    assert refused.value.code == ErrorCode.OVERLOADED
    assert await ack(receipts, "ub", "ga", 2) == (2, 2)


# Large groups.


async def large(world: ChatWorld, push: RecordingPush) -> Receipts:
    return Receipts(world.store, push, world.clock, small_group=2)


async def test_a_large_group_tells_the_senders_counts(world: ChatWorld, push: RecordingPush) -> None:
    """Each sender of the newest messages hears how many got and read the newest one of theirs."""
    receipts = await large(world, push)
    await world.say("ua", "ga")
    await world.say("uc", "ga")
    await world.say("ua", "ga")
    await ack(receipts, "ub", "ga", 4)
    await ack(receipts, "uc", "ga", 4, "delivered")
    assert [channel for channel, _, _ in push.taken()] == ["user:ub", "user:uc"]

    await receipts.flush()

    assert push.taken() == [
        ("user:ua", None, {"conversation_id": "ga", "seq": 4, "delivered": 2, "read": 1}),
        ("user:uc", None, {"conversation_id": "ga", "seq": 3, "delivered": 1, "read": 1}),
    ]


async def test_counts_are_told_at_most_once_a_second(world: ChatWorld, push: RecordingPush) -> None:
    """What moved within the second is told, together, after it."""
    receipts = await large(world, push)
    await world.say("ua", "ga")
    await ack(receipts, "ub", "ga", 2)
    await receipts.flush()
    await ack(receipts, "uc", "ga", 2)
    push.taken()

    await receipts.flush()
    assert push.taken() == []
    await world.clock.advance(1_000)
    await receipts.flush()

    assert push.taken() == [("user:ua", None, {"conversation_id": "ga", "seq": 2, "delivered": 2, "read": 2})]


async def test_a_sender_who_left_is_not_told(world: ChatWorld, push: RecordingPush) -> None:
    """Nothing about a group reaches somebody who is no longer in it."""
    receipts = await large(world, push)
    await world.say("ub", "ga")
    await world.remove("ga", "ua", "ub")
    await world.join("ga", "ua", "ub")
    await world.remove("ga", "ua", "ub")
    await world.add_users("ud")
    await world.join("ga", "ua", "ud")
    await ack(receipts, "uc", "ga", 6)
    push.taken()

    await receipts.flush()

    assert push.taken() == []


# Who got and read an event.


async def test_receipts_of_an_event(world: ChatWorld, receipts: Receipts) -> None:
    """Members who got and read it, without its sender, stored or not yet."""
    seq = await world.say("ua", "ga")
    await ack(receipts, "ub", "ga", seq)
    await receipts.flush()
    await ack(receipts, "uc", "ga", seq, "delivered")

    assert await receipts.of("ua", "ga", seq) == {
        "conversation_id": "ga",
        "seq": seq,
        "delivered": ["ub", "uc"],
        "read": ["ub"],
    }


@pytest.mark.parametrize(
    ("user", "seq", "code"),
    [
        ("ux", 1, ErrorCode.GROUP_NOT_FOUND),
        ("uc", 1, ErrorCode.NOT_A_MEMBER),
        ("ub", 99, ErrorCode.NOT_FOUND),
        ("ub", 0, ErrorCode.NOT_FOUND),
    ],
)
async def test_receipts_are_for_members(
    world: ChatWorld, receipts: Receipts, user: str, seq: int, code: ErrorCode
) -> None:
    """Strangers, former members, and seqs that are not there."""
    await world.remove("ga", "ua", "uc")
    with pytest.raises(Refused) as refused:
        await receipts.of(user, "ga", seq)
    assert refused.value.code == code


# The property.


async def unread_equals_a_count(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = ChatWorld(Path(folder))
        try:
            await world.add_users("ua", "ub")
            await world.group("ga", "ua", "ub")
            receipts = Receipts(world.store, RecordingPush(), world.clock)
            senders, positions = ["-"], {"ua": 0, "ub": 0}
            for action, number in steps:
                user = ("ua", "ub")[number % 2]
                if action == "say":
                    await world.say(user, "ga")
                    senders.append(user)
                elif action == "read":
                    seq = 1 + number % len(senders)
                    await receipts.ack(user, "ga", seq, "read")
                    positions[user] = max(positions[user], seq)
                else:
                    await receipts.flush()
            await receipts.flush()
            for user, position in positions.items():
                access = await world.store.access(user, "ga")
                assert access is not None
                (unread,) = await world.store.unread(user, [access])
                assert access.read_seq == position
                assert unread == sum(sender not in {user, "-"} for sender in senders[position:])
        finally:
            await world.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["say", "say", "read", "flush"]), st.integers(0, 30)), max_size=30))
def test_unread_equals_a_plain_count(steps: list[tuple[str, int]]) -> None:
    """The messages of others above the read position, whatever happened."""
    asyncio.run(unread_equals_a_count(steps))


async def test_unread_stops_at_a_thousand(world: ChatWorld) -> None:
    """Exact up to 999; then 1 000, which is shown as 999+."""
    access = await world.store.access("ub", "ga")
    assert access is not None
    for count, unread in ((999, 999), (1, 1_000), (1, 1_000)):
        from pingme.domain.events import MessageBody

        body = MessageBody(content="x", content_type="text")
        await world.store.save([world.command("message", "ua", "ga", body) for _ in range(count)])
        access = await world.store.access("ub", "ga")
        assert access is not None
        assert list(await world.store.unread("ub", [access])) == [unread]
    await world.store.save_positions([Position("ga", "ub", 2, 2)])
