"""`Store`: the fake, the embedded database and MySQL keep the same promises."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from pingme.domain.errors import ErrorCode
from pingme.domain.events import Command, RefusedOutcome, Stored
from pingme.domain.model import RoleRank, RuleLimits
from pingme.ports.store import Position
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    DEE,
    GROUP,
    create_group,
    dissolve,
    edit,
    fresh,
    join,
    leave,
    private,
    profile,
    react,
    recall,
    remove,
    set_role,
    set_up,
    to_group,
    to_user,
    update_group,
)
from tests.fakes.store_worlds import MemoryWorld, MysqlWorld, SqliteWorld, World, codes

PAIR = private(ADA, BOB)
LIMITS = RuleLimits(
    group_members=3, groups_per_user=2, reaction_kinds=2, edit_window_s=60, recall_window_s=60
)
MINUTE_MS = 60_000


@pytest.fixture(params=["memory", "sqlite", "mysql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    world: World
    if request.param == "memory":
        world = MemoryWorld(LIMITS)
    elif request.param == "sqlite":
        world = SqliteWorld(LIMITS, tmp_path)
    else:
        world = MysqlWorld(LIMITS, request.getfixturevalue("mariadb"))
    await world.open()
    yield world
    await world.close()
    await world.drop()


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of what events hold: objects, arrays, strings, integers, booleans."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def head_hash(conversation_id: str, *events: tuple[Command, Stored]) -> bytes:
    """Compute the rolling hash of a conversation from what its members sent."""
    rolling = h(conversation_id.encode())
    for command, stored in events:
        digest = h(
            canonical(
                {
                    "conversation_id": conversation_id,
                    "seq": stored.seq,
                    "kind": command.kind,
                    "sender_id": command.sender_id,
                    "msg_id": command.msg_id,
                    "server_ts": stored.server_ts,
                    "body": json.loads(command.payload),
                }
            )
        )
        rolling = h(rolling + digest)
    return rolling


def content(view: object) -> str:
    body = json.loads(view.payload)  # type: ignore[attr-defined]
    assert isinstance(body["content"], str)
    return body["content"]


# Appending.


async def test_the_first_message_makes_a_private_conversation(world: World) -> None:
    """It has seq 1, and both users are members from there on."""
    command = to_user(ADA, BOB, "hi", client_ts=123)

    (stored,) = await world.stored(command)

    assert (stored.conversation_id, stored.seq, stored.duplicate) == (PAIR, 1, False)
    assert stored.server_ts == world.clock.now_ms()
    assert stored.hearers == (ADA, BOB)
    assert stored.event is not None
    assert (stored.event.payload, stored.event.client_ts) == (command.payload, 123)
    ada, bob = await world.access(ADA, PAIR), await world.access(BOB, PAIR)
    assert (ada.peer_id, bob.peer_id) == (BOB, ADA)
    assert ada.conversation == bob.conversation
    assert (ada.conversation.member_count, ada.conversation.peers) == (2, (ADA, BOB))
    assert (ada.head_seq, ada.member.from_seq) == (1, 1)
    assert await world.store.access(CAI, PAIR) is None


async def test_the_first_messages_of_both_sides_may_come_in_one_batch(world: World) -> None:
    """There is one conversation and both messages stand in it."""
    stored = await world.stored(to_user(ADA, BOB, "a"), to_user(BOB, ADA, "b"))

    assert [outcome.seq for outcome in stored] == [1, 2]
    assert {outcome.conversation_id for outcome in stored} == {PAIR}
    assert [content(view) for view in await world.events(PAIR)] == ["a", "b"]


async def test_a_user_may_talk_to_oneself(world: World) -> None:
    """The conversation has one member, who is also the peer."""
    (stored,) = await world.stored(to_user(ADA, ADA, "a note"))

    access = await world.access(ADA, stored.conversation_id)
    assert (access.peer_id, access.peer_read_seq) == (ADA, None)
    assert (access.conversation.member_count, access.conversation.peers) == (1, (ADA,))
    assert stored.hearers == (ADA,)
    assert await world.store.unread(ADA, [access]) == [0]


async def test_seqs_are_consecutive_over_batches_and_restarts(world: World) -> None:
    """Refusals and duplicates between them leave no hole."""
    first = to_user(ADA, BOB)
    await world.stored(first)
    await world.say(to_user(ADA, "u-nobody"), to_user(BOB, ADA), first, to_user(ADA, BOB, reply_to=99))
    await world.reopen()
    await world.stored(to_user(ADA, BOB))

    assert [view.seq for view in await world.events(PAIR)] == [1, 2, 3]
    assert await world.store.head(PAIR) == 3


async def test_an_unknown_user_is_refused(world: World) -> None:
    """Nothing is stored for a peer, or a sender, without an account."""
    assert await world.refused(to_user(ADA, "u-nobody")) == [ErrorCode.USER_NOT_FOUND]
    assert await world.refused(to_user("u-nobody", ADA)) == [ErrorCode.USER_NOT_FOUND]
    assert await world.store.head(private(ADA, "u-nobody")) == 0
    assert await world.store.find("u-nobody", "x") is None


async def test_a_stranger_learns_nothing(world: World) -> None:
    """Where a conversation exists and where it does not, a stranger gets the same answer."""
    await world.stored(to_user(ADA, BOB), create_group(ADA, BOB))

    message = to_user(CAI, BOB)
    foreign = Command("message", CAI, fresh(), PAIR, message.body, message.payload)
    assert await world.refused(edit(CAI, PAIR, 1, "x")) == [ErrorCode.CONVERSATION_NOT_FOUND]
    assert await world.refused(edit(CAI, "p-none", 1, "x")) == [ErrorCode.CONVERSATION_NOT_FOUND]
    assert await world.refused(to_group(CAI)) == [ErrorCode.GROUP_NOT_FOUND]
    assert await world.refused(to_group(CAI, group="g-none")) == [ErrorCode.GROUP_NOT_FOUND]
    assert await world.refused(foreign) == [ErrorCode.CONVERSATION_NOT_FOUND]


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b\x01\x08\t\n\x0b\x0c\r\x1f\x7f",
        '"\\/<>&',
        "\u2028\u2029\ufeff",
        "grüße 日本 😀 👩‍👩‍👧",
        "\U0010ffff",
        "  ",
        "1",
        "null",
        '{"a":1}',
    ],
)
async def test_content_is_given_back_exactly(world: World, text: str) -> None:
    """Whatever the characters: after sending, after editing, and after reopening the file."""
    await world.stored(to_user(ADA, BOB, text), to_user(ADA, BOB, "other"))
    await world.stored(edit(ADA, PAIR, 2, text), react(BOB, PAIR, 1, text), set_up(ADA, PAIR, draft=text))
    await world.reopen()

    views = await world.events(PAIR)

    assert [content(view) for view in views[:3]] == [text] * 3
    assert [reactors.emoji for reactors in views[0].reactions] == [text]
    assert [msgspec.json.encode(msgspec.json.decode(view.payload)) for view in views] == [
        view.payload for view in views
    ]
    assert (await world.access(ADA, PAIR)).draft == text
    assert {access.draft for access in await world.changed(ADA, None)} == {text, ""}


# Idempotence.


async def test_a_repeat_in_the_same_batch_keeps_one_row(world: World) -> None:
    """The second is a duplicate of the first, whatever its client_ts."""
    first = to_user(ADA, BOB, msg_id="m", client_ts=1)
    again = to_user(ADA, BOB, msg_id="m", client_ts=2)

    stored = await world.stored(first, again)

    assert [(outcome.seq, outcome.duplicate) for outcome in stored] == [(1, False), (1, True)]
    assert stored[1].event is None
    assert len(await world.events(PAIR)) == 1


@pytest.mark.parametrize("between", ["nothing", "forget", "reopen", "edit", "recall", "much"])
async def test_a_repeat_is_answered_with_the_first_seq(world: World, between: str) -> None:
    """Whatever happened in between, nothing is stored again and seq and server_ts are the first ones."""
    command = to_user(ADA, BOB, "once", msg_id="0190163d-8694-739b-aea5-966c26f8ad91")
    (first,) = await world.stored(command)
    await world.clock.advance(1_000)
    match between:
        case "forget":
            await world.forget()
        case "reopen":
            await world.reopen()
        case "edit":
            await world.stored(edit(ADA, PAIR, 1, "changed"))
        case "recall":
            await world.stored(recall(ADA, PAIR, 1))
            await world.reopen()
        case "much":
            await world.stored(*(to_user(BOB, ADA) for _ in range(50)))
            await world.forget()
        case _:
            pass
    head = await world.store.head(PAIR)

    (again,) = await world.stored(command)
    (and_again,) = await world.stored(command)

    assert again == and_again
    assert (again.seq, again.server_ts, again.duplicate) == (first.seq, first.server_ts, True)
    assert again.hearers == (ADA, BOB)
    assert await world.store.head(PAIR) == head


async def test_repeats_and_new_messages_may_be_mixed_after_memory_was_lost(world: World) -> None:
    """The new ones are stored once, the old ones answered, in their order."""
    old = [to_user(ADA, BOB, str(number)) for number in range(3)]
    await world.stored(*old)
    await world.forget()

    new = [to_user(BOB, ADA, str(number)) for number in range(2)]
    stored = await world.stored(old[2], new[0], old[0], new[1], new[0])

    assert [(outcome.seq, outcome.duplicate) for outcome in stored] == [
        (3, True),
        (4, False),
        (1, True),
        (5, False),
        (4, True),
    ]


async def test_a_repeat_is_answered_after_the_sender_has_left(world: World) -> None:
    """The first outcome holds, although the sender may not write any more."""
    command = to_group(BOB)
    await world.stored(create_group(ADA, BOB), command, remove(ADA, BOB))
    await world.forget()

    (again,) = await world.stored(command)

    assert (again.seq, again.duplicate) == (2, True)
    assert await world.refused(to_group(BOB)) == [ErrorCode.NOT_A_MEMBER]


async def test_a_new_group_is_made_once(world: World) -> None:
    """A repeat comes with another group id and gets the first."""
    await world.stored(create_group(ADA, BOB, msg_id="m"))
    await world.forget()

    (again,) = await world.stored(create_group(ADA, BOB, group="g-2", msg_id="m"))

    assert (again.conversation_id, again.seq, again.duplicate) == (GROUP, 1, True)
    assert await world.store.head("g-2") == 0


async def test_msg_ids_belong_to_their_sender(world: World) -> None:
    """Two senders may choose the same msg_id."""
    stored = await world.stored(to_user(ADA, BOB, msg_id="m"), to_user(BOB, ADA, msg_id="m"))

    assert [outcome.seq for outcome in stored] == [1, 2]


async def test_two_spellings_of_a_uuid_are_two_msg_ids(world: World) -> None:
    """Only the same text is the same msg_id, and it comes back as it was given."""
    lower = "0190163d-8694-739b-aea5-966c26f8ad91"

    stored = await world.stored(
        to_user(ADA, BOB, msg_id=lower),
        to_user(ADA, BOB, msg_id=lower.upper()),
        to_user(ADA, BOB, msg_id=lower.replace("-", "")),
    )
    await world.reopen()

    assert [outcome.seq for outcome in stored] == [1, 2, 3]
    assert [view.msg_id for view in await world.events(PAIR)] == [
        lower,
        lower.upper(),
        lower.replace("-", ""),
    ]
    found = await world.store.find(ADA, lower.upper())
    assert found is not None
    assert found.seq == 2


ORIGINAL = to_user(ADA, BOB, "once", msg_id="m")
OTHERS = {
    "content": to_user(ADA, BOB, "twice", msg_id="m"),
    "content_type": to_user(ADA, BOB, "once", msg_id="m", content_type="markdown"),
    "reply_to": to_user(ADA, BOB, "once", msg_id="m", reply_to=1),
    "mentions": to_user(ADA, BOB, "once", msg_id="m", mentions=(BOB,)),
    "conversation": to_user(ADA, CAI, "once", msg_id="m"),
    "group": to_group(ADA, "once", msg_id="m"),
    "kind": edit(ADA, PAIR, 1, "once", msg_id="m"),
    "recall": recall(ADA, PAIR, 1, msg_id="m"),
    "reaction": react(ADA, PAIR, 1, "once", msg_id="m"),
}


@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("what", OTHERS)
async def test_the_same_msg_id_for_something_else_is_refused(world: World, what: str, forget: bool) -> None:
    """With 40004, and the first stays as it was; in the same batch, later, and after memory was lost."""
    await world.stored(ORIGINAL)
    if forget:
        await world.forget()

    assert await world.refused(OTHERS[what]) == [ErrorCode.MSG_ID_CONFLICT]
    outcomes = await world.say(OTHERS[what], ORIGINAL)

    assert codes(outcomes) == [ErrorCode.MSG_ID_CONFLICT, 0]
    assert [content(view) for view in await world.events(PAIR)] == ["once"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (edit(ADA, PAIR, 1, "x", msg_id="op"), edit(ADA, PAIR, 2, "x", msg_id="op")),
        (edit(ADA, PAIR, 1, "x", msg_id="op"), edit(ADA, PAIR, 1, "y", msg_id="op")),
        (recall(ADA, PAIR, 1, msg_id="op"), recall(ADA, PAIR, 2, msg_id="op")),
        (react(ADA, PAIR, 1, "x", msg_id="op"), react(ADA, PAIR, 1, "y", msg_id="op")),
        (react(ADA, PAIR, 1, "x", msg_id="op"), react(ADA, PAIR, 1, "x", remove=True, msg_id="op")),
    ],
)
async def test_operations_are_idempotent_and_their_msg_ids_bind(
    world: World, first: Command, second: Command
) -> None:
    """The same operation again is a duplicate; another target or content is a conflict."""
    await world.stored(to_user(ADA, BOB), to_user(ADA, BOB), first)
    await world.forget()

    (again,) = await world.stored(first)

    assert (again.seq, again.duplicate) == (3, True)
    assert await world.refused(second) == [ErrorCode.MSG_ID_CONFLICT]
    assert await world.store.head(PAIR) == 3


# Refusals.


@pytest.mark.parametrize("between", ["nothing", "forget", "reopen"])
async def test_a_refusal_is_written_down_and_binds(world: World, between: str) -> None:
    """What was refused is never stored under its msg_id, even when it would be allowed now."""
    await world.stored(create_group(ADA, BOB))
    late = to_group(CAI, msg_id="m")
    assert await world.refused(late) == [ErrorCode.GROUP_NOT_FOUND]
    await world.stored(join(ADA, CAI))
    if between == "forget":
        await world.forget()
    elif between == "reopen":
        await world.reopen()

    assert await world.refused(late) == [ErrorCode.GROUP_NOT_FOUND]
    assert await world.refused(to_group(CAI, "other", msg_id="m")) == [ErrorCode.GROUP_NOT_FOUND]
    await world.stored(to_group(CAI))
    found = await world.store.find(CAI, "m")
    assert found is not None
    assert (found.refusal, found.conversation_id, found.kind) == (ErrorCode.GROUP_NOT_FOUND, "", "refused")


async def test_a_refusal_binds_within_its_batch(world: World) -> None:
    """The repeat behind it gets the same answer, though the one in between would allow it."""
    await world.stored(create_group(ADA))
    late = to_group(BOB, msg_id="m")

    outcomes = await world.say(late, join(ADA, BOB), late, to_group(BOB))

    assert codes(outcomes) == [ErrorCode.GROUP_NOT_FOUND, 0, ErrorCode.GROUP_NOT_FOUND, 0]


async def test_many_refusals_in_one_batch_are_all_written(world: World) -> None:
    """Each is found by its own msg_id, after reopening too."""
    await world.refused(*(to_group(ADA, msg_id=f"r{number}") for number in range(20)))
    await world.reopen()
    await world.refused(*(to_group(BOB, msg_id=f"r{number}") for number in range(20)))
    await world.reopen()

    for sender in (ADA, BOB):
        for number in range(20):
            found = await world.store.find(sender, f"r{number}")
            assert found is not None
            assert found.refusal == ErrorCode.GROUP_NOT_FOUND


async def test_refuse_writes_a_refusal_for_a_command_that_is_not_stored(world: World) -> None:
    """Afterwards it cannot be stored, whoever tries."""
    await world.stored(to_user(ADA, BOB))
    command = to_user(ADA, BOB, msg_id="m")

    outcome = await world.store.refuse(command, ErrorCode.PERSIST_FAILED, "rejected é")
    await world.reopen()

    assert outcome == RefusedOutcome(ErrorCode.PERSIST_FAILED, "rejected é")
    assert await world.say(command) == [outcome]
    assert await world.store.refuse(command, ErrorCode.TOO_LATE, "other") == outcome


async def test_refuse_leaves_what_is_stored(world: World) -> None:
    """A stored command cannot be refused any more: its first outcome is the answer."""
    command = to_user(ADA, BOB)
    (first,) = await world.stored(command)

    outcome = await world.store.refuse(command, ErrorCode.PERSIST_FAILED, "rejected")

    assert isinstance(outcome, Stored)
    assert (outcome.seq, outcome.duplicate) == (first.seq, True)
    assert await world.store.head(PAIR) == 1


# Order within a batch.


async def test_a_removal_binds_the_next_command_of_the_batch(world: World) -> None:
    """The removed member's message behind it is refused."""
    await world.stored(create_group(ADA, BOB))

    outcomes = await world.say(to_group(BOB), remove(ADA, BOB), to_group(BOB), to_group(ADA))

    assert codes(outcomes) == [0, 0, ErrorCode.NOT_A_MEMBER, 0]
    assert [view.kind for view in await world.events(GROUP)] == [
        "group_created",
        "message",
        "member_removed",
        "message",
    ]


