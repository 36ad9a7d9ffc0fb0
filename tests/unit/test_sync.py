"""Catching up gives everything, once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, Refused, StoreUnavailable
from pingme.domain.events import ConversationSettingsBody, EditBody, GroupUpdatedBody, MemberRoleBody
from pingme.ports.store import Access, Position
from pingme.services.history import History
from pingme.services.sync import CHUNK, Sync
from pingme.wire.server_frames import SyncDone, SyncPage
from tests.fakes.chat_world import ChatWorld

Entries = dict[str, dict[str, Any]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ChatWorld]:
    made = ChatWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    yield made
    await made.close()


async def synced(sync: Sync, user: str, since: str | None = None, limit: int = 20) -> tuple[Entries, str]:
    answer = await sync.open(user, since, limit)
    found: Entries = {}
    async for page in answer.pages():
        msgspec.json.decode(page, type=SyncPage)
        for entry in msgspec.json.decode(page)["conversations"]:
            found[entry["conversation"]["conversation_id"]] = entry
    return found, msgspec.json.decode(answer.done, type=SyncDone).since


def seqs(entry: dict[str, Any]) -> list[int]:
    return [event["seq"] for event in entry["events"]]


def chained(prev_hash: str, events: list[dict[str, Any]]) -> str:
    """Recompute the rolling hash over the digests of events (docs/protocol.md, "Rolling hash")."""
    last = bytes.fromhex(prev_hash)
    for event in events:
        last = hashlib.sha256(last + bytes.fromhex(event["digest"])).digest()[:16]
    return last.hex()


async def test_a_first_sync_shows_every_conversation_newest_first(world: ChatWorld) -> None:
    """Without a token all conversations come, the newest first, each with its newest events and its head."""
    await world.group("ga", "ua", "ub")
    conversation_id, _ = await world.say_to("ub", "ua", "hi")

    found, _ = await synced(Sync(world.store), "ua")

    assert list(found) == [conversation_id, "ga"]
    private = found[conversation_id]
    assert private["conversation"] == {
        "conversation_id": conversation_id,
        "type": "private",
        "peer_id": "ub",
    }
    assert [event["content"] for event in private["events"]] == ["hi"]
    assert (private["last_seq"], private["unread"], private["events_complete"]) == (1, 1, True)
    assert found["ga"]["conversation"]["role"] == "owner"
    assert found["ga"]["conversation"]["member_count"] == 2


async def test_events_reach_the_head_and_prove_it(world: ChatWorld) -> None:
    """prev_hash and the digests of the events give last_hash."""
    await world.group("ga", "ua", "ub")
    for number in range(30):
        await world.say("ub", "ga", f"text {number}")

    found, _ = await synced(Sync(world.store), "ua", limit=7)

    entry = found["ga"]
    assert seqs(entry) == list(range(25, 32))
    assert entry["events_complete"] is False
    assert chained(entry["prev_hash"], entry["events"]) == entry["last_hash"]


async def test_only_what_changed_comes_again(world: ChatWorld) -> None:
    """With the token of the last answer, conversations without a change are left out."""
    await world.group("ga", "ua", "ub")
    await world.group("gb", "ua", "ub")
    sync = Sync(world.store)
    _, since = await synced(sync, "ua")

    await world.say("ub", "gb")

    found, later = await synced(sync, "ua", since)
    assert list(found) == ["gb"]
    assert (await synced(sync, "ua", later))[0] == {}


async def test_a_position_of_the_peer_comes_with_the_next_sync(world: ChatWorld) -> None:
    """Ticks that were missed while away stand in the entry of the private conversation."""
    conversation_id, seq = await world.say_to("ua", "ub")
    sync = Sync(world.store)
    _, since = await synced(sync, "ua")

    await world.store.save_positions([Position(conversation_id, "ub", seq, seq)])

    found, _ = await synced(sync, "ua", since)
    assert (found[conversation_id]["peer_delivered_seq"], found[conversation_id]["peer_read_seq"]) == (1, 1)


async def test_limit_zero_gives_heads_only(world: ChatWorld) -> None:
    """Limit 0 leaves the events out; prev_hash is then the head's own."""
    await world.group("ga", "ua", "ub")

    found, _ = await synced(Sync(world.store), "ua", limit=0)

    assert found["ga"]["events"] == []
    assert found["ga"]["prev_hash"] == found["ga"]["last_hash"]
    assert found["ga"]["events_complete"] is False


