"""A store that was restored from a backup, and a client with operations in its outbox: nothing hits another message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pingme.sdk import Client, ErrorCode, Message, Refused
from tests.conversations.people import PASSWORD, hear_messages, person, say
from tests.conversations.server import ServerProcess
from tests.conversations.test_moving import pingme


async def code_of(edit: asyncio.Task[object]) -> int:
    with pytest.raises(Refused) as caught:
        await asyncio.wait_for(edit, 20)
    return int(caught.value.code)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_what_waits_over_a_restore_leaves_other_messages_alone(
    own_server: ServerProcess, tmp_path: Path
):
    """It was about number 3, which the restore has lost: the new number 3 stays as it is. What is stored is stored."""
    data, backup = tmp_path / "data", str(tmp_path / "backup.db")
    async with person(own_server.url, "ben") as ben:
        ada = Client(own_server.url, data_dir=tmp_path / "ada")
        await ada.register("ada", PASSWORD)
        where = (await say(ada, "tyop", to="ben")).conversation_id
        fixed = await ada.edit(where, 1, "typo", msg_id="edit-1")
        await asyncio.to_thread(pingme, data, {}, "db", "backup", backup)
        lost = await say(ada, "only in the lost store", to="ben")
        assert await hear_messages(ben, 2) == ["tyop", "only in the lost store"]

        await own_server.stop()
        stale = [
            asyncio.create_task(ada.edit(where, lost.seq, "meant for the lost one")),
            asyncio.create_task(ada.recall(where, lost.seq)),
            asyncio.create_task(ada.react(where, lost.seq, "👍")),
            asyncio.create_task(ada.send("an answer to the lost one", conversation=where, reply_to=lost.seq)),
        ]
        again = asyncio.create_task(ada.edit(where, 1, "typo", msg_id="edit-1"))  # its ack was lost, say
        plain = asyncio.create_task(ada.send("needs no epoch", conversation=where))
        await asyncio.sleep(0.2)  # all are kept
        await asyncio.to_thread(pingme, data, {}, "db", "restore", backup)
        await own_server.start()

        assert [await code_of(one) for one in stale] == [ErrorCode.CONFLICT] * 4
        repeated, new = await again, await plain
        assert (repeated.seq, repeated.duplicate) == (fixed.seq, True)
        assert (new.seq, new.duplicate) == (lost.seq, False)
        assert (await ada.edit(where, new.seq, "of the new store")).seq == new.seq + 1
        log = [event async for event in ada.history(where, after_seq=0)]
        await ada.close()

    messages = [event for event in log if isinstance(event, Message)]
    assert [(one.seq, one.content, one.reply_to) for one in messages] == [
        (1, "typo", None),
        (3, "of the new store", None),
    ]
    assert not messages[-1].reactions
