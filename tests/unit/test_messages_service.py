"""From a request to a command in the log: what is asked before, and what the waiter hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pingme.adapters.log_memory import MemoryLog
from pingme.domain.errors import ErrorCode, OutcomeUnknown, PingMeError, Refused
from pingme.domain.events import Command, GroupUpdatedBody, RefusedOutcome, Stored
from pingme.services.messages import Messages, outcome_or_raise
from pingme.wire.frames import EditPayload, ReactPayload, RecallPayload, SendPayload
from tests.fakes.node_world import NodeWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    """A node with three accounts and a group of two."""
    made = NodeWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    await made.group("ga", "ua", "ub")
    yield made
    await made.close()


async def test_everything_that_is_written_over_http_is_one_rate(world: NodeWorld):
    """Changes of groups, settings and profiles count like messages; a repeat by an operator does not."""
    limited = Messages(
        world.log, world.pending, world.store, world.user_exists, world.clock, http_sends_per_s=1
    )

    def change() -> Command:
        return world.command("group_updated", "ua", "ga", GroupUpdatedBody(announcement="more and more"))

    for _ in range(2):
        await limited.execute(change())
    await limited.send("ua", SendPayload(msg_id="m1", content="hi", to_user_id="ub"))
    before = await world.store.head("ga")

    assert await code_of(limited.execute(change())) == ErrorCode.TOO_MANY_REQUESTS
    assert await code_of(limited.send("ua", SendPayload(msg_id="m2", content="hi", group_id="ga"))) == 10007
    assert await world.store.head("ga") == before
    assert isinstance(await limited.replay(change()), Stored)
    await world.clock.advance(1_000)
    await limited.execute(change())


async def code_of(answer: object) -> int:
    with pytest.raises(PingMeError) as error:
        await answer  # type: ignore[misc]
    return int(error.value.code)


async def test_a_message_is_stored_edited_reacted_to_and_recalled(world: NodeWorld):
    """Every operation takes the next seq of the conversation."""
    messages = world.messages
    where = (
        await messages.send("ua", SendPayload(msg_id="m1", content="hi", to_user_id="ub"))
    ).conversation_id

    edited = await messages.edit("ua", EditPayload(msg_id="m2", conversation_id=where, seq=1, content="ho"))
    react = ReactPayload(msg_id="m3", conversation_id=where, seq=1, emoji="👍")
    reacted = await messages.react("ub", react)
    recalled = await messages.recall("ua", RecallPayload(msg_id="m4", conversation_id=where, seq=1))

    assert [each.seq for each in (edited, reacted, recalled)] == [2, 3, 4]


async def test_a_seq_of_another_epoch_is_refused(world: NodeWorld):
    """10006: after a restore it may be another message. What is stored already is answered as ever."""
    send, edit = world.messages.send, world.messages.edit
    epoch = world.store.epoch
    first = EditPayload(msg_id="m2", conversation_id="ga", seq=2, content="ho", epoch=epoch)
    await send("ua", SendPayload(msg_id="m1", content="hi", group_id="ga", reply_to=1, epoch=epoch))
    stored = await edit("ua", first)

    codes = [
        await code_of(edit("ua", replace(first, msg_id="m3", epoch="old"))),
        await code_of(
            world.messages.recall("ua", RecallPayload(msg_id="m4", conversation_id="ga", seq=2, epoch="old"))
        ),
        await code_of(
            world.messages.react(
                "ua", ReactPayload(msg_id="m5", conversation_id="ga", seq=2, emoji="👍", epoch="old")
            )
        ),
        await code_of(
            send("ua", SendPayload(msg_id="m6", content="re", group_id="ga", reply_to=2, epoch="old"))
        ),
    ]
    again = await edit("ua", replace(first, epoch="old"))

    assert codes == [ErrorCode.CONFLICT] * 4
    assert (again.seq, again.duplicate) == (stored.seq, True)


async def test_a_seq_of_another_epoch_is_refused_over_a_socket(world: NodeWorld):
    """The quick way asks, too; with the store's own epoch it goes through."""
    client = await world.online("ua")
    await world.messages.send("ua", SendPayload(msg_id="m1", content="hi", group_id="ga"))
    target = {"conversation_id": "ga", "seq": 2, "content": "ho"}

    client.send("edit", msg_id="m2", epoch="old", **target)
    (error,) = await client.hears("error")
    client.send("edit", msg_id="m3", epoch=world.store.epoch, **target)
    (ack,) = await client.hears("message_ack")

    assert (error["code"], error["outcome"], error["msg_id"]) == (10006, "refused", "m2")
    assert ack["msg_id"] == "m3"