async def test_a_former_member_sees_the_conversation_as_it_was_at_the_removal(world: ChatWorld) -> None:
    """Head, hash, events and unread end at the removal, and later changes do not show."""
    await world.group("ga", "ua", "ub")
    await world.say("ua", "ga", "before")
    sync = Sync(world.store)
    _, since = await synced(sync, "ub")
    removed_seq = await world.remove("ga", "ua", "ub")
    await world.say("ua", "ga", "after")
    await world.do("group_updated", "ua", "ga", GroupUpdatedBody(announcement="a secret"))

    found, later = await synced(sync, "ub", since)

    entry = found["ga"]
    assert entry["last_seq"] == removed_seq == seqs(entry)[-1]
    assert entry["conversation"]["former"] is True
    assert entry["unread"] == 1
    assert chained(entry["prev_hash"], entry["events"]) == entry["last_hash"]
    assert not {"announcement", "member_count", "role"} & set(entry["conversation"])
    await world.say("ua", "ga", "much later")
    assert (await synced(sync, "ub", later))[0] == {}


async def test_a_member_sees_nothing_before_joining(world: ChatWorld) -> None:
    """With history_policy from_join the events begin with the joining, and that list is complete."""
    await world.group("ga", "ua")
    await world.say("ua", "ga", "early")
    joined_seq = await world.join("ga", "ua", "ub")

    found, _ = await synced(Sync(world.store), "ub")

    assert seqs(found["ga"]) == [joined_seq]
    assert found["ga"]["events_complete"] is True
    assert found["ga"]["conversation"]["from_seq"] == joined_seq


async def test_pages_are_bounded_and_hold_at_least_one_conversation(world: ChatWorld) -> None:
    """No page is above its bound, long conversations lose their older events, and nothing else is lost."""
    for number in range(6):
        await world.group(f"g{number}", "ua", "ub")
        for _ in range(10):
            await world.say("ub", f"g{number}", "long " * 200)
    answer = await Sync(world.store, page_bytes=4_000).open("ua", None, 20)

    pages = [page async for page in answer.pages()]

    assert len(pages) == 6
    assert all(len(page) <= 4_000 for page in pages)
    entries = [entry for page in pages for entry in msgspec.json.decode(page)["conversations"]]
    assert [entry["last_seq"] for entry in entries] == [11] * 6
    assert all(entry["events"][-1]["seq"] == 11 and not entry["events_complete"] for entry in entries)
    assert all(chained(entry["prev_hash"], entry["events"]) == entry["last_hash"] for entry in entries)


async def test_one_huge_event_still_comes(world: ChatWorld) -> None:
    """A page is never empty: an event above the bound comes alone."""
    await world.group("ga", "ua", "ub")
    await world.say("ub", "ga", "x" * 8_000)

    found, _ = await synced(Sync(world.store, page_bytes=2_000), "ua")

    assert seqs(found["ga"]) == [2]


async def test_only_the_newest_fifty_of_a_first_sync_have_events(world: ChatWorld) -> None:
    """The rest are heads only; with a token every changed conversation has its events."""
    sync = Sync(world.store)
    _, since = await synced(sync, "ua")
    for number in range(60):
        await world.group(f"g{number:02}", "ua")

    first, _ = await synced(sync, "ua")
    later, _ = await synced(sync, "ua", since)

    assert [bool(entry["events"]) for entry in first.values()] == [True] * 50 + [False] * 10
    assert all(entry["events"] for entry in later.values())
    assert len(later) == 60


