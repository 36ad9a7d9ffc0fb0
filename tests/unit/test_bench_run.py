"""The bench's command line, plans, filler and checks of pages, without a server."""

from __future__ import annotations

import asyncio
import json
import resource
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.sqlite_verify import verify
from pingme.cli.app import app
from pingme.cli.bench.filler import Filling, fill, spread
from pingme.cli.bench.frames import pair_id_of, user_id_of
from pingme.cli.bench.job import Settings
from pingme.cli.bench.mix import MIX
from pingme.cli.bench.observed import Observed
from pingme.cli.bench.pages import check_history, check_sync
from pingme.cli.bench.plans import groups_plan, mixed_plan, pairs_plan, sync_plan
from pingme.cli.bench.run import FILES_BESIDE, decide_file_limit, jobs_of, prepare
from pingme.cli.bench.server import Cores, Sample, choose_cores, sample_of
from pingme.cli.bench.verify import Faults
from pingme.cli.bench.watch import highest
from pingme.cli.bench.world import heads_of
from pingme.domain.errors import PingMeError


def quiet(_done: int, _total: int) -> None:
    """Report nothing."""


@pytest.mark.parametrize("ordered", [True, False])
def test_a_filled_store_passes_verify(tmp_path: Path, ordered: bool):
    """Seqs, digests, rolling hashes and the index are as the store itself would have made them."""
    assert fill(tmp_path, spread(3_000, 40, ordered_ids=ordered), quiet) == 3_000

    result = verify(tmp_path / "pingme.db", report=lambda *_: None)

    assert (result.faults, result.events, result.conversations) == ([], 3_000, 40)


def test_filling_again_adds_what_is_missing(tmp_path: Path):
    """A kept folder is filled up, not filled twice."""
    fill(tmp_path, spread(200, 10), quiet)
    fill(tmp_path, spread(200, 10), quiet)
    fill(tmp_path, spread(500, 10), quiet)

    result = verify(tmp_path / "pingme.db", report=lambda *_: None)

    assert (result.good, result.events) == (True, 500)


def test_a_run_finds_the_heads_of_a_filled_store(tmp_path: Path):
    """The first pair of users shares a prepared chat, so its run goes on after the head."""
    fill(tmp_path, spread(200, 10), quiet)

    users, rooms = prepare(pairs_plan(Settings(), pairs=1, both=True, processes=1), tmp_path)

    assert [user.user_id for user in users] == [user_id_of(0), user_id_of(1)]
    assert [room.head for room in rooms] == [20]


def test_a_filling_needs_a_message_for_each_chat(tmp_path: Path):
    """A conversation exists by its first message."""
    with pytest.raises(PingMeError, match="at least one message in each of 10"):
        fill(tmp_path, spread(9, 10), quiet)


@pytest.mark.parametrize(("messages", "conversations"), [(1, 1), (5, 2), (5_000_000, 50_000), (100, 100)])
def test_chats_are_spread_without_repeating(messages: int, conversations: int):
    """Every chat has two different users below the count, and no two chats are the same."""
    filling = spread(messages, conversations)

    assert len({frozenset(pair) for pair in filling.pairs}) == conversations
    assert all(len({*pair}) == 2 and max(pair) < filling.users for pair in filling.pairs)


def test_groups_are_made_once(tmp_path: Path):
    """A second run on the same folder finds the groups of the first."""
    plan = groups_plan(Settings(), groups=3, members=4, senders=2, processes=1)

    _, first = prepare(plan, tmp_path)
    users, again = prepare(plan, tmp_path)

    assert first == again
    assert [room.senders for room in again] == [(0, 1), (4, 5), (8, 9)]
    assert len({user.token for user in users}) == 12


async def heads(folder: Path) -> dict[str, int]:
    database = SqliteDatabase(folder / "pingme.db")
    try:
        return heads_of(database)
    finally:
        await database.close()


def test_heads_are_those_of_the_store(tmp_path: Path):
    """Every conversation with its newest seq."""
    fill(tmp_path, Filling(7, [(0, 1)], 2), quiet)

    assert asyncio.run(heads(tmp_path)) == {pair_id_of(user_id_of(0), user_id_of(1)): 7}


