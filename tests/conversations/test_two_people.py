"""Two people: chatting, being away, several devices, ticks, second thoughts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pingme.sdk import Edited, ErrorCode, Presence, Reacted, Recalled, Receipt, Refused, Typing
from tests.conversations.conftest import run_shared_server
from tests.conversations.people import Sdk, contents, hear, hear_messages, log_of, say
from tests.conversations.server import ServerProcess


@pytest.fixture(scope="module")
def server(sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for each SDK: their people have the same names."""
    del sdk
    yield from run_shared_server(tmp_path_factory)


async def test_two_people_chat(sdk: Sdk, server: ServerProcess):
    """Each hears the other, in one order, each message once."""
    async with sdk.person(server.url, "ada") as ada, sdk.person(server.url, "ben") as ben:
        first = await say(ada, "hello ben", to="ben")
        second = await say(ben, "hello ada", to="ada")

        assert (first.seq, second.seq) == (1, 2)
        assert first.conversation_id == second.conversation_id
        assert await hear_messages(ada, 2) == await hear_messages(ben, 2) == ["hello ben", "hello ada"]


async def test_messages_wait_for_somebody_who_is_away(sdk: Sdk, server: ServerProcess):
    """What was written while nobody was there comes at login, in order, and counts as unread until read."""
    async with sdk.person(server.url, "cleo"):
        pass
    async with sdk.person(server.url, "dan") as dan:
        for number in range(250):
            await say(dan, f"{number}", to="cleo")

    async with sdk.person(server.url, "cleo") as cleo:
        heard = await hear_messages(cleo, 250)
        snapshot = cleo.conversations()[0]
        cleo.mark_read(snapshot.conversation_id)

        assert heard == [f"{number}" for number in range(250)]
        assert snapshot.unread == 250
        assert cleo.conversations()[0].unread == 0


async def test_two_devices_show_the_same(sdk: Sdk, server: ServerProcess):
    """What one device sends and reads, the other shows."""
    async with (
        sdk.person(server.url, "eve") as phone,
        sdk.person(server.url, "eve") as laptop,
        sdk.person(server.url, "fred") as fred,
    ):
        sent = await say(phone, "from the phone", to="fred")
        assert await hear_messages(laptop, 1) == ["from the phone"]
        assert await hear_messages(fred, 1) == ["from the phone"]

        await say(fred, "answer", to="eve")
        assert await hear_messages(phone, 2) == ["from the phone", "answer"]
        assert await hear_messages(laptop, 1) == ["answer"]
        phone.mark_read(sent.conversation_id)
        await hear(
            laptop, Receipt, lambda receipt: receipt.user_id == phone.user_id and receipt.read_seq == 2
        )

        assert laptop.conversations()[0].unread == 0


async def test_second_thoughts(sdk: Sdk, server: ServerProcess):
    """An edit, a reaction and a recall are events, and everybody's copy shows their effect."""
    async with sdk.person(server.url, "gil") as gil, sdk.person(server.url, "hal") as hal:
        where = (await say(gil, "helo", to="hal")).conversation_id
        await gil.edit(where, 1, "hello")
        await hal.react(where, 1, "👍")
        await hear(hal, Edited)
        await hear(gil, Reacted)
        assert [m.content for m in gil.conversations()[0].messages] == ["hello"]
        assert gil.conversations()[0].messages[0].reactions[0].user_ids == (hal.user_id,)

        with pytest.raises(Refused) as caught:
            await hal.edit(where, 1, "not mine")
        await gil.recall(where, 1)
        await hear(hal, Recalled)

        assert caught.value.code == ErrorCode.FORBIDDEN
        assert hal.conversations()[0].messages[0].recalled
        assert await contents(hal, where) == [""]
        assert [event.seq for event in await log_of(hal, where)] == [1, 2, 3, 4]