async def test_another_epoch_counts_as_no_token(world: ChatWorld) -> None:
    """After a restore everything comes, whatever the old numbers were."""
    await world.group("ga", "ua")
    sync = Sync(world.store)

    found, _ = await synced(sync, "ua", sync.encode_since("another", (2**60,)))

    assert list(found) == ["ga"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "!",
        "é",
        "a",
        "bm8",
        base64.urlsafe_b64encode(b'["e",[-1]]').decode(),
        base64.urlsafe_b64encode(b'["e",[9223372036854775808]]').decode(),
        base64.urlsafe_b64encode(b'["e",["1"]]').decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
async def test_a_malformed_token_is_refused(world: ChatWorld, token: str) -> None:
    """What is not a token answers 10002, by socket and by HTTP, as since and as cursor."""
    sync = Sync(world.store)
    with pytest.raises(Refused) as refused:
        await sync.open("ua", token, 20)
    assert refused.value.code == ErrorCode.INVALID_PARAMETERS
    with pytest.raises(Refused) as refused:
        await sync.offline("ua", None, 20, token)
    assert refused.value.code == ErrorCode.INVALID_PARAMETERS


async def test_tokens_are_url_safe(world: ChatWorld) -> None:
    """A token travels in a query without escaping, and comes back as it was."""
    sync = Sync(world.store)
    token = sync.encode_since("epoch", (1, 2**62, 0))

    assert token.replace("-", "").replace("_", "").isalnum()
    assert sync.decode_since(token) == ("epoch", (1, 2**62, 0))


async def test_a_change_during_the_answer_comes_with_the_next_token(world: ChatWorld) -> None:
    """The token is read before anything else: what commits while pages are built is not lost."""
    await world.group("ga", "ua", "ub")
    await world.group("gb", "ua", "ub")
    sync = Sync(world.store, page_bytes=1)
    answer = await sync.open("ua", None, 20)
    pages = answer.pages()

    first = msgspec.json.decode(await anext(pages))
    await world.say("ub", "ga", "meanwhile")
    second = msgspec.json.decode(await anext(pages))

    assert [page["conversations"][0]["last_seq"] for page in (first, second)] == [1, 1]
    found, _ = await synced(sync, "ua", msgspec.json.decode(answer.done)["since"])
    assert found["ga"]["last_seq"] == 2


async def test_conversations_are_read_when_their_turn_comes(
    world: ChatWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, some 50 are in memory; one beyond them is as it is when it is reached."""
    for number in range(CHUNK + 1):
        await world.group(f"g{number}", "ua", "ub")
    asked: list[int] = []
    read = world.store.accesses

    async def accesses(user_id: str, conversation_ids: Sequence[str]) -> Sequence[Access]:
        asked.append(len(conversation_ids))
        return await read(user_id, conversation_ids)

    monkeypatch.setattr(world.store, "accesses", accesses)
    pages = (await Sync(world.store, page_bytes=1).open("ua", None, 20)).pages()

    first = msgspec.json.decode(await anext(pages))
    assert asked == [CHUNK]
    assert first["conversations"][0]["conversation"]["conversation_id"] == f"g{CHUNK}"
    await world.say("ub", "g0", "meanwhile")
    rest = [msgspec.json.decode(page)["conversations"][0] async for page in pages]

    assert asked == [CHUNK, 1]
    assert (rest[-1]["conversation"]["conversation_id"], rest[-1]["last_seq"]) == ("g0", 2)


async def test_positions_in_memory_are_flushed_first(world: ChatWorld) -> None:
    """The flush is called with the user before the store is read."""
    asked: list[str] = []

    async def flush(user_id: str) -> None:
        asked.append(user_id)

    await Sync(world.store, flush=flush).open("ua", None, 20)
    assert asked == ["ua"]


async def test_an_outage_in_the_middle_is_told(world: ChatWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages after the outage raise: the client has no sync_done and keeps its old token."""
    await world.group("ga", "ua")
    answer = await Sync(world.store).open("ua", None, 20)

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(world.store, "unread", away)

    with pytest.raises(StoreUnavailable):
        async for _ in answer.pages():
            pass


# The same for HTTP.


async def walk(sync: Sync, user: str, since: str | None, between: Any = None) -> tuple[list[Any], str, int]:
    entries: list[Any] = []
    cursor, pages = None, 0
    while True:
        page = msgspec.json.decode(await sync.offline(user, since, 5, cursor))
        entries += page["conversations"]
        pages += 1
        cursor = page.get("next_cursor")
        if cursor is None:
            return entries, page["since"], pages
        if between is not None:
            await between(pages)


async def test_http_gives_what_the_socket_gives(world: ChatWorld) -> None:
    """A walk over the pages of /messages/offline gives the entries of one sync, and the same token."""
    for number in range(7):
        await world.group(f"g{number}", "ua", "ub")
        await world.say("ub", f"g{number}", "long " * 100)
    sync = Sync(world.store, page_bytes=2_000)

    entries, since, pages = await walk(sync, "ua", None)

    found, token = await synced(sync, "ua", limit=5)
    assert entries == list(found.values())
    assert since == token
    assert pages > 3


async def test_a_walk_under_changes_loses_nothing(world: ChatWorld) -> None:
    """Conversations that move or begin during the walk come in it, or with the token that it ends with."""
    for number in range(9):
        await world.group(f"g{number}", "ua", "ub")
    sync = Sync(world.store, page_bytes=1_500)

    async def change(page: int) -> None:
        await world.say("ub", f"g{page}", "moved to the front")
        await world.group(f"h{page}", "ua")

    entries, since, _ = await walk(sync, "ua", None, change)
    later, _ = await synced(sync, "ua", since)

    heads = {entry["conversation"]["conversation_id"]: entry["last_seq"] for entry in entries}
    heads |= {name: entry["last_seq"] for name, entry in later.items()}
    fresh, _ = await synced(sync, "ua")
    assert heads == {name: entry["last_seq"] for name, entry in fresh.items()}


# Properties.

USERS = ("ua", "ub", "uc")
ACTIONS = ("say", "say_to", "join", "remove", "read", "edit", "settings", "role", "rename", "sync")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5), st.sampled_from([0, 1, 2, 200])), max_size=25
)


