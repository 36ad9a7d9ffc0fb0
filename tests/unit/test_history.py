"""Ranges of one conversation: whole, in order, and never more than the member may read."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import EditBody, ReactionBody, RecallBody
from pingme.services.conversations import Conversations
from pingme.services.history import PAGE_BYTES, History
from pingme.services.messages import Messages
from pingme.services.sync import Sync
from pingme.wire.server_frames import HistoryPage
from tests.fakes.chat_world import ChatWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ChatWorld]:
    made = ChatWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    await made.group("ga", "ua", "ub")
    yield made
    await made.close()


async def page(
    world: ChatWorld, user: str, before: int | None = None, after: int | None = None, limit: int = 50
) -> dict[str, Any]:
    raw = await History(world.store).page(user, "ga", before, after, limit)
    msgspec.json.decode(raw, type=HistoryPage)
    return msgspec.json.decode(raw, type=dict[str, Any])


def seqs(found: dict[str, Any]) -> list[int]:
    return [event["seq"] for event in found["events"]]


def chained(found: dict[str, Any]) -> str:
    last = bytes.fromhex(found["prev_hash"])
    for event in found["events"]:
        last = hashlib.sha256(last + bytes.fromhex(event["digest"])).digest()[:16]
    return last.hex()


async def head_hash(world: ChatWorld, user: str) -> str:
    access = await world.store.access(user, "ga")
    assert access is not None
    return access.head_hash.hex()


async def test_ranges(world: ChatWorld) -> None:
    """The newest, those below, those above, those between; ascending always."""
    for number in range(2, 11):
        await world.say("ua", "ga", f"text {number}")

    assert seqs(await page(world, "ub", limit=3)) == [8, 9, 10]
    assert seqs(await page(world, "ub", before=8, limit=3)) == [5, 6, 7]
    assert seqs(await page(world, "ub", after=4, limit=3)) == [5, 6, 7]
    assert seqs(await page(world, "ub", before=9, after=2, limit=3)) == [3, 4, 5]
    assert seqs(await page(world, "ub", before=5, after=2)) == [3, 4]
    assert seqs(await page(world, "ub", after=0)) == list(range(1, 11))


async def test_a_former_member_learns_nothing_of_later_edits_and_reactions(world: ChatWorld) -> None:
    """A message edited since looks recalled, for what it said is not kept; what was edited before is as it was."""
    await world.join("ga", "ua", "uc")
    first = await world.say("ua", "ga", "first")
    second = await world.say("ua", "ga", "second")
    await world.do("edit", "ua", "ga", EditBody(content="second, edited in time", target_seq=second))
    await world.do("reaction", "ua", "ga", ReactionBody(emoji="a", target_seq=second))
    await world.remove("ga", "ua", "ub")
    await world.do("edit", "ua", "ga", EditBody(content="a secret", target_seq=first))
    await world.do("reaction", "uc", "ga", ReactionBody(emoji="a", target_seq=second))
    await world.do("reaction", "uc", "ga", ReactionBody(emoji="b", target_seq=first))
    conversations = Conversations(world.store, cast("Messages", None))

    of_former = {event["seq"]: event for event in (await page(world, "ub"))["events"]}
    of_member = {event["seq"]: event for event in (await page(world, "ua"))["events"]}
    synced = b"".join([each async for each in (await Sync(world.store).open("ub", None, 200)).pages()])
    listed = await conversations.list("ub")

    gone, kept = of_former[first], of_former[second]
    assert (gone["content"], gone["recalled"], "edited_seq" in gone, "reactions" in gone) == (
        "", True, False, False,
    )  # fmt: skip
    assert kept["content"] == "second, edited in time"
    assert kept["reactions"] == [{"emoji": "a", "count": 1, "user_ids": ["ua"]}]
    assert of_member[first]["content"] == "a secret"
    assert [each["count"] for each in of_member[second]["reactions"]] == [2]
    for shown in (str(of_former).encode(), synced, listed):
        assert b"secret" not in shown
        assert b'"uc"' not in shown.replace(b'"user_ids":["uc"]', b"", 1)  # of the event of joining


async def test_has_more_is_about_the_range(world: ChatWorld) -> None:
    """True where the range that was asked for holds more events than came."""
    for _ in range(9):
        await world.say("ua", "ga")

    assert (await page(world, "ub", limit=10))["has_more"] is False
    assert (await page(world, "ub", limit=9))["has_more"] is True
    assert (await page(world, "ub", after=5, limit=5))["has_more"] is False
    assert (await page(world, "ub", after=5, limit=4))["has_more"] is True
    assert (await page(world, "ub", before=4, after=1, limit=2))["has_more"] is False


async def test_an_empty_range_proves_what_is_known(world: ChatWorld) -> None:
    """Asked for what comes after the head, prev_hash is the head's rolling hash."""
    seq = await world.say("ua", "ga")

    for after in (seq, seq + 5, 2**53 - 1):
        found = await page(world, "ub", after=after)
        assert (found["events"], found["has_more"]) == ([], False)
        assert found["prev_hash"] == await head_hash(world, "ub")
    before_all = await page(world, "ub", before=1)
    assert before_all["prev_hash"] == hashlib.sha256(b"ga").digest()[:16].hex()