async def test_a_whole_life_of_a_group_fits_into_one_batch(world: World) -> None:
    """Creation, invitation, messages, roles, removal and rejoining are decided in their order."""
    outcomes = await world.say(
        to_group(BOB),
        create_group(ADA),
        to_group(BOB),
        join(ADA, BOB),
        to_group(BOB),
        remove(BOB, ADA),
        set_role(ADA, BOB, "owner"),
        remove(BOB, ADA),
        to_group(ADA),
        join(BOB, ADA),
        to_group(ADA),
        leave(BOB),
        update_group(BOB, name="New"),
        dissolve(BOB),
        to_group(ADA),
    )

    assert codes(outcomes) == [
        ErrorCode.GROUP_NOT_FOUND,
        0,
        ErrorCode.GROUP_NOT_FOUND,
        0,
        0,
        ErrorCode.FORBIDDEN,
        0,
        0,
        ErrorCode.NOT_A_MEMBER,
        0,
        0,
        ErrorCode.FORBIDDEN,
        0,
        0,
        ErrorCode.NOT_ALLOWED_TO_WRITE,
    ]
    await world.reopen()
    access = await world.access(BOB, GROUP)
    assert (access.member.role, access.conversation.name) == (RoleRank.OWNER, "New")
    assert access.conversation.dissolved
    assert access.conversation.member_count == 2
    assert (await world.access(ADA, GROUP)).member.role is RoleRank.MEMBER


