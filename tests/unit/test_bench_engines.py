"""The bench on the engines of a configuration: its own names, who connects where, what the engines have counted."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from pingme.bootstrap.port_owner import pids_of_port
from pingme.cli.bench.app import sizes_of
from pingme.cli.bench.costs import cost_lines, side_by_side, side_by_side_lines
from pingme.cli.bench.engines import read_engines
from pingme.cli.bench.nodes import engine_processes
from pingme.cli.bench.observed import Observed
from pingme.cli.bench.probe import commands_of, grown, kafka_requests_of, statements_of
from pingme.cli.bench.results import requests_of
from pingme.cli.bench.run import Place, check_place, spread_over
from pingme.cli.bench.verify import Faults, Ledger, Stream
from pingme.cli.bench.world import BenchUser
from pingme.domain.errors import PingMeError

CLUSTER = (
    "database: {host: db.example, name: real}\nredis: {host: r.example}\nkafka: {brokers: [k.example:9092]}\n"
)


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    file = tmp_path / "cluster.yml"
    file.write_text(CLUSTER, "utf-8")
    return file


def test_the_bench_has_names_of_its_own(cluster: Path):
    """Neither the operator's database nor the topics and the group of the real nodes are used."""
    engines = read_engines(cluster, environ={"DB_NAME": "real", "PINGME_DATABASE__NAME": "real"})

    assert engines.database.startswith("pingme_bench_")
    assert all(topic.startswith("pingme-bench-") for topic in engines.topics)
    assert engines.settings.kafka.consumer_group.startswith("pingme-bench-")
    assert read_engines(cluster, environ={}).database != engines.database


def test_variables_of_engines_win_and_those_of_a_server_do_not(cluster: Path):
    """`make services` prints variables; the port of another server is no concern of the bench's."""
    engines = read_engines(cluster, environ={"DB_PORT": "4406", "APP_PORT": "1", "PINGME_METRICS__PORT": "2"})

    assert engines.settings.database.port == 4406
    assert (engines.settings.app.port, engines.settings.metrics.port) == (8080, 9090)


def test_a_configuration_without_engines_is_refused(tmp_path: Path):
    """The embedded ones need no --config."""
    file = tmp_path / "local.yml"
    file.write_text("app: {name: Here}\n", "utf-8")

    with pytest.raises(PingMeError, match=r"expected database\.host"):
        read_engines(file, environ={})


def test_what_does_not_go_together_is_refused(cluster: Path, tmp_path: Path):
    """A data folder of a store that is elsewhere; several nodes on stores of their own."""
    engines = read_engines(cluster, environ={})
    alone = tmp_path / "redis.yml"
    alone.write_text("redis: {host: r.example}\n", "utf-8")

    with pytest.raises(PingMeError, match="--data-dir"):
        check_place(Place(data_dir=tmp_path), engines)
    with pytest.raises(PingMeError, match="--nodes 2"):
        check_place(Place(nodes=2), read_engines(alone, environ={}))


def test_engines_elsewhere_have_no_process_here(cluster: Path):
    """Their CPU cannot be seen, so none is told."""
    assert engine_processes(read_engines(cluster, environ={})) == {}


def test_a_process_is_found_by_the_port_it_listens_on():
    """This one, by a port of its own; nobody by a port that is free again."""
    import os

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert pids_of_port(port) == (os.getpid(),)

    assert pids_of_port(port) == ()


def users(count: int) -> list[BenchUser]:
    return [BenchUser(number, f"u{number}", "token") for number in range(count)]


@pytest.mark.parametrize("nodes", [2, 3])
def test_sides_of_a_chat_are_at_different_nodes(nodes: int):
    """And the first sides, who send one way, are spread over all nodes."""
    urls = [f"ws://{number}" for number in range(nodes)]

    spread = spread_over(urls, users(12), cross=True)

    assert all(one.url != other.url for one, other in zip(spread[::2], spread[1::2], strict=True))
    assert {user.url for user in spread[::2]} == {*urls}


def test_sides_of_a_chat_may_be_at_one_node():
    """Then chats are spread, not their sides."""
    spread = spread_over(["ws://0", "ws://1"], users(8), cross=False)

    assert [user.url[-1] for user in spread] == ["0", "0", "1", "1", "0", "0", "1", "1"]