async def test_current_state(world: ChatWorld) -> None:
    """Messages show current content, or none where recalled, and reactions; operations keep their seq."""
    first = await world.say("ua", "ga", "one")
    second = await world.say("ua", "ga", "two")
    await world.do("edit", "ua", "ga", EditBody(content="one, better", target_seq=first))
    await world.do("edit", "ua", "ga", EditBody(content="two, worse", target_seq=second))
    await world.do("reaction", "ub", "ga", ReactionBody(emoji="👍", target_seq=first))
    await world.do("recall", "ua", "ga", RecallBody(target_seq=second))

    found = await page(world, "ub")

    _, one, two, edit, edit_two, reaction, recall = found["events"]
    assert (one["content"], one["edited_seq"]) == ("one, better", 4)
    assert one["reactions"] == [{"emoji": "👍", "count": 1, "user_ids": ["ub"]}]
    assert (two["content"], two["recalled"]) == ("", True)
    assert (edit["content"], edit_two["content"]) == ("one, better", "")
    assert (reaction["kind"], recall["kind"]) == ("reaction", "recall")
    assert chained(found) == await head_hash(world, "ub")


async def test_what_a_late_member_may_read(world: ChatWorld) -> None:
    """With from_join nothing before the joining comes, whatever is asked for."""
    await world.say("ua", "ga", "early")
    joined = await world.join("ga", "ua", "uc")
    await world.say("ua", "ga", "later")

    assert seqs(await page(world, "uc", after=0)) == [joined, joined + 1]
    assert seqs(await page(world, "uc", before=joined + 1)) == [joined]
    assert (await page(world, "uc", before=joined))["events"] == []
    assert (await page(world, "uc"))["has_more"] is False


async def test_what_a_removed_member_may_read(world: ChatWorld) -> None:
    """Up to the removal and nothing later."""
    removed = await world.remove("ga", "ua", "ub")
    await world.say("ua", "ga", "later")

    assert seqs(await page(world, "ub")) == [1, removed]
    assert (await page(world, "ub", after=removed))["events"] == []


async def test_a_page_is_bounded_in_bytes(world: ChatWorld) -> None:
    """Large messages make short pages, from either side; a walk still gives them all."""
    for _ in range(60):
        await world.say("ua", "ga", "\x01" * 1_500)  # six bytes each in JSON

    newest = await History(world.store).page("ub", "ga", None, None, 200)
    oldest = await History(world.store).page("ub", "ga", None, 0, 200)

    for raw in (newest, oldest):
        assert 200_000 < len(raw) < PAGE_BYTES + 200
        assert msgspec.json.decode(raw)["has_more"] is True
    assert msgspec.json.decode(newest)["events"][-1]["seq"] == 61
    assert msgspec.json.decode(oldest)["events"][0]["seq"] == 1
    assert chained(msgspec.json.decode(newest)) == await head_hash(world, "ub")


async def test_a_stranger_learns_nothing(world: ChatWorld) -> None:
    """A foreign conversation answers like a missing one."""
    history = History(world.store)
    with pytest.raises(Refused) as foreign:
        await history.page("uc", "ga", None, None, 50)
    with pytest.raises(Refused) as missing:
        await history.page("uc", "gb", None, None, 50)
    assert (foreign.value.code, foreign.value.message) == (missing.value.code, missing.value.message)
    assert foreign.value.code == ErrorCode.GROUP_NOT_FOUND


@pytest.mark.parametrize(
    ("before", "after", "limit"),
    [
        (None, None, 0),
        (None, None, 201),
        (0, None, 50),
        (None, -1, 50),
        (5, 5, 50),
        (4, 5, 50),
        (2**53, None, 1),
    ],
)
async def test_a_bad_range_is_refused(
    world: ChatWorld, before: int | None, after: int | None, limit: int
) -> None:
    """Numbers out of range, and a range that ends before it begins, answer 10002."""
    with pytest.raises(Refused) as refused:
        await page(world, "ub", before, after, limit)
    assert refused.value.code == ErrorCode.INVALID_PARAMETERS


async def walk(
    limits: list[int], sizes: list[int], *, backwards: bool
) -> tuple[list[int], list[int], str, str]:
    """Read a conversation page by page; return its seqs, the expected ones, and the hashes of both."""
    with tempfile.TemporaryDirectory() as folder:
        world = ChatWorld(Path(folder))
        try:
            await world.add_users("ua", "ub")
            await world.group("ga", "ua", "ub")
            for size in sizes:
                await world.say("ua", "ga", "é" * size)
            walked: list[dict[str, Any]] = []
            turn, more, prev_hash = 0, True, ""
            while more:
                limit = limits[turn % len(limits)]
                turn += 1
                if backwards:
                    found = await page(world, "ub", walked[0]["seq"] if walked else None, None, limit)
                    walked = found["events"] + walked
                    prev_hash = found["prev_hash"]
                else:
                    found = await page(world, "ub", None, walked[-1]["seq"] if walked else 0, limit)
                    walked += found["events"]
                    prev_hash = prev_hash or found["prev_hash"]
                more = found["has_more"]
            whole = {"prev_hash": prev_hash, "events": walked}
            return seqs(whole), list(range(1, len(sizes) + 2)), chained(whole), await head_hash(world, "ub")
        finally:
            await world.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([1, 2, 3, 7, 200]), min_size=1, max_size=5),
    st.lists(st.sampled_from([1, 10, 4_000]), max_size=30),
    st.booleans(),
)
def test_any_walk_gives_the_same_list(limits: list[int], sizes: list[int], backwards: bool) -> None:
    """Pages of any sizes, in either direction, join to the whole conversation, and the hashes prove it."""
    walked, expected, walked_hash, hash_of_head = asyncio.run(walk(limits, sizes, backwards=backwards))
    assert walked == expected
    assert walked_hash == hash_of_head