async def test_the_group_limit_counts_within_the_batch(world: World) -> None:
    """Three may be members: the fourth is refused, and fits in when somebody has gone."""
    outcomes = await world.say(
        create_group(ADA, BOB), join(ADA, CAI), join(ADA, DEE), remove(ADA, BOB), join(ADA, DEE)
    )

    assert codes(outcomes) == [0, 0, ErrorCode.LIMIT_REACHED, 0, 0]
    assert (await world.access(ADA, GROUP)).conversation.member_count == 3


async def test_the_groups_of_a_user_count_within_the_batch(world: World) -> None:
    """Two groups per user; private chats and the own log are not groups."""
    outcomes = await world.say(
        to_user(BOB, ADA),
        to_user(BOB, CAI),
        profile(BOB, nickname="Bob"),
        create_group(ADA, BOB, group="g-1"),
        create_group(ADA, BOB, group="g-2"),
        create_group(CAI, BOB, group="g-3"),
        remove(ADA, BOB, group="g-1"),
        create_group(CAI, BOB, group="g-4"),
        create_group(CAI, BOB, group="g-5"),
    )

    assert codes(outcomes) == [0, 0, 0, 0, 0, ErrorCode.LIMIT_REACHED, 0, 0, ErrorCode.LIMIT_REACHED]
    channels = await world.store.channels(BOB)
    assert sorted(channels) == ["g-2", "g-4"]
    for group_id, joined_seq in channels.items():
        access = await world.store.access(BOB, group_id)
        assert access is not None
        assert access.member.joined_seq == joined_seq