async def test_ticks(sdk: Sdk, server: ServerProcess):
    """The sender learns what has arrived and what was read."""
    async with sdk.person(server.url, "ida") as ida, sdk.person(server.url, "jon") as jon:
        where = (await say(ida, "one", to="jon")).conversation_id
        await say(ida, "two", to="jon")
        await hear_messages(jon, 2)
        await hear(ida, Receipt, lambda receipt: receipt.delivered_seq == 2)
        jon.mark_read(where, 1)
        await hear(ida, Receipt, lambda receipt: receipt.read_seq == 1)

        snapshot = ida.conversation(where)
        assert snapshot is not None
        assert (snapshot.peer_delivered_seq, snapshot.peer_read_seq) == (2, 1)
        assert jon.conversations()[0].unread == 1


async def test_typing_and_presence(sdk: Sdk, server: ServerProcess):
    """Typing is shown to the other one; presence to those who share a conversation and watch."""
    async with sdk.person(server.url, "kim") as kim:
        async with sdk.person(server.url, "lea") as lea:
            where = (await say(kim, "hi", to="lea")).conversation_id
            await hear_messages(lea, 1)
            await lea.typing(where)
            typing = await hear(kim, Typing)
            await kim.watch([lea.user_id])
            online = await hear(kim, Presence)

            assert (typing.user_id, typing.active) == (lea.user_id, True)
            assert (online.user_id, online.status) == (lea.user_id, "online")
        gone = await hear(kim, Presence)

        [entry] = await kim.rest.presence([gone.user_id])

        assert gone.status == entry.status == "offline"
        assert gone.last_seen_ts == entry.last_seen_ts is not None


async def test_one_msg_id_from_two_devices_is_one_message(sdk: Sdk, server: ServerProcess):
    """The same msg_id, from wherever, is stored once; for other words it is refused."""
    async with (
        sdk.person(server.url, "mia") as phone,
        sdk.person(server.url, "mia") as laptop,
        sdk.person(server.url, "ned") as ned,
    ):
        msg_id = phone.new_msg_id()
        first = await phone.send("once", to="ned", msg_id=msg_id)
        again = await laptop.send("once", to="ned", msg_id=msg_id)
        with pytest.raises(Refused) as caught:
            await laptop.send("something else", to="ned", msg_id=msg_id)

        assert first is not None
        assert again is not None
        assert (first.seq, again.seq, again.duplicate) == (1, 1, True)
        assert caught.value.code == ErrorCode.MSG_ID_CONFLICT
        assert await contents(ned, first.conversation_id) == ["once"]


async def test_a_program_goes_on_where_it_was(sdk: Sdk, server: ServerProcess, tmp_path: Path):
    """With a data_dir a restarted program needs no password and gets what it has not seen, once."""
    async with sdk.person(server.url, "ola", data_dir=tmp_path) as ola, sdk.person(server.url, "pat") as pat:
        await say(pat, "one", to="ola")
        await say(pat, "two", to="ola")
        assert await hear_messages(ola, 1) == ["one"]
    async with sdk.person(server.url, "pat") as pat:
        await say(pat, "three", to="ola")

    async with sdk.client(server.url, data_dir=tmp_path) as ola:
        await ola.resume()

        assert await hear_messages(ola, 2) == ["two", "three"]


async def test_history_reads_the_same_both_ways(sdk: Sdk, server: ServerProcess):
    """Upwards and downwards, in pages of any size, it is one list."""
    async with sdk.person(server.url, "quin") as quin, sdk.person(server.url, "rob") as rob:
        for number in range(30):
            where = (await say(quin, f"{number}", to="rob")).conversation_id

        down = [event.seq async for event in rob.history(where, page=7)]
        up = [event.seq async for event in rob.history(where, after_seq=0, page=11)]

        assert up == down[::-1] == list(range(1, 31))


async def test_settings_reach_the_other_device(sdk: Sdk, server: ServerProcess):
    """Muting and a draft on one device show on the other."""
    async with (
        sdk.person(server.url, "sue") as phone,
        sdk.person(server.url, "sue") as laptop,
        sdk.person(server.url, "tom") as tom,
    ):
        where = (await say(tom, "hi", to="sue")).conversation_id
        await hear_messages(laptop, 1)
        await phone.change_settings(where, muted=True, draft="dear tom")
        await say(tom, "hello?", to="sue")
        await hear_messages(laptop, 1)

        info = laptop.conversations()[0].info
        assert (info.muted, info.draft) == (True, "dear tom")
