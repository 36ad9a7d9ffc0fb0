"""What is counted, how it is scraped, and the lag of the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from pingme.domain.errors import PingMeError
from pingme.edge import metrics_server
from pingme.edge.metrics_server import CONNECTIONS_MAX, HEAD_BYTES, MetricsServer
from pingme.services.loop_lag import measure_loop_lag
from pingme.services.metrics import ACK_SAMPLE, LOGIN_RESULTS, Metrics
from tests.fakes.clock import FakeClock


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return every sample by its name and its labels' values."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


# Counting.


def test_plain_integers_become_counters_when_somebody_scrapes():
    """The hot path only adds; each attribute has its counter."""
    metrics = Metrics()
    for number, name in enumerate(
        ("messages_stored", "duplicates", "frames_in", "deliveries", "bytes_out", "retries", "dead_letters"),
        1,
    ):
        setattr(metrics.hot, name, number)

    found = samples(metrics)

    names = (
        "messages_stored",
        "duplicates",
        "frames_in",
        "deliveries",
        "bytes_out",
        "retries",
        "dead_letters",
    )
    assert [found[f"pingme_{name}_total", ""] for name in names] == [1, 2, 3, 4, 5, 6, 7]


def test_a_misspelt_counter_is_an_error():
    """The object has slots: what nobody scrapes cannot be counted."""
    with pytest.raises(AttributeError):
        Metrics().hot.mesages_stored = 1


def test_labels_are_codes_of_the_tables():
    """Each code counts under its own number, and what a peer made up under `other`: labels stay few."""
    metrics = Metrics()
    for code in (40001, 40001, 10007, 99999):
        metrics.hot.count_refusal(code)
    for code in (1001, 4413, *range(3000, 3500)):
        metrics.hot.count_close(code)

    found = samples(metrics)

    refused = {labels: value for (name, labels), value in found.items() if name == "pingme_refused_total"}
    closes = {labels: value for (name, labels), value in found.items() if name == "pingme_closes_total"}
    assert refused == {"40001": 2, "10007": 1, "other": 1}
    assert closes == {"1001": 1, "4413": 1, "other": 500}
    assert len(metrics.hot.closes) == 3


def test_logins_are_counted_by_result():
    """Every result is there from the start; an unknown one is an error."""
    metrics = Metrics()
    metrics.hot.count_login("success")
    metrics.hot.count_login("made up")

    found = samples(metrics)

    assert {result: found["pingme_logins_total", result] for result in LOGIN_RESULTS} == {
        "success": 1, "invalid": 0, "throttled": 0, "overloaded": 0, "error": 1,
    }  # fmt: skip


def test_batches_and_their_commits():
    """A transaction counts once in both histograms."""
    metrics = Metrics()
    metrics.observe_batch(200, 0.004)
    metrics.observe_batch(1, 0.001)

    found = samples(metrics)

    assert found["pingme_batch_records_sum", ""] == 201
    assert found["pingme_batch_records_bucket", "1.0"] == 1
    assert found["pingme_commit_seconds_count", ""] == 2


def test_one_acknowledgement_of_many_is_timed():
    """The first, then each 64th."""
    metrics = Metrics()
    for _ in range(2 * ACK_SAMPLE):
        metrics.observe_ack(0.01)

    assert samples(metrics)["pingme_ack_seconds_count", ""] == 2


def test_gauges_are_asked_at_scrape_time():
    """A gauge shows what holds now."""
    metrics, sockets = Metrics(), [1, 2]
    metrics.connections.set_function(lambda: len(sockets))
    sockets.append(3)

    assert samples(metrics)["pingme_connections", ""] == 3


def test_every_promised_figure_is_there():
    """The names that docs/operations.md and people's dashboards rely on."""
    found = {name for name, _ in samples(Metrics(version="1.2", env="production"))}

    counters = {
        "messages_stored",
        "duplicates",
        "frames_in",
        "deliveries",
        "bytes_out",
        "retries",
        "dead_letters",
        "logins",
    }
    histograms = {"batch_records", "commit_seconds", "ack_seconds", "loop_lag_seconds"}
    gauges = {
        "connections",
        "users_online",
        "outbox_bytes",
        "log_depth",
        "dead_letters",
        "pending_answers",
        "build_info",
    }
    assert {f"pingme_{name}_total" for name in counters} <= found
    assert {f"pingme_{name}_count" for name in histograms} <= found
    assert {f"pingme_{name}" for name in gauges} <= found


def test_two_servers_in_one_process_count_apart():
    """Nothing is global."""
    one, other = Metrics(), Metrics()
    one.hot.messages_stored += 1

    assert samples(one)["pingme_messages_stored_total", ""] == 1
    assert samples(other)["pingme_messages_stored_total", ""] == 0