async def test_a_group_begins_with_its_creator_and_nobody_twice(world: World) -> None:
    """Another list of first members is refused."""
    assert await world.refused(create_group(ADA, ADA)) == [ErrorCode.INVALID_PARAMETERS]
    assert await world.refused(create_group(ADA, BOB, BOB)) == [ErrorCode.INVALID_PARAMETERS]
    foreign = create_group(ADA, BOB)
    assert await world.refused(msgspec.structs.replace(foreign, sender_id=CAI)) == [
        ErrorCode.INVALID_PARAMETERS
    ]


async def test_operations_on_a_message_of_the_same_batch(world: World) -> None:
    """They find it, and a recall binds what follows it."""
    outcomes = await world.say(
        to_user(ADA, BOB, "one"),
        edit(ADA, PAIR, 1, "two"),
        react(BOB, PAIR, 1, "👍"),
        recall(ADA, PAIR, 1),
        react(BOB, PAIR, 1, "👎"),
        edit(ADA, PAIR, 1, "three"),
        edit(ADA, PAIR, 2, "an edit is no message"),
    )

    assert codes(outcomes) == [0, 0, 0, 0, ErrorCode.CONFLICT, ErrorCode.CONFLICT, ErrorCode.NOT_FOUND]
    view = await world.view(PAIR, 1)
    assert (content(view), view.edited_seq, view.recalled, view.reactions) == ("", 2, True, ())


@pytest.mark.parametrize("together", [True, False])
async def test_kinds_of_reactions_are_bounded(world: World, together: bool) -> None:
    """Two kinds per message: a third is refused until one is taken back, in one batch as in many."""
    commands = [
        to_user(ADA, BOB),
        react(ADA, PAIR, 1, "1"),
        react(ADA, PAIR, 1, "2"),
        react(BOB, PAIR, 1, "2"),
        react(ADA, PAIR, 1, "3"),
        react(ADA, PAIR, 1, "2", remove=True),
        react(ADA, PAIR, 1, "3"),
        react(BOB, PAIR, 1, "2", remove=True),
        react(ADA, PAIR, 1, "3"),
    ]

    outcomes = (
        await world.say(*commands)
        if together
        else [outcome for command in commands for outcome in await world.say(command)]
    )

    full = ErrorCode.LIMIT_REACHED
    assert codes(outcomes) == [0, 0, 0, 0, full, 0, full, 0, 0]
    view = await world.view(PAIR, 1)
    assert [(each.emoji, each.user_ids) for each in view.reactions] == [("1", (ADA,)), ("3", (ADA,))]


# Edits, recalls, reactions.