def test_both_sides_of_a_chat_are_in_one_process(tmp_path: Path):
    """So a message that is acknowledged and delivered is counted where both are seen; shares add up to the rate."""
    plan = pairs_plan(Settings(), pairs=5, both=True, processes=2)
    users, rooms = prepare(plan, tmp_path)

    jobs = jobs_of(plan, users, rooms)

    assert [len(job.rooms) for job in jobs] == [3, 2]
    assert all(
        {n for room in job.rooms for n in room.members} == {u.number for u in job.users} for job in jobs
    )
    assert sum(job.share for job in jobs) == pytest.approx(1)


def test_a_large_group_is_spread_over_processes(tmp_path: Path):
    """Everybody connects from exactly one process; only the one with the sender has a share of the rate."""
    plan = groups_plan(Settings(), groups=1, members=5, senders=1, processes=2)
    users, rooms = prepare(plan, tmp_path)

    jobs = jobs_of(plan, users, rooms)

    assert [[user.number for user in job.users] for job in jobs] == [[0, 2, 4], [1, 3]]
    assert [job.share for job in jobs] == [1.0, 0.0]


def test_the_mix_is_whole_and_its_groups_exist():
    """Shares add up to 1, and everybody is in a group of each size."""
    plan = mixed_plan(Settings(rate=100), units=2, processes=1)

    assert sum(MIX.values()) == pytest.approx(1)
    assert sorted({len(members) for members in plan.groups}) == [10, 50, 200]
    assert all(f"group of {len(members)}" in MIX for members in plan.groups)
    assert {number for members in plan.groups for number in members} == set(range(400))


def test_a_sync_plan_has_a_healthy_client_of_its_own():
    """It pings from a process that does nothing else, and has no conversations."""
    plan = sync_plan(Settings(), users=2, conversations=3, messages_each=4)

    assert plan.owners == (0, 0, -1, -1, -1, 1)
    assert plan.filling is not None
    assert len(plan.filling.pairs) == 6
    assert plan.filling.messages == 24


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pairs", "--pairs", "0"], "'--pairs': Input should be greater than or equal to 1"),
        (["pairs", "--payload-bytes", "8"], "greater than or equal to 16"),
        (["pairs", "--ids", "odd"], "'odd' is not"),
        (["groups", "--members", "1"], "greater than or equal to 2"),
        (["mixed", "--rate", "0"], "greater than or equal to 1"),
        (["compare", "one.json"], "Missing argument"),
    ],
)
def test_wrong_options_are_refused(arguments: list[str], says: str):
    """The answer names the option and its range; nothing is started."""
    result = CliRunner().invoke(app, ["bench", *arguments])

    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_more_senders_than_messages_in_flight_are_refused():
    """A sender without a message in flight would never begin."""
    result = CliRunner().invoke(app, ["bench", "groups", "--senders", "20", "--in-flight", "16"])

    assert result.exit_code == 2


def test_every_option_has_a_help_text():
    """`--help` of each command explains each option."""
    from pingme.cli.app import load_command

    for command in load_command("bench").commands.values():
        assert command.help
        assert all(param.help for param in command.params), command.name


def test_too_few_open_files_is_an_error_with_its_remedy():
    """It says how many are needed, what to change, and how many connections would fit."""
    with pytest.raises(PingMeError, match=f"--connections {4_096 - FILES_BESIDE}$"):
        decide_file_limit(10_000, 1_024, 4_096)