# Serving.


@contextlib.asynccontextmanager
async def serving(render=lambda: b"figures 1\n", **options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = MetricsServer(render, "127.0.0.1", port, required=True, **options)
    await server.start()
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


async def raw(server: MetricsServer, request: bytes) -> bytes:
    """Send bytes and return what comes until the end."""
    host, port = server.address
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_metrics_are_served_and_nothing_else():
    """GET /metrics, also with a query; other paths and methods are refused."""
    async with serving() as (_, url), httpx.AsyncClient() as client:
        good = await client.get(f"{url}/metrics?name=x")
        elsewhere = await client.get(f"{url}/")
        posted = await client.post(f"{url}/metrics", content=b"x")

    assert (good.status_code, good.text) == (200, "figures 1\n")
    assert good.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert (elsewhere.status_code, posted.status_code) == (404, 405)
    assert posted.headers["allow"] == "GET"


async def test_figures_are_refreshed_before_they_are_shown():
    """What must be asked for is asked for at each scrape."""
    value = 0

    async def refresh() -> None:
        nonlocal value
        value += 1

    async with serving(lambda: b"%d" % value, refresh=refresh) as (_, url), httpx.AsyncClient() as client:
        answers = [(await client.get(f"{url}/metrics")).text for _ in range(3)]

    assert answers == ["1", "2", "3"]


async def test_a_broken_figure_is_a_500_and_a_log_line():
    """The listener goes on, and what is wrong stands in the log only."""

    def explode() -> bytes:
        raise RuntimeError("inner detail")

    with capture_logs() as lines:
        async with serving(explode) as (_, url), httpx.AsyncClient() as client:
            answers = [await client.get(f"{url}/metrics") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [500, 500]
    assert "inner" not in answers[0].text
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["metrics_failed"] * 2


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"hello\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"\r\n\r\n",
        b"GET /metrics SPDY/3\r\n\r\n",
        b"\xff\x00\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused(request_bytes):
    """Bytes that are not HTTP/1 get 400."""
    async with serving() as (server, _):
        answer = await raw(server, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_request_is_bounded():
    """A head above its bound is refused, and the listener goes on."""
    async with serving() as (server, _):
        answer = await raw(server, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * (3 * HEAD_BYTES))
        after = await raw(server, b"GET /metrics HTTP/1.1\r\n\r\n")

    assert answer[:13] in {b"", b"HTTP/1.1 400 "}
    assert after.startswith(b"HTTP/1.1 200 ")


async def test_a_silent_connection_is_closed(monkeypatch):
    """Whoever asks nothing is not waited for."""
    monkeypatch.setattr(metrics_server, "REQUEST_TIMEOUT_S", 0.05)

    async with serving() as (server, _):
        assert await raw(server, b"GET /met") == b""


async def test_connections_are_bounded():
    """Above the bound a connection is closed at once; stop closes those that are open."""
    async with serving() as (server, _), contextlib.AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX):
            _, writer = await asyncio.open_connection(*server.address)
            stack.callback(writer.close)
        while len(server._open) < CONNECTIONS_MAX:  # noqa: ASYNC110  # nobody is told when one is open
            await asyncio.sleep(0)
        assert await raw(server, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        await asyncio.wait_for(server.stop(), 5)


async def test_a_taken_port_is_an_error_in_production_and_a_warning_in_development():
    """The text names the setting; in development the server goes on without."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        relaxed = MetricsServer(bytes, "127.0.0.1", port, required=False)

        with pytest.raises(PingMeError, match=r"port is taken; set metrics\.port"):
            await MetricsServer(bytes, "127.0.0.1", port, required=True).start()
        with capture_logs() as lines:
            await relaxed.start()

    assert [(line["event"], line["log_level"]) for line in lines] == [("metrics_off", "warning")]
    assert relaxed.address is None
    await relaxed.stop()


async def test_port_0_is_off():
    """Nothing listens, and nothing is said."""
    server = MetricsServer(bytes, "127.0.0.1", 0, required=True)

    await server.start()

    assert server.address is None
    await server.stop()


# The lag of the loop.


async def test_the_lag_is_what_the_loop_was_late():
    """Nothing while it wakes in time; the time of a pause after one."""
    clock, seen = FakeClock(), list[float]()
    measuring = asyncio.create_task(measure_loop_lag(clock, seen.append, interval_ms=250))

    await clock.advance(500)
    clock._monotonic_ms += (
        400  # a callback that ran for 400 ms: the next wake-up, 250 ms from before it, is late
    )
    await clock.advance(0)
    measuring.cancel()

    assert seen == [0.0, 0.0, 0.15]