async def test_an_edited_message_shows_its_newest_content(world: World) -> None:
    """With the seq of the newest edit; the edits stand in the log as well, digests stay as first stored."""
    (first,) = await world.stored(to_user(ADA, BOB, "one", mentions=(BOB,)))

    await world.stored(edit(ADA, PAIR, 1, "two"), edit(ADA, PAIR, 1, "drei"))

    message, one, two = await world.events(PAIR)
    assert (content(message), message.edited_seq, message.recalled) == ("drei", 3, False)
    assert (content(one), content(two)) == ("two", "drei")
    assert first.event is not None
    assert (message.digest, message.hash) == (first.event.digest, first.event.hash)
    assert list(json.loads(message.payload)) == ["content", "content_type", "mentions", "to_user_id"]


async def test_a_recalled_message_loses_its_content(world: World) -> None:
    """So do its edits and reactions; later operations on it are refused, repeats of earlier ones answered."""
    change = edit(ADA, PAIR, 1, "secret two")
    await world.stored(to_user(ADA, BOB, "secret one", mentions=(BOB,)), change, react(BOB, PAIR, 1, "👍"))

    await world.stored(recall(ADA, PAIR, 1))
    await world.reopen()

    message, edited, *_ = await world.events(PAIR)
    assert (content(message), content(edited), message.recalled) == ("", "", True)
    assert json.loads(message.payload) == {"content": "", "content_type": "text", "to_user_id": BOB}
    assert message.reactions == ()
    assert await world.refused(edit(ADA, PAIR, 1, "x")) == [ErrorCode.CONFLICT]
    assert await world.refused(recall(ADA, PAIR, 1)) == [ErrorCode.CONFLICT]
    assert await world.refused(react(ADA, PAIR, 1, "x")) == [ErrorCode.CONFLICT]
    (again,) = await world.stored(change)
    assert again.duplicate


async def test_edits_and_recalls_have_a_window(world: World) -> None:
    """After it they are refused, but the admins of a group may recall for ever."""
    await world.stored(to_user(ADA, BOB), create_group(ADA, BOB), to_group(BOB))
    await world.clock.advance(MINUTE_MS)
    await world.stored(edit(ADA, PAIR, 1, "in time"))
    await world.clock.advance(1)

    assert await world.refused(edit(ADA, PAIR, 1, "late")) == [ErrorCode.TOO_LATE]
    assert await world.refused(recall(ADA, PAIR, 1)) == [ErrorCode.TOO_LATE]
    assert await world.refused(recall(BOB, GROUP, 2)) == [ErrorCode.TOO_LATE]
    await world.stored(recall(ADA, GROUP, 2))


async def test_reactions_are_counted_in_order(world: World) -> None:
    """By kinds in the order of their first, users in the order of theirs; twice counts once."""
    await world.stored(to_user(ADA, BOB), create_group(CAI, ADA, BOB), to_group(CAI), to_group(CAI))

    await world.stored(
        react(CAI, GROUP, 2, "b"),
        react(BOB, GROUP, 2, "a"),
        react(ADA, GROUP, 2, "a"),
        react(BOB, GROUP, 2, "a"),
        react(ADA, GROUP, 3, "z"),
        react(ADA, GROUP, 2, "b"),
        react(CAI, GROUP, 2, "b", remove=True),
        react(CAI, GROUP, 2, "a", remove=True),
    )
    await world.reopen()

    second, third = (await world.page(GROUP, first_seq=2, last_seq=3)).events
    assert [(each.emoji, each.count, each.user_ids) for each in second.reactions] == [
        ("a", 2, (BOB, ADA)),
        ("b", 1, (ADA,)),
    ]
    assert [(each.emoji, each.count) for each in third.reactions] == [("z", 1)]


async def test_reactions_may_be_read_as_of_a_seq(world: World) -> None:
    """Those that were put later are neither named nor counted."""
    await world.stored(create_group(CAI, ADA, BOB), to_group(CAI))
    await world.stored(react(CAI, GROUP, 2, "a"), react(BOB, GROUP, 2, "a"), react(ADA, GROUP, 2, "b"))

    async def as_of(seq: int) -> list[tuple[str, int, tuple[str, ...]]]:
        (view,) = (await world.page(GROUP, first_seq=2, last_seq=2, reactions_until=seq)).events
        return [(each.emoji, each.count, tuple(each.user_ids)) for each in view.reactions]

    assert await as_of(2) == []
    assert await as_of(3) == [("a", 1, (CAI,))]
    assert await as_of(4) == [("a", 2, (CAI, BOB))]
    assert await as_of(5) == [("a", 2, (CAI, BOB)), ("b", 1, (ADA,))]


async def test_only_the_first_reactors_are_named(tmp_path: Path) -> None:
    """Fifty user ids in their order, and the count of all."""
    users = [f"u-{number:03}" for number in range(60)]
    for world in (MemoryWorld(RuleLimits()), SqliteWorld(RuleLimits(), tmp_path)):
        await world.open()
        await world.add_users(*users)
        await world.stored(create_group(ADA, *users), to_group(ADA))
        await world.stored(*(react(user, GROUP, 2, "👍") for user in reversed(users)))

        (reactors,) = (await world.view(GROUP, 2)).reactions

        assert (reactors.count, reactors.user_ids) == (60, tuple(reversed(users))[:50])
        await world.close()


# Members.


async def test_from_join_shows_nothing_earlier(world: World) -> None:
    """A new member reads from the joining on, or everything; a change of policy binds later joiners only."""
    await world.stored(create_group(ADA), to_group(ADA), join(ADA, BOB))
    assert (await world.access(BOB, GROUP)).member.from_seq == 3

    await world.stored(update_group(ADA, history_policy="full"), join(ADA, CAI))

    assert (await world.access(BOB, GROUP)).member.from_seq == 3
    assert (await world.access(CAI, GROUP)).member.from_seq == 1
    assert await world.refused(react(BOB, GROUP, 2, "x")) == [ErrorCode.NOT_FOUND]
    await world.stored(react(CAI, GROUP, 2, "x"))


