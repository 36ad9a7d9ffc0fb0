"""`pingme top`: from answers to rates, and from rates to a page, a line, and JSON."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import os
import pty
import sys
from typing import Any

import pytest
from rich.console import Console

from pingme.cli.app import main
from pingme.cli.top import keys, watch
from pingme.cli.top.figures import Figures, quantile, sparkline
from pingme.cli.top.screen import duration, line, ms, number, page
from pingme.domain.errors import PingMeError

NO_TIMES = {"bounds": [0.01, 0.1], "counts": [0, 0, 0]}


def answer(uptime_s: float = 10.0, *, pid: int = 7, **changes: Any) -> dict[str, Any]:
    """A server's answer; ``counters__closes={...}`` changes a part of it."""
    status: dict[str, Any] = {
        "name": "PingMe", "version": "1.2.3", "pid": pid, "env": "development", "uptime_s": uptime_s,
        "now_ms": 1_767_225_600_000, "status": "healthy", "not_ready": "",
        "components": {"store": {"status": "healthy", "detail": ""}},
        "counters": {
            "messages_stored": 0, "duplicates": 0, "deliveries": 0, "frames_in": 0, "bytes_out": 0, "batches": 0,
            "connects": 0, "retries": 0, "dead_lettered": 0, "refused": {}, "closes": {}, "logins": {"success": 0},
        },
        "gauges": {
            "connections": 3, "users": 2, "conversations": 5, "outbox_bytes": 2048, "log_depth": 1,
            "log_limit": 10_000, "pending_answers": 4, "dead_letters": 0, "waiting_for_retry": 0,
            "store_away_ms": None, "wal_bytes": 4096,
        },
        "histograms": {
            "commit_seconds": NO_TIMES, "ack_seconds": NO_TIMES, "loop_lag_seconds": NO_TIMES,
            "batch_records": NO_TIMES,
        },
        "process": {"rss_bytes": 50 << 20, "cpu_s": 1.0, "open_files": 20, "open_files_limit": 1_024},
    }  # fmt: skip
    status = copy.deepcopy(status)
    for path, value in changes.items():
        part, _, name = path.partition("__")
        if name:
            status[part][name] = value
        else:
            status[part] = value
    return status


# Figures.


def test_rates_are_what_grew_by_the_servers_own_seconds() -> None:
    """20 more messages and 2 repeats in two seconds: 10 messages and 11 acknowledgements a second."""
    figures = Figures()
    first = figures.add(answer(10.0))

    shown = figures.add(
        answer(12.0, counters__messages_stored=20, counters__duplicates=2, counters__batches=4)
    )

    assert first["rates"] is first["refused"] is first["cpu_percent"] is None
    assert (shown["rates"]["messages"], shown["rates"]["acks"], shown["rates"]["commits"]) == (10, 11, 2)
    assert list(figures.history) == [10]


def test_codes_are_listed_by_their_frequency_and_only_while_they_happen() -> None:
    """What was counted before the last look is not shown."""
    figures = Figures()
    figures.add(answer(10.0, counters__refused={"10007": 5}, counters__closes={"1000": 1}))

    shown = figures.add(
        answer(11.0, counters__refused={"10007": 5, "40004": 1, "10008": 3}, counters__closes={"1000": 3})
    )

    assert list(shown["refused"].items()) == [("10008", 3), ("40004", 1)]
    assert (shown["closes"], shown["rates"]["closes"]) == ({"1000": 2}, 2)


def test_cpu_is_a_share_of_one_core() -> None:
    """Half a second of CPU in one second is 50 %."""
    figures = Figures()
    figures.add(answer(10.0))
    process = answer()["process"] | {"cpu_s": 1.5}

    assert figures.add(answer(11.0, process=process))["cpu_percent"] == 50


@pytest.mark.parametrize(("uptime_s", "pid"), [(1.0, 7), (20.0, 8), (10.0, 7)])
def test_a_server_that_was_started_again_begins_anew(uptime_s: float, pid: int) -> None:
    """Counters that fell, or another process, are no negative rates."""
    figures = Figures()
    figures.add(answer(10.0, counters__messages_stored=1_000))

    assert figures.add(answer(uptime_s, pid=pid))["rates"] is None


