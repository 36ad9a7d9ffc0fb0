"""Groups: who is in, who may what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.domain.errors import PingMeError
from tests.fakes.node_world import NodeWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    """A node with three accounts."""
    made = NodeWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    yield made
    await made.close()


async def code_of(answer: object) -> int:
    with pytest.raises(PingMeError) as error:
        await answer  # type: ignore[misc]
    return int(error.value.code)


async def test_a_repeat_of_a_creation_is_the_first_group(world: NodeWorld):
    """The server makes the id, so the msg_id decides."""
    groups = world.groups

    first = await groups.create("ua", name=" team ", member_ids=["ub", "ub", "ua"], msg_id="m")
    again = await groups.create("ua", name="team", member_ids=["ub"], msg_id="m")

    assert (again.conversation_id, again.duplicate) == (first.conversation_id, True)
    members = await world.store.members(first.conversation_id)
    assert {each.member.user_id for each in members} == {"ua", "ub"}


async def test_strangers_learn_nothing_and_members_only_what_they_may(world: NodeWorld):
    """A stranger gets 40002 as for a missing group; a plain member may not remove, nor an owner just leave."""
    groups = world.groups
    where = (await groups.create("ua", name="team", member_ids=["ub"])).conversation_id

    assert await code_of(groups.add_members("uc", where, ["uc"])) == 40002
    assert await code_of(groups.add_members("uc", "g-missing", ["uc"])) == 40002
    assert await code_of(groups.remove_member("ub", where, "ua")) == 10004
    assert await code_of(groups.leave("ua", where)) in {10004, 10006}


async def test_malformed_requests_are_refused(world: NodeWorld):
    """An empty or long name, nobody to add, nothing to change."""
    groups = world.groups
    where = (await groups.create("ua", name="team", member_ids=[])).conversation_id

    assert await code_of(groups.create("ua", name=" ", member_ids=[])) == 10002
    assert await code_of(groups.create("ua", name="x" * 101, member_ids=[])) == 10002
    assert await code_of(groups.add_members("ua", where, [])) == 10002
    assert await code_of(groups.update("ua", where)) == 10002
    assert await code_of(groups.update("ua", where, announcement="x" * 2001)) == 10002


async def test_a_group_is_handed_over_left_and_dissolved(world: NodeWorld):
    """The owner gives the group away, leaves, and the new owner ends it."""
    groups = world.groups
    where = (await groups.create("ua", name="team", member_ids=["ub"])).conversation_id

    await groups.set_role("ua", where, "ub", "owner")
    await groups.leave("ua", where)
    ended = await groups.dissolve("ub", where)

    assert ended.seq == 4
    assert await code_of(groups.add_members("ub", where, ["uc"])) == 40005