async def test_a_former_member_reads_up_to_the_removal(world: World) -> None:
    """Head, hash and what changed end there; nothing later is shown, and coming back begins anew."""
    await world.stored(create_group(ADA, BOB), to_group(ADA), remove(ADA, BOB))
    await world.stored(to_group(ADA), to_group(ADA))
    await world.reopen()

    gone = await world.access(BOB, GROUP)
    views = await world.events(GROUP)

    assert (gone.member.until_seq, gone.head_seq, gone.head_hash) == (3, 3, views[2].hash)
    assert await world.store.unread(BOB, [gone]) == [1]
    assert list(await world.store.channels(BOB)) == []
    assert await world.refused(to_group(BOB)) == [ErrorCode.NOT_A_MEMBER]

    await world.stored(join(ADA, BOB))
    back = await world.access(BOB, GROUP)
    assert (back.member.until_seq, back.member.joined_seq, back.member.from_seq) == (None, 6, 6)
    assert back.head_seq == 6
    assert await world.store.unread(BOB, [back]) == [0]


async def test_members_are_listed_in_the_order_of_joining(world: World) -> None:
    """Former ones too, with their positions."""
    await world.stored(create_group(CAI), join(CAI, BOB), join(CAI, ADA), remove(CAI, BOB))
    await world.store.save_positions([Position(GROUP, ADA, 3, 2)])

    rows = await world.store.members(GROUP)

    assert [row.member.user_id for row in rows] == [CAI, BOB, ADA]
    assert [row.member.present for row in rows] == [True, False, True]
    assert [row.member.role for row in rows] == [RoleRank.OWNER, RoleRank.MEMBER, RoleRank.MEMBER]
    assert [(row.delivered_seq, row.read_seq) for row in rows] == [(0, 0), (0, 0), (3, 2)]
    assert list(await world.store.members("g-none")) == []


async def test_only_who_is_a_member_now_shares_a_conversation(world: World) -> None:
    """Private chats and groups count, own logs and former memberships do not."""
    await world.stored(
        to_user(ADA, BOB), create_group(ADA, CAI), create_group(DEE, CAI, group="g-2"), profile(DEE)
    )

    assert await world.store.share_conversation(ADA, [BOB, CAI, DEE, "u-none"]) == {BOB, CAI}
    await world.stored(remove(ADA, CAI))
    assert await world.store.share_conversation(ADA, [BOB, CAI, DEE]) == {BOB}
    assert await world.store.share_conversation(CAI, [ADA, DEE]) == {DEE}
    assert await world.store.share_conversation(ADA, []) == set()
    assert await world.store.share_conversation("u-none", [ADA]) == set()


# Positions and changes.


async def changed(world: World, user_id: str, since: tuple[int, ...] | None) -> list[str]:
    return list(await world.store.changed(user_id, since))


async def test_positions_move_forwards_only(world: World) -> None:
    """Each of the two on its own; a smaller value changes nothing, a stranger's is no position."""
    await world.stored(*(to_user(ADA, BOB) for _ in range(9)))

    await world.store.save_positions([Position(PAIR, BOB, 5, 3), Position(PAIR, BOB, 4, 4)])
    await world.store.save_positions([Position(PAIR, BOB, 2, 1), Position(PAIR, CAI, 9, 9)])
    await world.store.save_positions([Position("g-none", BOB, 2, 1)])
    await world.store.save_positions([])
    await world.reopen()

    bob, ada = await world.access(BOB, PAIR), await world.access(ADA, PAIR)
    assert (bob.delivered_seq, bob.read_seq) == (5, 4)
    assert (ada.delivered_seq, ada.read_seq) == (0, 0)
    assert (ada.peer_delivered_seq, ada.peer_read_seq) == (5, 4)
    assert await world.store.access(CAI, PAIR) is None


async def test_a_position_changes_a_private_chat_for_both(world: World) -> None:
    """In a group only for the one whose it is; a repeat changes nothing for anybody."""
    await world.stored(to_user(ADA, BOB), create_group(ADA, BOB))
    start = await world.store.change_numbers()

    await world.store.save_positions([Position(PAIR, BOB, 1, 0)])
    assert (await changed(world, ADA, start), await changed(world, BOB, start)) == ([PAIR], [PAIR])

    middle = await world.store.change_numbers()
    await world.store.save_positions([Position(PAIR, BOB, 1, 0), Position(GROUP, BOB, 1, 1)])
    assert (await changed(world, ADA, middle), await changed(world, BOB, middle)) == ([], [GROUP])

    end = await world.store.change_numbers()
    await world.store.save_positions([Position(PAIR, BOB, 1, 0), Position(GROUP, BOB, 1, 1)])
    assert (await changed(world, ADA, end), await changed(world, BOB, end)) == ([], [])


async def test_changed_tells_what_changed_since(world: World) -> None:
    """Newest first; nothing after the newest number, also when the file was opened again."""
    assert await changed(world, ADA, None) == []
    await world.stored(to_user(ADA, BOB))
    await world.stored(to_user(ADA, CAI))
    first = await world.store.change_numbers()
    assert await changed(world, ADA, None) == [private(ADA, CAI), PAIR]
    assert await changed(world, ADA, first) == []

    await world.stored(to_user(BOB, ADA))
    assert await changed(world, ADA, first) == [PAIR]
    assert await changed(world, CAI, first) == []

    await world.reopen()
    assert await changed(world, ADA, first) == [PAIR]
    assert await changed(world, ADA, await world.store.change_numbers()) == []
    second = await world.store.change_numbers()
    await world.stored(to_user(CAI, ADA))
    assert await changed(world, ADA, second) == [private(ADA, CAI)]
    assert await changed(world, ADA, first) == [private(ADA, CAI), PAIR]