def test_counts_are_what_was_added_for_each_thousand_messages():
    """What an engine did before the load does not count, nor what it did not do."""
    before = {"statements": 1_000.0, "COMMIT": 10.0, "DELETE": 3.0}
    after = {"statements": 1_300.0, "COMMIT": 60.0, "DELETE": 3.0, "SELECT": 5.0}

    assert list(grown(before, after, 500)) == [("statements", 600.0), ("COMMIT", 100.0), ("SELECT", 10.0)]


def test_counts_carry_the_names_of_the_report():
    """Statements, commands and requests have a sum each; the bench's own INFO is not among the commands."""
    rows = [("Questions", "9"), ("Com_update", "2"), ("Com_update_multi", "1")]
    info = {"cmdstat_publish": {"calls": 4}, "cmdstat_info": {"calls": 7}, "cmdstat_set": {"calls": 1}}
    metrics = {'pingme_kafka_requests_total{request="Fetch"}': 3.0, "pingme_batch_records_count": 8.0}

    assert statements_of(rows) == {"statements": 9, "UPDATE": 3}
    assert commands_of(info) == {"commands": 5, "PUBLISH": 4, "SET": 1}
    assert kafka_requests_of(metrics) == {"requests": 3, "Fetch": 3}
    assert kafka_requests_of({}) == {}


def test_requests_are_counted_from_before_the_load_to_its_end():
    """An engine that counts nothing is told with nothing."""
    counts = {"ready": {"redis": {"commands": 5.0}}, "heads": {"redis": {"commands": 25.0}, "mysql": {}}}

    found = requests_of(Observed([], {}, {}, 0, 0, counts=counts), 1_000)

    assert found == {"redis": {"commands": 20.0}, "mysql": {}}
    assert requests_of(Observed([], {}, {}, 0, 0, counts=counts), 0) == {}


def test_a_push_that_comes_again_is_counted_where_it_may_come():
    """With Kafka it is no fault, but for another message at that seq, which the ledger finds."""
    strict, lenient = Faults(), Faults(again=0)
    for faults in (strict, lenient):
        ledger = Ledger("c")
        stream = Stream("u", ledger, faults)
        for _ in range(2):
            stream.push(1)
            ledger.note_push(1, 7, faults)
    lenient_ledger = Ledger("c")
    lenient_ledger.note_push(1, 7, lenient)
    lenient_ledger.note_push(1, 8, lenient)

    assert (strict.counts, strict.again) == ({"repeated": 1}, None)
    assert (lenient.counts, lenient.again) == ({"conflict": 1}, 1)
    total = Faults()
    total.add(lenient)
    total.add(replace(lenient))
    assert total.again == 2


def group_run(members: int, statements: float) -> dict[str, Any]:
    process = {
        "cpu_share": 0.5,
        "cpu_us_message": 120.0,
        "rss_before_bytes": 1 << 20,
        "rss_peak_bytes": 2 << 20,
    }
    return {
        "scenario": "groups",
        "settings": {"members": members},
        "figure": 1_000.0 * (members - 1),
        "processes": {"node 1": process, "MySQL": process},
        "requests": {"mysql": {"statements": statements}},
    }


def test_costs_of_several_sizes_stand_side_by_side():
    """A column for each size, a row for each process and engine."""
    heads, rows = side_by_side([group_run(2, 300.0), group_run(200, 290.0)])

    assert heads == ["1 recipient", "199 recipients"]
    assert dict(rows)["mysql: statements per 1 000 messages"] == ["300", "290"]
    assert dict(rows)["MySQL: µs of CPU a message"] == ["120", "120"]
    assert any(
        "199 recipients" in line for line in side_by_side_lines([group_run(2, 1.0), group_run(200, 1.0)])
    )


def test_one_size_has_nothing_to_be_compared_with():
    """Then the run's own lines say everything."""
    assert side_by_side([group_run(200, 290.0)]) == ((), ())
    assert dict(cost_lines(group_run(200, 290.0)))["asked of mysql"] == "per 1 000 messages: statements 290"


@pytest.mark.parametrize("text", ["", "1,20", "2;20", "two"])
def test_sizes_must_be_numbers(text: str):
    """The error shows what is expected."""
    with pytest.raises(typer.BadParameter, match="such as 2,20,200"):
        sizes_of(text)