@pytest.mark.parametrize("target", ["a b", "a\n", "é", "a/b", '"', "x\x00"])
@pytest.mark.parametrize("field", ["conversation_id", "to_user_id", "group_id"])
async def test_a_target_that_is_no_id_is_refused_over_a_socket(world: NodeWorld, field: str, target: str):
    """10002, as any other malformed field; nothing is asked of the store for it."""
    client = await world.online("ua")

    client.send("send", msg_id="m1", content="hi", **{field: target})

    (error,) = await client.hears("error")
    assert (error["code"], error["outcome"], error["msg_id"]) == (10002, "refused", "m1")
    assert field in error["message"]


async def test_malformed_operations_are_refused_before_the_log(world: NodeWorld):
    """Empty and too large content, an emoji that is a text, two places or none."""
    messages = world.messages
    long_emoji = ReactPayload(msg_id="m", conversation_id="ga", seq=1, emoji="é" * 17)

    codes = [
        await code_of(messages.send("ua", SendPayload(msg_id="m", content="", group_id="ga"))),
        await code_of(messages.send("ua", SendPayload(msg_id="m", content="x" * 8193, group_id="ga"))),
        await code_of(messages.react("ua", long_emoji)),
        await code_of(messages.send("ua", SendPayload(msg_id="m", content="x"))),
        await code_of(messages.send("ua", SendPayload(msg_id="m", content="x", to_user_id="no"))),
        await code_of(messages.send("uc", SendPayload(msg_id="m", content="x", group_id="ga"))),
    ]

    assert codes == [10002, 40006, 10002, 10002, 30001, 40002]
    assert world.worker.state.records == 0


async def test_a_removed_writer_is_refused_and_a_repeat_of_old_is_answered(world: NodeWorld):
    """Removal binds at once, also what the cache remembers; what was stored before keeps its answer."""
    payload = SendPayload(msg_id="m1", content="hi", group_id="ga")
    first = await world.messages.send("ub", payload)
    await world.groups.remove_member("ua", "ga", "ub")

    again = await world.messages.send("ub", payload)
    later = SendPayload(msg_id="m2", content="hi", group_id="ga")

    assert (again.seq, again.duplicate) == (first.seq, True)
    assert await code_of(world.messages.send("ub", later)) == 40003


async def test_a_full_log_refuses_and_nobody_waits(world: NodeWorld):
    """10008 with retry_after_ms; the waiter is not left behind."""
    full = Messages(MemoryLog(0), world.pending, world.store, world.user_exists, world.clock)

    with pytest.raises(Refused) as refused:
        await full.send("ua", SendPayload(msg_id="m", content="x", group_id="ga"))

    assert (refused.value.code, refused.value.retry_after_ms) == (10008, 1000)
    assert len(world.pending) == 0


async def test_a_leaving_node_takes_nothing_new(world: NodeWorld):
    """10008 while it drains."""
    world.messages.draining = True

    payload = SendPayload(msg_id="m", content="x", group_id="ga")

    assert await code_of(world.messages.send("ua", payload)) == 10008


@pytest.mark.parametrize(
    ("code", "kind"), [(10009, OutcomeUnknown), (50006, OutcomeUnknown), (20001, Refused)]
)
def test_unknown_is_never_called_refused(code: int, kind: type[PingMeError]):
    """10009 and 50006 say nothing about whether it was stored."""
    with pytest.raises(kind) as error:
        outcome_or_raise(RefusedOutcome(code, "why"))

    assert error.value.code is ErrorCode(code)