async def act(world: ChatWorld, action: str, number: int) -> None:
    """Do something that may be refused; the store decides."""
    group, user, other = f"g{number % 2}", USERS[number % 3], USERS[(number + 1) % 3]
    access = await world.store.access(user, group)
    head = access.head_seq if access else 1
    match action:
        case "say_to":
            await world.say_to(user, other)
            return
        case "read":
            if access:
                await world.store.save_positions([Position(group, user, head, max(head - number, 0))])
            return
    commands = {
        "say": lambda: world.say(user, group),
        "join": lambda: world.join(group, "ua", "ub", "uc"),
        "remove": lambda: world.remove(group, "ua", other),
        "edit": lambda: world.do("edit", user, group, EditBody(content="edited", target_seq=head)),
        "settings": lambda: world.do(
            "conversation_settings", user, user, ConversationSettingsBody(about=group, draft=f"d{number}")
        ),
        "role": lambda: world.do("member_role", "ua", group, MemberRoleBody(role="admin", user_id=other)),
        "rename": lambda: world.do("group_updated", "ua", group, GroupUpdatedBody(announcement=f"{number}")),
    }
    try:
        await commands[action]()
    except AssertionError as refused:
        assert "RefusedOutcome" in str(refused)  # noqa: PT017  # the rules said no: also a fine step


class Client:
    """What a client holds: the last entry of each conversation, and events by seq."""

    def __init__(self, world: ChatWorld, user: str) -> None:
        self.sync, self.history, self.user = Sync(world.store), History(world.store), user
        self.since: str | None = None
        self.entries: Entries = {}
        self.events: dict[str, dict[int, str]] = {}

    async def catch_up(self, limit: int) -> None:
        found, self.since = await synced(self.sync, self.user, self.since, limit)
        for name, entry in found.items():
            self.entries[name] = entry
            held = self.events.setdefault(name, {})
            held.update({event["seq"]: event["digest"] for event in entry["events"]})
            await self._fill(name, held)

    async def _fill(self, name: str, held: dict[int, str]) -> None:
        """Fetch the holes, as clients do."""
        entry = self.entries[name]
        missing = [
            n for n in range(entry["conversation"].get("from_seq", 1), entry["last_seq"]) if n not in held
        ]
        if missing or entry["last_seq"] not in held:
            after = min([*missing, entry["last_seq"]]) - 1
            page = await self.history.page(self.user, name, None, after, 200)
            held.update({event["seq"]: event["digest"] for event in msgspec.json.decode(page)["events"]})

    def state(self) -> dict[str, Any]:
        drop = {"events", "prev_hash", "events_complete"}
        return {
            name: (
                {key: value for key, value in entry.items() if key not in drop},
                sorted(
                    item
                    for item in self.events[name].items()
                    if entry["conversation"].get("from_seq", 1) <= item[0] <= entry["last_seq"]
                ),
            )
            for name, entry in self.entries.items()
        }


async def catch_up_equals_fresh(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = ChatWorld(Path(folder))
        try:
            await world.add_users(*USERS)
            await world.group("g0", "ua", "ub")
            await world.group("g1", "ua", "uc", history="full")
            clients = [Client(world, user) for user in USERS]
            for action, number, limit in steps:
                if action == "sync":
                    await clients[number % 3].catch_up(limit)
                else:
                    await act(world, action, number)
            for client in clients:
                await client.catch_up(2)
                fresh = Client(world, client.user)
                await fresh.catch_up(200)
                assert client.state() == fresh.state()
        finally:
            await world.close()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_sync_after_any_token_plus_what_was_known_equals_a_fresh_sync(
    steps: list[tuple[str, int, int]],
) -> None:
    """Whatever happened between two syncs, the client ends with what a new device would get."""
    asyncio.run(catch_up_equals_fresh(steps))