def test_percentiles_are_those_of_the_last_ten_seconds() -> None:
    """A slow start is forgotten once it is older than the window."""
    figures = Figures()
    slow = {"bounds": [0.01, 0.1], "counts": [0, 100, 100]}
    for second in range(12):
        counts = [second, 100 + second, 100 + second]
        shown = figures.add(answer(10.0 + second, histograms__commit_seconds=slow | {"counts": counts}))

    assert shown["latency_ms"]["commit"]["p99"] == pytest.approx(9.9)
    assert shown["latency_ms"]["ack"] == {"p50": None, "p99": None}


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ([10, 10, 10], 0.5, 5.0),  # half-way through the first bucket
        ([0, 10, 10], 0.5, 55.0),  # half-way from 10 to 100 ms
        ([0, 0, 10], 0.5, 100.0),  # above the last bound nothing is known
        ([0, 0, 0], 0.5, None),
        ([], 0.5, None),
    ],
)
def test_quantiles_are_interpolated_as_prometheus_does(
    counts: list[float], share: float, expected: float | None
) -> None:
    """Within a bucket values are taken to be spread evenly."""
    assert quantile([0.01, 0.1], counts, share) == (expected and pytest.approx(expected))


def test_a_sparkline_shows_the_newest_against_the_largest() -> None:
    """Something little is more than nothing."""
    assert sparkline([0, 1, 50, 100], 10) == "▁▂▅█"
    assert sparkline(range(100), 3) == "███"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([], 5) == ""


# The page, and the line.


def drawn(width: int = 80, height: int = 24, **options: Any) -> list[str]:
    """Return the lines of a terminal of this size."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(page(width=width, height=height, **options), no_wrap=True, overflow="crop")
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # the StringIO of above


def busy() -> tuple[dict[str, Any], list[float]]:
    """Figures with the largest numbers that are likely."""
    figures = Figures()
    codes = {str(code): 9_000_000 for code in range(10001, 10010)}
    figures.add(answer(10.0))
    shown = figures.add(
        answer(
            9_999_999.0,
            counters__messages_stored=10**12, counters__deliveries=10**13, counters__frames_in=10**12,
            counters__bytes_out=10**16, counters__connects=10**10, counters__batches=10**10,
            counters__refused=codes, gauges__connections=1_000_000, gauges__outbox_bytes=10**12,
            gauges__dead_letters=10**6,
        )
    )  # fmt: skip
    return shown, list(figures.history)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15), (200, 50), (20, 4)])
def test_a_page_fits_its_terminal(width: int, height: int) -> None:
    """No line is longer, none is too many, and the last one says which keys there are."""
    shown, history = busy()

    lines = drawn(width, height, shown=shown, history=history * 300, hint="q quit")

    assert len(lines) <= height
    assert max(len(each) for each in lines) <= width
    assert lines[-1].startswith("q quit")


def test_80_by_24_holds_everything() -> None:
    """No value is cut off at its edge."""
    shown, history = busy()

    text = "\n".join(drawn(shown=shown, history=history, hint="q quit"))

    for value in (
        "1,000,000",
        "messages/s",
        "open files             20",
        "dead letters    1,000,000",
        "and 5 more",
    ):
        assert value in text
    assert "115 d" in text


def test_a_server_that_went_away_leaves_its_last_figures() -> None:
    """With a line that says so; before the first answer only that line stands there."""
    shown, history = busy()

    gone = drawn(shown=shown, history=history, away="no server runs", hint="")
    never = drawn(shown=None, history=[], away="no server runs", hint="")

    assert "no server runs; these are its last figures" in gone[1]
    assert "messages/s" in gone[2]
    assert never[0].strip() == "no server runs"


def test_troubles_and_outages_are_shown() -> None:
    """The component that is not healthy says what is wrong; a store that is away, for how long."""
    components = {"store": {"status": "unhealthy", "detail": "disk is full"}}
    shown = Figures().add(answer(status="unhealthy", components=components, gauges__store_away_ms=12_345))

    text = "\n".join(drawn(shown=shown, history=[], hint=""))

    assert "store: disk is full" in text
    assert "away for 12 s" in text


def test_a_line_is_for_awk() -> None:
    """Time, state, then name=value; what is not known yet is a dash."""
    figures = Figures()
    first = line(figures.add(answer(10.0)), away="", at_s=0)
    second = line(figures.add(answer(11.0, counters__messages_stored=3)), away="", at_s=0)
    away = line(None, away="no server runs", at_s=0)

    assert first.startswith("1970-01-01T00:00:00Z healthy messages=- acks=-")
    assert "messages=3 acks=3 " in second
    assert all(part.count("=") == 1 for part in second.split()[2:])
    assert away == "1970-01-01T00:00:00Z away (no server runs)"


def test_numbers_for_people() -> None:
    """Thousands apart, small ones with a digit behind the point, times with the digits that count."""
    assert [number(each) for each in (0, 0.25, 9.96, 12.4, 1_234_567)] == [
        "0",
        "0.2",
        "10.0",
        "12",
        "1,234,567",
    ]
    assert [ms(each) for each in (None, 0.123, 12.6, 1_234)] == ["–", "0.12", "13", "1,234"]
    assert [duration(each) for each in (5, 3_661, 90_061)] == ["00:00:05", "01:01:01", "1 d 01:01:01"]


# Watching.


class Server:
    """Answers what it is told to; an exception is raised."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)

    async def __call__(self) -> dict[str, Any]:
        now = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(now, Exception):
            raise now
        return now