async def test_refusals_and_duplicates_change_nothing(world: World) -> None:
    """No conversation shows up as changed."""
    command = to_user(ADA, BOB)
    await world.stored(command)
    since = await world.store.change_numbers()

    await world.say(command, to_group(ADA), to_user(ADA, BOB, reply_to=9))

    assert await changed(world, ADA, since) == []


async def test_accesses_are_those_asked_for_in_their_order(world: World) -> None:
    """Each is what `access` tells, of private chats, groups and former memberships; where the user is a stranger is nothing."""
    await world.stored(to_user(ADA, BOB), create_group(BOB, ADA, CAI), to_user(BOB, CAI), remove(BOB, ADA))
    await world.stored(to_group(BOB))
    private_of_others = private(BOB, CAI)

    found = await world.store.accesses(ADA, [GROUP, private_of_others, "g-none", PAIR])

    assert list(found) == [await world.access(ADA, GROUP), await world.access(ADA, PAIR)]
    assert await world.store.accesses(ADA, []) == []
    assert await world.store.accesses("u-none", [GROUP, PAIR]) == []


async def test_a_former_member_sees_no_later_change(world: World) -> None:
    """The removal is one; messages and removals after it are not."""
    await world.stored(create_group(ADA, BOB, CAI))
    before = await world.store.change_numbers()
    await world.stored(remove(ADA, BOB))
    after = await world.store.change_numbers()

    await world.stored(to_group(ADA), remove(ADA, CAI))

    (gone,) = await world.changed(BOB, before)
    assert (gone.head_seq, gone.member.present) == (2, False)
    assert await changed(world, BOB, after) == []
    assert await changed(world, CAI, after) == [GROUP]


async def test_unread_counts_the_messages_of_others(world: World) -> None:
    """Not one's own, not other events, not before from_seq, not what was read."""
    await world.stored(
        create_group(ADA, BOB), to_group(ADA), to_group(BOB), to_group(ADA), join(ADA, CAI), to_group(ADA)
    )

    async def unread(user_id: str) -> int:
        (count,) = await world.store.unread(user_id, [await world.access(user_id, GROUP)])
        return count

    assert [await unread(user) for user in (ADA, BOB, CAI)] == [1, 3, 1]
    await world.store.save_positions([Position(GROUP, BOB, 4, 2)])
    assert await unread(BOB) == 2
    await world.stored(recall(ADA, GROUP, 4), react(ADA, GROUP, 3, "x"))
    assert await unread(BOB) == 2
    await world.store.save_positions([Position(GROUP, BOB, 99, 8)])
    assert await unread(BOB) == 0


async def test_unread_of_several_conversations_keeps_their_order(world: World) -> None:
    """One count for each access, in order, with zeros between."""
    await world.stored(to_user(ADA, BOB), to_user(ADA, BOB), to_user(BOB, CAI), to_user(DEE, BOB))
    accesses = [await world.access(BOB, private(BOB, peer)) for peer in (CAI, ADA, DEE)]

    assert await world.store.unread(BOB, accesses) == [0, 2, 1]
    assert await world.store.unread(BOB, []) == []


async def test_unread_is_exact_up_to_999(world: World) -> None:
    """Beyond, it is 1 000 and no more."""
    await world.stored(*(to_user(ADA, BOB) for _ in range(999)))
    assert await world.store.unread(BOB, [await world.access(BOB, PAIR)]) == [999]

    await world.stored(to_user(ADA, BOB))
    assert await world.store.unread(BOB, [await world.access(BOB, PAIR)]) == [1000]

    await world.stored(to_user(ADA, BOB))
    assert await world.store.unread(BOB, [await world.access(BOB, PAIR)]) == [1000]


# Pages.


@pytest.mark.parametrize("newest", [False, True])
async def test_a_page_is_the_range_cut_to_its_limit(world: World, newest: bool) -> None:
    """Every combination of bounds and limit gives the right events, prev_hash and has_more."""
    await world.stored(*(to_user(ADA, BOB, str(number)) for number in range(1, 6)))
    views = await world.events(PAIR)
    hashes = [h(PAIR.encode()), *(view.hash for view in views)]

    for first in range(1, 8):
        for last in range(9):
            for limit in range(5):
                page = await world.page(PAIR, first_seq=first, last_seq=last, limit=limit, newest=newest)

                seqs = [seq for seq in range(first, last + 1) if seq <= 5]
                taken = seqs[max(0, len(seqs) - limit) :] if newest else seqs[:limit]
                if last < first:
                    before = last
                elif taken:
                    before = taken[0] - 1
                else:
                    before = last if newest else first - 1
                where = (first, last, limit)
                assert [view.seq for view in page.events] == taken, where
                assert page.has_more == (len(taken) < len(seqs)), where
                assert page.prev_hash == hashes[min(before, 5)], where


@pytest.mark.parametrize("newest", [False, True])
async def test_a_page_stops_before_its_bytes(world: World, newest: bool) -> None:
    """Bytes of UTF-8, not characters; at least one event is returned."""
    await world.stored(*(to_user(ADA, BOB, "é" * 100) for _ in range(4)))
    size = len((await world.view(PAIR, 1)).payload)
    assert size > 200

    async def seqs(max_bytes: int) -> list[int]:
        page = await world.page(PAIR, newest=newest, max_bytes=max_bytes)
        assert page.has_more == (len(page.events) < 4)
        return [view.seq for view in page.events]

    assert await seqs(0) == ([4] if newest else [1])
    assert await seqs(size) == ([4] if newest else [1])
    assert await seqs(2 * size - 1) == ([4] if newest else [1])
    assert await seqs(2 * size) == ([3, 4] if newest else [1, 2])
    assert await seqs(4 * size) == [1, 2, 3, 4]


async def test_an_unknown_conversation_is_empty(world: World) -> None:
    """Its page has h(0) and no events, its head is 0."""
    page = await world.page("g-none")

    assert (page.prev_hash, list(page.events), page.has_more) == (h(b"g-none"), [], False)
    assert await world.store.head("g-none") == 0
    assert await world.store.access(ADA, "g-none") is None
    assert await world.store.find(ADA, "none") is None