@pytest.mark.parametrize(
    ("connections", "soft", "hard", "wanted"),
    [
        (100, 1_024, 50_000, 1_024),
        (10_000, 1_024, 50_000, 50_000),
        (10_000, 1_024, resource.RLIM_INFINITY, 10_000 + FILES_BESIDE),
        (10_000, resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    ],
)
def test_the_soft_limit_of_open_files_is_raised(connections: int, soft: int, hard: int, wanted: int):
    """Up to the hard one, and only where it is needed."""
    assert decide_file_limit(connections, soft, hard) == wanted


def test_pinning_can_be_left_out():
    """Then server and load run wherever the system likes."""
    assert choose_cores(pin=False) == Cores()


def test_a_process_can_be_sampled():
    """CPU time and memory of this process are above zero."""
    import os

    sample = sample_of(os.getpid())

    assert sample.cpu_s > 0
    assert sample.rss_bytes > 1 << 20


def test_cpu_between_two_moments_is_interpolated():
    """The measured time hardly begins at a sample."""
    samples = [Sample(0.0, 0.0, 1), Sample(1.0, 0.5, 1), Sample(2.0, 1.5, 1)]

    assert Observed(samples, {}, {}, 0, 0).cpu_s(0.5, 1.5) == pytest.approx(0.75)
    assert Observed(samples, {}, {}, 0, 0).cpu_s(-5, 50) == pytest.approx(1.5)


def test_loop_lag_and_means_come_from_what_the_metrics_gained():
    """What was observed before the load does not count."""
    lag = 'pingme_loop_lag_seconds_bucket{le="'
    before = {
        f'{lag}0.001"}}': 5.0,
        f'{lag}0.01"}}': 9.0,
        f'{lag}+Inf"}}': 9.0,
        "b_count": 1.0,
        "b_sum": 100.0,
    }
    after = {
        f'{lag}0.001"}}': 6.0,
        f'{lag}0.01"}}': 12.0,
        f'{lag}+Inf"}}': 12.0,
        "b_count": 3.0,
        "b_sum": 110.0,
    }
    observed = Observed([], {}, {"ready": before, "heads": after}, 0, 0)

    assert observed.lag_under_ms() == 10.0
    assert observed.mean_of("b") == 5.0
    assert Observed([], {}, {}, 0, 0).lag_under_ms() is None


def test_heads_of_several_processes_meet_at_the_highest():
    """The sender's process knows more than a recipient's."""
    assert highest([{"a": 3, "b": 1}, {"a": 5}]) == {"a": 5, "b": 1}


def page(first: int, last: int, *, more: bool, name: str = "p1") -> bytes:
    events = [{"conversation_id": name, "seq": seq} for seq in range(first, last + 1)]
    payload = {"conversation_id": name, "events": events, "has_more": more}
    return json.dumps({"type": "history_page", "payload": payload}).encode()


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (page(51, 100, more=True), set()),
        (page(52, 100, more=True), {"page"}),  # one is missing
        (page(51, 99, more=True), {"page"}),
        (page(51, 100, more=False), {"page"}),
        (page(51, 100, more=True, name="p2"), {"page"}),
        (b'{"type":"error","payload":{"code":10001}}', {"refused"}),
    ],
)
def test_a_page_of_history_must_be_what_was_asked_for(data: bytes, kinds: set[str]):
    """Exactly the seqs before the one asked for, of that conversation."""
    faults = Faults()

    check_history(data, "p1", 101, 50, faults)

    assert set(faults.counts) == kinds


def sync_page(*entries: tuple[str, int, list[int]]) -> bytes:
    conversations = [
        {
            "conversation": {"conversation_id": name},
            "last_seq": head,
            "events": [{"conversation_id": name, "seq": seq} for seq in seqs],
        }
        for name, head, seqs in entries
    ]
    return json.dumps({"type": "sync_page", "payload": {"conversations": conversations}}).encode()


@pytest.mark.parametrize(
    ("pages", "kinds"),
    [
        ([sync_page(("a", 3, [2, 3])), sync_page(("b", 1, []))], set()),
        ([sync_page(("a", 3, [2, 3]))], {"lost"}),
        ([sync_page(("a", 3, []), ("a", 3, []), ("b", 1, []))], {"repeated"}),
        ([sync_page(("a", 2, [2]), ("b", 1, []))], {"page"}),
        ([sync_page(("a", 3, [1, 3]), ("b", 1, []))], {"gap"}),
    ],
)
def test_a_sync_must_name_every_conversation_once_with_its_head(pages: list[bytes], kinds: set[str]):
    """Left out, named twice, an old head, a hole in the events: each is found."""
    faults = Faults()

    check_sync(pages, {"a": 3, "b": 1}, faults)

    assert set(faults.counts) == kinds
