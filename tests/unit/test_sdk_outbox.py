"""The outbox: kept before it is sent, forgotten after the final answer, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pingme.domain.errors import ErrorCode, OutcomeUnknown, Refused
from pingme.sdk import outbox as module
from pingme.sdk.errors import DataDirInUse, OutboxFull, StorageFailed
from pingme.sdk.outbox import Failed, Outbox, Pending, RetryAfter, Sent, decide_answer
from pingme.sdk.store import LocalStore
from pingme.wire import frames
from pingme.wire.server_frames import ErrorPayload, MessageAck


def message(number: int, conversation: str = "ga") -> frames.Send:
    payload = frames.SendPayload(msg_id=f"m{number}", content=f"{number}", conversation_id=conversation)
    return frames.Send(payload=payload)


def sent(number: int) -> Sent:
    return Sent(f"m{number}", "ga", number, 1, duplicate=False)


async def test_what_waits_survives_a_restart_in_order(tmp_path: Path):
    """A new process finds the unanswered operations, in their order, and not the answered ones."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    for number in range(5):
        await outbox.add("ga" if number % 2 else "gb", message(number))
    answered = outbox.find("m1")
    assert answered is not None
    outbox.resolve(answered, sent(1))
    await store.close()

    store = LocalStore(tmp_path)
    again = Outbox(store)
    again.load()
    waiting = [pending.msg_id for pending in again]
    await again.add("ga", message(9))
    await store.close()

    assert waiting == ["m0", "m2", "m3", "m4"]
    first = again.first("ga")
    assert first is not None
    assert first.operation == message(3)
    assert again.lanes() == ["gb", "ga"]


async def test_a_data_dir_is_held_by_one_client(tmp_path: Path):
    """A second client in the same folder is refused with words that say so."""
    store = LocalStore(tmp_path)

    with pytest.raises(DataDirInUse, match="in use"):
        LocalStore(tmp_path)

    await store.close()
    await LocalStore(tmp_path).close()


async def test_the_same_msg_id_is_one_operation():
    """Asking twice for the same msg_id waits for the same answer."""
    outbox = Outbox(LocalStore(None))

    first, second = await outbox.add("ga", message(1)), await outbox.add("ga", message(1))

    assert first is second
    assert len(outbox) == 1


async def test_the_same_msg_id_with_other_content_is_refused():
    """As the server does: one of the two would be lost without a word. Time and epoch may differ."""
    outbox = Outbox(LocalStore(None))
    first = await outbox.add("ga", message(1))
    other = msgspec.structs.replace(message(1).payload, content="other")
    later = msgspec.structs.replace(message(1).payload, client_ts=5, conversation_id=None, group_id="ga")

    with pytest.raises(Refused) as caught:
        await outbox.add("ga", frames.Send(payload=other))

    assert caught.value.code == ErrorCode.MSG_ID_CONFLICT
    assert await outbox.add("ga", frames.Send(payload=later)) is first


async def test_the_outbox_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """At the bound nothing more is taken, with a code; an answer makes room."""
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    outbox = Outbox(LocalStore(None))
    first = await outbox.add("ga", message(1))
    await outbox.add("ga", message(2))

    with pytest.raises(OutboxFull) as caught:
        await outbox.add("ga", message(3))

    assert caught.value.code == ErrorCode.LIMIT_REACHED
    outbox.resolve(first, sent(1))
    assert await outbox.add("ga", message(3))


async def waiting_in(data_dir: Path) -> list[str]:
    """Return the msg_ids that the next start finds."""
    store = LocalStore(data_dir)
    outbox = Outbox(store)
    outbox.load()
    await store.close()
    return [pending.msg_id for pending in outbox]


async def give_up(adding: asyncio.Task[Pending]) -> None:
    """Cancel an `add` whose row is on its way to the disk."""
    await asyncio.sleep(0)  # it starts, and waits for the disk
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding


async def test_what_is_cancelled_while_it_is_written_is_not_sent_later(tmp_path: Path):
    """The row that was on its way to the disk is deleted, and nothing waits for an answer to it."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    adding = asyncio.create_task(outbox.add("ga", message(1)))
    await asyncio.sleep(0)
    given_up = outbox.find("m1")

    await give_up(adding)
    await store.close()

    assert await waiting_in(tmp_path) == []
    assert len(outbox) == 0
    assert given_up is not None
    assert given_up.done.done()


async def test_a_cancelled_send_can_be_tried_again_at_once(tmp_path: Path):
    """Under the same msg_id; what others write in the same moment is written."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    answered = await outbox.add("gb", message(0))
    await give_up(asyncio.create_task(outbox.add("ga", message(1))))
    outbox.resolve(answered, sent(0))

    await asyncio.gather(outbox.add("ga", message(1)), outbox.add("gb", message(2)))
    await store.close()

    assert await waiting_in(tmp_path) == ["m1", "m2"]


async def test_a_second_caller_keeps_what_the_first_gives_up(tmp_path: Path):
    """Both ask under one msg_id; the one that stays gets an operation that is kept."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    first = asyncio.create_task(outbox.add("ga", message(1)))
    await asyncio.sleep(0)
    second = asyncio.create_task(outbox.add("ga", message(1)))

    await give_up(first)
    pending = await second
    await store.close()

    assert pending.kept
    assert outbox.first("ga") is pending
    assert await waiting_in(tmp_path) == ["m1"]


async def test_a_write_that_fails_fails_alone(tmp_path: Path):
    """What was joined with it is written: what others wait for, and what nobody waits for."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    answered = await outbox.add("ga", message(1))
    outbox.resolve(answered, sent(1))

    failed, kept = await asyncio.gather(
        store.write([("INSERT INTO nowhere VALUES (1)", ())]),
        outbox.add("gb", message(2)),
        return_exceptions=True,
    )
    await store.close()

    assert isinstance(failed, StorageFailed)
    assert isinstance(kept, Pending)
    assert await waiting_in(tmp_path) == ["m2"]


@pytest.mark.parametrize(
    "wrong", [{"content": "half a \ud83d"}, {"mentions": ("ua",) * 51}, {"reply_to": -1}, {"reply_to": 2**70}]
)
async def test_what_no_server_takes_is_refused_at_once(tmp_path: Path, wrong: dict[str, object]):
    """It stands in nobody's way, now or at the next start."""
    store = LocalStore(tmp_path)
    outbox = Outbox(store)
    payload = msgspec.structs.replace(message(1).payload, **wrong)

    with pytest.raises(Refused) as caught:
        await outbox.add("ga", frames.Send(payload=payload))

    assert caught.value.code == ErrorCode.INVALID_PARAMETERS
    good = await outbox.add("ga", message(2))
    await store.close()
    assert outbox.first("ga") is good
    assert await waiting_in(tmp_path) == ["m2"]


def error(
    code: int, *, outcome: str = "refused", retryable: bool = False, after: int | None = None
) -> ErrorPayload:
    return ErrorPayload(code=code, message="no", outcome=outcome, retryable=retryable, retry_after_ms=after)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, RetryAfter(200)),
        (error(10008, retryable=True), RetryAfter(200)),
        (error(10007, retryable=True, after=900), RetryAfter(900)),
        (error(10009, outcome="unknown", retryable=True), RetryAfter(200)),
        (error(10009, outcome="unknown"), RetryAfter(200)),
    ],
)
def test_no_answer_and_passing_trouble_are_sent_again(answer: ErrorPayload | None, expected: RetryAfter):
    """Silence, retryable refusals and unknown outcomes lead to the same msg_id again, after a wait."""
    assert decide_answer(answer, 1, 1.0) == expected


def test_final_answers_are_final():
    """An ack, a refusal and a dead letter end an operation; the dead letter is never called refused."""
    ack = MessageAck(msg_id="m1", conversation_id="ga", seq=1, server_ts=1, duplicate=False)

    stored = decide_answer(ack, 1, 0.0)
    refused = decide_answer(error(40005), 1, 0.0)
    dead = decide_answer(error(50006, outcome="unknown"), 1, 0.0)
    fault = decide_answer(error(20003, outcome="unknown"), 1, 0.0)

    assert stored == sent(1)
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, Refused)
    assert isinstance(dead, Failed)
    assert isinstance(dead.error, OutcomeUnknown)
    assert dead.error.code == ErrorCode.DEAD_LETTERED
    assert isinstance(fault, Failed)
    assert isinstance(fault.error, OutcomeUnknown)
    assert fault.error.code == ErrorCode.MESSAGE_PROCESSING_ERROR