# Hashes.


async def test_digests_and_hashes_can_be_computed_by_anybody(world: World) -> None:
    """From what was sent, with any canonical JSON: the same hash, after edits and recalls too."""
    commands = [
        create_group(ADA, BOB, name="Gruppe é \u2028 \x01"),
        to_group(ADA, '\x00\b\t\n\f\r\x1f\x7f"\\/ 😀', reply_to=1, mentions=(BOB,)),
        to_group(BOB, "two"),
        edit(BOB, GROUP, 3, "three"),
        react(ADA, GROUP, 3, "👍"),
        react(ADA, GROUP, 3, "👍", remove=True),
        recall(BOB, GROUP, 3),
        join(ADA, CAI),
        set_role(ADA, CAI, "admin"),
        update_group(CAI, announcement="x", join_policy="open"),
        remove(ADA, BOB),
        leave(CAI),
        dissolve(ADA),
    ]
    stored = await world.stored(*commands)
    await world.reopen()

    access = await world.access(ADA, GROUP)

    assert access.head_hash == head_hash(GROUP, *zip(commands, stored, strict=True))
    assert [view.hash for view in await world.events(GROUP)] == [
        head_hash(GROUP, *zip(commands[:count], stored[:count], strict=True))
        for count in range(1, len(commands) + 1)
    ]
    assert [outcome.event.hash for outcome in stored if outcome.event is not None][-1] == access.head_hash


async def test_the_chain_goes_on_after_a_restart(world: World) -> None:
    """The next hash continues from the file."""
    commands = [to_user(ADA, BOB, "one"), to_user(BOB, ADA, "two")]
    stored = await world.stored(commands[0])
    await world.reopen()
    stored += await world.stored(commands[1])

    assert (await world.access(ADA, PAIR)).head_hash == head_hash(PAIR, *zip(commands, stored, strict=True))


# A user's own log.


async def test_settings_are_events_of_the_users_own_log(world: World) -> None:
    """They change the user's own row and nobody else's; absent fields stay."""
    await world.stored(to_user(ADA, BOB))
    since = await world.store.change_numbers()

    stored = await world.stored(
        set_up(ADA, PAIR, muted=True, draft="half a"), set_up(ADA, PAIR, pinned=True, muted=False)
    )
    await world.reopen()

    assert [(outcome.conversation_id, outcome.seq, outcome.hearers) for outcome in stored] == [
        (ADA, 1, (ADA,)),
        (ADA, 2, (ADA,)),
    ]
    access = await world.access(ADA, PAIR)
    assert (access.muted, access.pinned, access.draft) == (False, True, "half a")
    assert not (await world.access(BOB, PAIR)).pinned
    assert set(await changed(world, ADA, since)) == {ADA, PAIR}
    assert await changed(world, BOB, since) == []


async def test_settings_need_a_membership(world: World) -> None:
    """For another's conversation they are refused; for one made in the same batch they are not."""
    await world.stored(to_user(ADA, BOB))

    assert await world.refused(set_up(CAI, PAIR, muted=True)) == [ErrorCode.CONVERSATION_NOT_FOUND]
    assert await world.refused(set_up(CAI, GROUP, muted=True)) == [ErrorCode.GROUP_NOT_FOUND]
    await world.stored(create_group(CAI), set_up(CAI, GROUP, muted=True))
    assert (await world.access(CAI, GROUP)).muted


async def test_a_profile_is_an_event_of_the_users_own_log(world: World) -> None:
    """Only its owner has access to that log, and nobody writes messages there."""
    await world.stored(profile(ADA, nickname="Ada"))
    await world.stored(profile(ADA, avatar="https://example.org/a.png"))

    views = await world.events(ADA)
    assert [(view.seq, view.kind) for view in views] == [(1, "profile_updated"), (2, "profile_updated")]
    assert (await world.access(ADA, ADA)).conversation.peers == (ADA,)
    assert await world.store.access(BOB, ADA) is None
    assert await world.refused(to_group(ADA, group=ADA)) == [ErrorCode.NOT_ALLOWED_TO_WRITE]
    assert await world.refused(to_group(BOB, group=ADA)) == [ErrorCode.CONVERSATION_NOT_FOUND]
    other = msgspec.structs.replace(profile(BOB, nickname="x"), conversation_id=ADA)
    assert await world.refused(other) == [ErrorCode.CONVERSATION_NOT_FOUND]


# The store itself.


async def test_the_epoch_stays(world: World) -> None:
    """Reopening the same history keeps it."""
    epoch = world.store.epoch

    await world.reopen()

    assert epoch
    assert world.store.epoch == epoch


async def test_calls_may_overlap(world: World) -> None:
    """Saves, positions and reads at once: every message is stored once, in one order."""
    await world.stored(to_user(ADA, BOB))

    await asyncio.gather(
        *(world.stored(to_user(ADA, BOB), to_user(BOB, ADA)) for _ in range(10)),
        *(world.store.save_positions([Position(PAIR, BOB, number, number)]) for number in range(5)),
        *(world.changed(ADA, None) for _ in range(5)),
        *(world.events(PAIR) for _ in range(5)),
    )

    views = await world.events(PAIR)
    assert [view.seq for view in views] == list(range(1, 22))
    assert len({(view.sender_id, view.msg_id) for view in views}) == 21


async def test_a_full_batch_is_one_commit(world: World) -> None:
    """A thousand commands at once are stored in their order."""
    stored = await world.stored(*(to_user(ADA, BOB, str(number)) for number in range(1000)))

    assert [outcome.seq for outcome in stored] == list(range(1, 1001))
    page = await world.page(PAIR, newest=True, limit=1)
    assert content(page.events[0]) == "999"


async def test_an_empty_batch_is_nothing(world: World) -> None:
    """No outcome and no change."""
    before = await world.store.change_numbers()

    assert await world.say() == []
    assert await world.store.change_numbers() == before
