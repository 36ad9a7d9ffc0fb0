"""The outbox: kept before it is sent, forgotten after the final answer, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from pingme.domain.errors import ErrorCode, OutcomeUnknown, Refused
from pingme.sdk import outbox as module
from pingme.sdk.errors import DataDirInUse, OutboxFull
from pingme.sdk.outbox import Failed, Outbox, RetryAfter, Sent, decide_answer
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