async def test_a_server_that_comes_back_is_shown_again() -> None:
    """While it is away the last figures stay; another process begins anew."""
    seen = watch.Watch(Server(answer(10.0), PingMeError("no server runs"), answer(1.0, pid=8)))

    await seen.look()
    await seen.look()
    away = (seen.away, seen.shown and seen.shown["pid"])
    await seen.look()

    assert away == ("no server runs", 7)
    assert (seen.away, seen.shown and seen.shown["pid"]) == ("", 8)


async def test_a_stream_prints_a_line_per_interval(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while the server is away; JSON lines say so in a field."""
    for as_json in (False, True):
        server = Server(answer(10.0), answer(11.0), PingMeError("gone"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await watch.stream(server, interval_s=0.01, as_json=as_json)
    printed = capsys.readouterr().out.splitlines()

    texts = [each for each in printed if not each.startswith("{")]
    objects = [json.loads(each) for each in printed if each.startswith("{")]
    assert "healthy messages=0" in texts[0]
    assert "away (gone)" in texts[1]
    assert objects[0]["rates"]["messages"] == 0
    assert objects[1]["away"] == "gone"


async def test_once_needs_a_server() -> None:
    """The reason is raised, to be one line on stderr."""
    with pytest.raises(PingMeError, match="no server"):
        await watch.once(Server(PingMeError("no server runs")), interval_s=0)

    assert (await watch.once(Server(answer(10.0), answer(11.0)), interval_s=0))["rates"]["messages"] == 0


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A terminal of which this process has both ends: what is typed into one is standard input."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as end, os.fdopen(ours, "wb", buffering=0) as keyboard:
        monkeypatch.setattr(sys, "stdin", end)
        yield keyboard


async def test_keys_are_read_one_by_one(terminal: Any) -> None:
    """Without Enter."""
    got: asyncio.Queue[str] = asyncio.Queue()

    with keys.keys(got.put_nowait):
        terminal.write(b"pq")
        pressed = [await asyncio.wait_for(got.get(), 10) for _ in range(2)]

    assert pressed == ["p", "q"]


async def drawn_on(out: io.StringIO, text: str) -> None:
    """Return when the terminal shows a text."""
    while text not in out.getvalue():  # noqa: ASYNC110  # and no event
        await asyncio.sleep(0.01)  # a terminal has no event to wait for


async def test_p_holds_the_page_and_q_ends_it(terminal: Any) -> None:
    """The page is drawn on the alternate screen, which is left at the end."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system=None)
    watching = asyncio.create_task(watch.live(Server(answer(10.0), answer(11.0)), console, interval_s=0.01))
    async with asyncio.timeout(20):
        await drawn_on(out, "messages/s")
        terminal.write(b"p")
        await drawn_on(out, "PAUSED")
        terminal.write(b"q")
        await watching

    assert "\x1b[?1049h" in out.getvalue()
    assert "\x1b[?1049l" in out.getvalue()


@pytest.mark.parametrize("arguments", [("--interval", "0"), ("--interval", "x"), ("--onec",)])
def test_mistakes_of_the_command_line(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the option is named."""
    monkeypatch.setattr(sys, "argv", ["pingme", "top", *arguments])

    with pytest.raises(SystemExit) as leaving:
        main()

    assert leaving.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_without_a_server_once_is_an_error(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one line."""
    monkeypatch.setenv("PINGME_APP__DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["pingme", "top", "--once"])

    with pytest.raises(SystemExit) as leaving:
        main()

    assert leaving.value.code == 1
    assert "no server runs on the data folder" in capsys.readouterr().err
