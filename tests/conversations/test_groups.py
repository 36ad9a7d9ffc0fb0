"""The life of a group."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pingme.sdk import (
    ErrorCode,
    GroupCreated,
    GroupUpdated,
    MemberRemoved,
    MembersJoined,
    Message,
    Refused,
    RoleChanged,
)
from tests.conversations.conftest import run_shared_server
from tests.conversations.people import Sdk, contents, hear, hear_messages, log_of, say
from tests.conversations.server import ServerProcess


@pytest.fixture(scope="module")
def server(sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for each SDK: their people have the same names."""
    del sdk
    yield from run_shared_server(tmp_path_factory)


async def test_a_group_from_its_beginning(sdk: Sdk, server: ServerProcess):
    """Made, written in, renamed: all members have the same log."""
    async with (
        sdk.person(server.url, "ann") as ann,
        sdk.person(server.url, "bob") as bob,
        sdk.person(server.url, "cat") as cat,
    ):
        group = await ann.create_group("friends", ["bob", "cat"])
        await hear(bob, GroupCreated)
        await say(bob, "hello all", group=group.group_id)
        await ann.groups.update(group.group_id, name="best friends")
        await hear(cat, GroupUpdated)

        logs = [await log_of(one, group.group_id) for one in (ann, bob, cat)]
        assert [[event.seq for event in log] for log in logs] == [[1, 2, 3]] * 3
        snapshot = cat.conversation(group.group_id)
        assert snapshot is not None
        assert (snapshot.info.name, snapshot.info.member_count) == ("best friends", 3)


async def test_who_joins_later_sees_what_comes_later(sdk: Sdk, server: ServerProcess):
    """With history_policy from_join the log begins with the invitation; with full at the beginning."""
    async with sdk.person(server.url, "dora") as dora, sdk.person(server.url, "emil") as emil:
        later = await dora.create_group("from now on")
        whole = await dora.create_group("everything", history_policy="full")
        for group in (later, whole):
            await say(dora, "before", group=group.group_id)
            await dora.groups.invite(group.group_id, [emil.user_id])
            await say(dora, "after", group=group.group_id)
            await hear(emil, Message, lambda message: message.content == "after")

        assert await contents(emil, later.group_id) == ["after"]
        assert await contents(emil, whole.group_id) == ["before", "after"]


async def test_the_removed_one_sees_nothing_later(sdk: Sdk, server: ServerProcess):
    """After the removal nothing of the group reaches the former member; what was before stays readable."""
    async with sdk.person(server.url, "finn") as finn, sdk.person(server.url, "gus") as gus:
        group = await finn.create_group("club", ["gus"])
        await say(finn, "welcome", group=group.group_id)
        await finn.groups.remove(group.group_id, gus.user_id)
        await say(finn, "he is gone", group=group.group_id)
        await say(finn, "sorry", to="gus")

        assert await hear_messages(gus, 2) == ["welcome", "sorry"]
        assert await contents(gus, group.group_id) == ["welcome"]
        assert isinstance((await log_of(gus, group.group_id))[-1], MemberRemoved)
        snapshot = gus.conversation(group.group_id)
        assert snapshot is not None
        assert snapshot.info.former
        with pytest.raises(Refused) as caught:
            await say(gus, "let me in", group=group.group_id)
        assert caught.value.code == ErrorCode.NOT_A_MEMBER


async def test_who_comes_back_goes_on_after_a_gap(sdk: Sdk, server: ServerProcess):
    """Invited again, a former member hears what follows, and what was said in between stays unseen."""
    async with sdk.person(server.url, "hana") as hana, sdk.person(server.url, "igor") as igor:
        group = await hana.create_group("swing door", ["igor"])
        await say(hana, "one", group=group.group_id)
        await hear_messages(igor, 1)
        await hana.groups.remove(group.group_id, igor.user_id)
        await hear(igor, MemberRemoved)
        await say(hana, "secret", group=group.group_id)
        await hana.groups.invite(group.group_id, [igor.user_id])
        await say(hana, "two", group=group.group_id)

        assert await hear_messages(igor, 1) == ["two"]
        assert "secret" not in await contents(igor, group.group_id)
        snapshot = igor.conversation(group.group_id)
        assert snapshot is not None
        assert not snapshot.info.former


async def test_roles_and_leaving(sdk: Sdk, server: ServerProcess):
    """The owner hands the group over and leaves; the new owner may what the old one could."""
    async with sdk.person(server.url, "jana") as jana, sdk.person(server.url, "kurt") as kurt:
        group = await jana.create_group("chess", ["kurt"])
        with pytest.raises(Refused) as caught:
            await kurt.groups.update(group.group_id, name="go")
        await jana.groups.set_role(group.group_id, kurt.user_id, "owner")
        await hear(kurt, RoleChanged)
        await jana.groups.leave(group.group_id)
        await kurt.groups.update(group.group_id, name="go")

        assert caught.value.code == ErrorCode.FORBIDDEN
        members = await kurt.groups.members(group.group_id)
        assert [(member.user_id, member.role) for member in members] == [(kurt.user_id, "owner")]
        await kurt.groups.dissolve(group.group_id)
        with pytest.raises(Refused) as closed:
            await say(kurt, "anybody?", group=group.group_id)
        assert closed.value.code == ErrorCode.NOT_ALLOWED_TO_WRITE


async def test_an_open_group_can_be_joined(sdk: Sdk, server: ServerProcess):
    """Whoever knows the id of an open group joins by oneself; a closed one looks like none."""
    async with sdk.person(server.url, "lars") as lars, sdk.person(server.url, "mona") as mona:
        opened = await lars.create_group("open", join_policy="open")
        closed = await lars.create_group("closed")
        await mona.groups.join(opened.group_id)
        joined = await hear(lars, MembersJoined)
        with pytest.raises(Refused) as caught:
            await mona.groups.join(closed.group_id)

        assert joined.user_ids == (mona.user_id,)
        assert caught.value.code == ErrorCode.GROUP_NOT_FOUND


async def test_strangers_cannot_tell_a_foreign_group_from_none(sdk: Sdk, server: ServerProcess):
    """A group of others and one that does not exist give the same answer."""
    async with sdk.person(server.url, "nils") as nils, sdk.person(server.url, "olga") as olga:
        group = await nils.create_group("private")
        answers = []
        for group_id in (group.group_id, "g" + "0" * 26):
            with pytest.raises(Refused) as sending:
                await say(olga, "hello", group=group_id)
            with pytest.raises(Refused) as reading:
                await log_of(olga, group_id)
            answers.append([(caught.value.code, str(caught.value)) for caught in (sending, reading)])

        assert answers[0] == answers[1]
