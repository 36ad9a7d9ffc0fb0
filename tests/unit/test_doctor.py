"""What each check of `pingme doctor` finds."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pingme.adapters.data_lock import DataLock
from pingme.adapters.disk_probe import FsyncTimes
from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_schema import STEPS, new_epoch, upgrade_schema
from pingme.cli.doctor import database, engines, folder, machine, server, settings
from pingme.cli.doctor.findings import Finding, ok, run_checks, size, worst
from pingme.cli.doctor.server import Running
from pingme.config import (
    AppSettings,
    KafkaSettings,
    Loaded,
    MetricsSettings,
    RedisSettings,
    Settings,
    load_with_sources,
)
from pingme.config.limits import LimitsSettings

GOOD_SECRET = "q8Zr5tLw2XhV7nKd0pYc4sBm9fJg6uTa"


def by_check(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the findings by name, the last of each."""
    return {each.check: each for each in findings}


def statuses(findings: Iterable[Finding]) -> dict[str, str]:
    return {each.check: each.status for each in findings}


def loaded(tmp_path: Path, text: str = "", **environ: str) -> Loaded:
    """Load settings from a file with this text."""
    file = tmp_path / "pingme.yml"
    file.write_text(text, encoding="utf-8")
    environ.setdefault("PINGME_APP__DATA_DIR", str(tmp_path / "data"))
    return load_with_sources(environ=environ, path=file)


def with_data(data: Path, **app: Any) -> Settings:
    return Settings(app=AppSettings(data_dir=data, **app))


# Findings.


def test_a_check_that_breaks_is_a_finding_and_the_next_one_runs() -> None:
    """A broken machine is told of, not broken on."""

    def breaks() -> Iterator[Finding]:
        yield ok("a.first", "fine")
        raise OSError(5, "Input/output error")

    found = list(run_checks([("a", breaks), ("b", lambda: [ok("b", "fine")])]))

    assert [(each.check, each.status) for each in found] == [("a.first", "ok"), ("a", "fail"), ("b", "ok")]
    assert "Input/output error" in found[1].text
    assert worst(found) == "fail"
    assert worst([]) == "ok"


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")]
)
def test_sizes_are_for_people(count: int, shown: str) -> None:
    """In the largest unit of which there is one."""
    assert size(count) == shown


# Settings.


def test_a_variable_that_resembles_a_setting_is_pointed_out(tmp_path: Path) -> None:
    """APP_PROT is not read, and nobody would notice; DB_URL is somebody else's."""
    environ = {"APP_PROT": "1", "DB_URL": "x", "APP_PORT": "8081"}

    found = [each for each in settings.check_settings(loaded(tmp_path, APP_PORT="8081"), environ) if each.fix]

    assert [(each.check, each.status) for each in found] == [("settings.environment", "warn")]
    assert "APP_PROT" in found[0].text
    assert "APP_PORT" in found[0].fix


def test_a_secret_is_judged_by_its_strength(tmp_path: Path) -> None:
    """A weak one is a warning here and refused in production; none is made by the server itself."""
    none = statuses(settings.check_secrets(loaded(tmp_path)))
    weak = by_check(settings.check_secrets(loaded(tmp_path, JWT_SECRET="short")))
    good = statuses(settings.check_secrets(loaded(tmp_path, JWT_SECRET=GOOD_SECRET)))

    assert none == good == {"secrets.jwt": "ok"}
    assert weak["secrets.jwt"].status == "warn"
    assert "openssl" in weak["secrets.jwt"].fix
    assert "short" not in weak["secrets.jwt"].text


def test_a_kept_secret_that_is_cut_off_is_a_fault(tmp_path: Path) -> None:
    """The server would refuse to start with it."""
    got = loaded(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jwt.secret").write_text("short\n")

    assert statuses(settings.check_secrets(got)) == {"secrets.jwt": "fail"}


@pytest.mark.parametrize(("mode", "status"), [(0o644, "warn"), (0o600, "ok")])
def test_a_file_with_a_secret_is_its_owners_alone(tmp_path: Path, mode: int, status: str) -> None:
    """Others could make tokens for anybody."""
    got = loaded(tmp_path, f"jwt:\n  secret: {GOOD_SECRET}\n")
    assert got.file is not None
    got.file.chmod(mode)

    assert statuses(settings.check_secrets(got))["secrets.file"] == status


@pytest.mark.parametrize(
    ("app", "check"),
    [
        ({"host": "0.0.0.0"}, "exposure.tls"),
        ({"host": "127.0.0.1"}, "exposure.proxy"),
        ({"host": "127.0.0.1", "trusted_proxies": ("0.0.0.0/0",)}, "exposure.proxy"),
        (
            {"host": "127.0.0.1", "trusted_proxies": ("127.0.0.1",), "allowed_origins": ("*",)},
            "exposure.origins",
        ),
    ],
)
def test_production_is_looked_at_from_outside(app: dict[str, Any], check: str) -> None:
    """No TLS, nobody who tells addresses, anybody who tells them, pages of any site."""
    chosen = Settings(app=AppSettings(env="production", **app))

    assert statuses(settings.check_exposure(chosen))[check] == "warn"


def test_a_good_production_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy on this machine, with bounds, as a user of its own."""
    monkeypatch.setattr(settings.os, "geteuid", lambda: 1_000)
    app = AppSettings(env="production", host="127.0.0.1", trusted_proxies=("127.0.0.1",))

    assert statuses(settings.check_exposure(Settings(app=app))) == {"exposure": "ok"}


def test_no_bounds_and_open_metrics_are_pointed_out() -> None:
    """What benchmarks set is not for production."""
    chosen = Settings(
        app=AppSettings(env="production", host="127.0.0.1", trusted_proxies=("127.0.0.1",)),
        limits=LimitsSettings(sends_per_s=0),
        metrics=MetricsSettings(host="0.0.0.0"),
    )

    found = statuses(settings.check_exposure(chosen))

    assert (found["exposure.limits"], found["exposure.metrics"]) == ("warn", "warn")


# The data folder and its disk.


def test_a_folder_of_ones_own_is_fine(tmp_path: Path) -> None:
    """Mode 0700, files 0600."""
    data = tmp_path / "data"
    data.mkdir(0o700)
    (data / "pingme.db").touch(0o600)

    assert statuses(folder.check_folder(with_data(data))) == {"folder.mode": "ok", "folder.files": "ok"}


def test_open_modes_are_repaired_by_the_named_command(tmp_path: Path) -> None:
    """In an open folder an open secret is a fault, in a closed one a warning."""
    data = tmp_path / "data"
    data.mkdir(0o700)
    secret = data / "jwt.secret"
    secret.touch()
    secret.chmod(0o644)

    closed = by_check(folder.check_folder(with_data(data)))
    data.chmod(0o755)
    opened = by_check(folder.check_folder(with_data(data)))

    assert (closed["folder.mode"].status, closed["folder.files"].status) == ("ok", "warn")
    assert (opened["folder.mode"].status, opened["folder.files"].status) == ("warn", "fail")
    assert opened["folder.mode"].fix == f"chmod 700 {data}"
    assert opened["folder.files"].fix == f"chmod 600 {secret}"


def test_a_folder_to_be_made_needs_a_place(tmp_path: Path) -> None:
    """A file in the way is a fault, a missing folder is not."""
    (tmp_path / "file").touch()

    assert statuses(folder.check_folder(with_data(tmp_path / "new" / "data"))) == {"folder.exists": "ok"}
    assert statuses(folder.check_folder(with_data(tmp_path / "file"))) == {"folder.exists": "fail"}


@pytest.mark.parametrize(
    ("free_bytes", "inodes", "expected"),
    [
        (10 << 30, 100_000, {"disk.space": "ok", "disk.inodes": "ok"}),
        (100 << 20, 100_000, {"disk.space": "warn", "disk.inodes": "ok"}),
        (1 << 20, 10, {"disk.space": "fail", "disk.inodes": "warn"}),
    ],
)
def test_space_and_inodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, inodes: int, expected: dict[str, str]
) -> None:
    """A disk that is nearly full is told of before it refuses sends."""
    facts = os.statvfs_result((4096, 4096, 1 << 30, 0, free_bytes // 4096, 1 << 20, 0, inodes, 0, 255))
    monkeypatch.setattr(folder.os, "statvfs", lambda _: facts)
    monkeypatch.setattr(folder, "file_system_of", lambda _: "ext4")

    assert statuses(folder.check_disk(with_data(tmp_path))) == expected


@pytest.mark.parametrize(("kind", "status"), [("nfs4", "fail"), ("tmpfs", "warn")])
def test_a_disk_that_keeps_no_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, status: str
) -> None:
    """Network file systems lose locks, memory loses everything."""
    monkeypatch.setattr(folder, "file_system_of", lambda _: kind)

    assert statuses(folder.check_disk(with_data(tmp_path)))["disk.kind"] == status


def test_the_longest_mount_point_holds_a_folder(tmp_path: Path) -> None:
    r"""Spaces are written as \040; a later line of the same place is on top."""
    mounts = tmp_path / "mounts"
    (tmp_path / "a b" / "c").mkdir(parents=True)
    place = str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(f"root / ext4 rw 0 0\nx {place} ext3 rw 0 0\nserver:/x {place} nfs4 rw 0 0\n")

    assert folder.file_system_of(tmp_path / "a b" / "c", mounts) == "nfs4"
    assert folder.file_system_of(tmp_path, mounts) == "ext4"
    assert folder.file_system_of(tmp_path, tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("p50_ms", "p99_ms", "status"), [(0.2, 3.0, "ok"), (8.0, 400.0, "warn"), (0.002, 0.004, "warn")]
)
def test_times_of_the_disk_are_judged(tmp_path: Path, p50_ms: float, p99_ms: float, status: str) -> None:
    """A slow disk is felt by everybody, one without any time keeps nothing."""
    finding = folder.judge_fsync(FsyncTimes(100, p50_ms, p99_ms, p99_ms), tmp_path)

    assert finding.status == status
    assert bool(finding.fix) == (status != "ok")


def test_a_folder_that_takes_no_file_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the disk is what is told."""

    def full(*_: object, **__: object) -> FsyncTimes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "measure_fsync", full)

    found = by_check(folder.check_fsync(with_data(tmp_path)))

    assert found["disk.fsync"].status == "fail"
    assert "No space left" in found["disk.fsync"].text


# SQLite and the store.


def test_this_sqlite_has_what_the_store_needs() -> None:
    """The tests of the store run here, so nothing may be missing."""
    assert database.missing_features() == []


def test_a_missing_feature_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement that cannot be run names its feature."""
    monkeypatch.setattr(database, "FEATURES", (("TELEPATHY", "SELECT guess()"),))

    found = by_check(database.check_sqlite())

    assert found["sqlite.features"].status == "fail"
    assert "TELEPATHY" in found["sqlite.features"].text


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 50, 6), True), ((3, 50, 7), False),
        ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False),
    ],
)  # fmt: skip
def test_versions_with_the_reset_bug(version: tuple[int, ...], has: bool) -> None:
    """Repaired in 3.51.3, and in patches of 3.44 and 3.50."""
    assert database.has_reset_bug(version) is has


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A data folder with a store of the present schema, closed well."""
    data = tmp_path / "data"
    data.mkdir(0o700)
    with contextlib.closing(connect(data / "pingme.db")) as opened:
        upgrade_schema(opened)
        new_epoch(opened, keep=True)
    return data


def contents(data: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in data.iterdir()}


def test_a_good_store_is_read_without_a_trace(store: Path) -> None:
    """Schema, structure and size are told; the folder is byte for byte what it was."""
    before = contents(store)

    found = statuses(database.check_database(with_data(store), server_runs=False))

    assert found == {"database.size": "ok", "database.schema": "ok", "database.integrity": "ok"}
    assert contents(store) == before


def test_a_store_in_use_is_read_beside_its_writer(store: Path) -> None:
    """What the writer has committed is seen; files do not come or go."""
    with contextlib.closing(connect(store / "pingme.db")) as writer:
        writer.execute("INSERT INTO meta (key, value) VALUES ('x', 1)")
        before = sorted(contents(store))

        found = statuses(database.check_database(with_data(store), server_runs=True))

        assert found["database.integrity"] == "ok"
        assert sorted(contents(store)) == before


def test_a_store_left_in_the_middle_is_left_alone(store: Path) -> None:
    """A log without its shared memory is repaired by the next start, not by a look."""
    (store / "pingme.db-wal").write_bytes(b"x" * 100)
    before = contents(store)

    found = by_check(database.check_database(with_data(store), server_runs=False))

    assert "next start" in found["database.schema"].text
    assert contents(store) == before


@pytest.mark.parametrize(("version", "status"), [(len(STEPS) + 1, "fail"), (0, "warn")])
def test_the_schema_of_another_version(store: Path, version: int, status: str) -> None:
    """A newer one cannot be used; an older one is brought up, after a backup."""
    with contextlib.closing(connect(store / "pingme.db")) as opened:
        opened.execute(f"PRAGMA user_version={version}")

    found = statuses(database.check_database(with_data(store), server_runs=False))

    assert found["database.schema"] == status


def test_a_damaged_store_is_a_fault(store: Path) -> None:
    """Pages overwritten with nonsense are found by the quick check, a file that is none by opening it."""
    path = store / "pingme.db"
    raw = bytearray(path.read_bytes())
    raw[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    path.write_bytes(raw)
    damaged = statuses(database.check_database(with_data(store), server_runs=False))
    path.write_bytes(b"no database" * 1_000)
    nonsense = statuses(database.check_database(with_data(store), server_runs=False))

    assert "fail" in damaged.values()
    assert nonsense["database.readable"] == "fail"


def test_a_long_check_ends_at_its_budget(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it has not seen everything, and which command does."""
    with contextlib.closing(connect(store / "pingme.db")) as opened:
        opened.executemany("INSERT INTO meta VALUES (?, 1)", [(f"key {number}",) for number in range(500)])
    monkeypatch.setattr(database, "CHECK_BUDGET_S", -1.0)
    monkeypatch.setattr(database, "OPCODES", 1)

    found = by_check(database.check_database(with_data(store), server_runs=False))

    assert "pingme db verify" in found["database.integrity"].text
    assert "first" in found["database.integrity"].text


def test_a_large_log_means_that_checkpoints_do_not_get_through(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some reader holds it, or the disk is slow."""
    (store / "pingme.db-wal").write_bytes(b"x" * 200)
    monkeypatch.setattr(database, "WAL_WARN", 100)

    assert statuses(database.check_database(with_data(store), server_runs=True))["database.size"] == "warn"


def test_a_clock_behind_the_newest_event_is_told(store: Path) -> None:
    """An event from an hour ahead: the clock was set back."""
    with contextlib.closing(connect(store / "pingme.db")) as opened:
        opened.execute(
            "INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, digest, hash, body) "
            "VALUES (1, 1, 1, 0, 1, 'm', 4102444800000, x'00', x'00', '{}')"
        )

    found = by_check(database.check_database(with_data(store), server_runs=False))

    assert found["machine.clock"].status == "warn"


# The machine and the libraries.


@pytest.mark.parametrize(
    ("files", "env", "status"),
    [(256, "development", "warn"), (1_024, "development", "ok"), (1_024, "production", "warn"),
     (200_000, "production", "ok")],
)  # fmt: skip
def test_open_files_against_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, env: Any, status: str
) -> None:
    """Production needs what limits.connections allows, development a few hundred."""
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (files, resource.RLIM_INFINITY))

    found = by_check(machine.check_files(Settings(app=AppSettings(env=env))))

    assert found["machine.files"].status == status
    assert ("ulimit -n 100064" in found["machine.files"].fix) == (status != "ok")


def test_memory_of_a_container_is_what_its_limit_leaves(tmp_path: Path) -> None:
    """The smaller of the machine's and the group's; no limit is called max."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4096 kB\n")
    assert machine.available_memory(tmp_path) == 4 << 20

    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1048576\n")
    (group / "memory.current").write_text("48576\n")
    assert machine.available_memory(tmp_path) == 1_000_000

    (group / "memory.max").write_text("max\n")
    assert machine.available_memory(tmp_path) == 4 << 20
    assert machine.available_memory(tmp_path / "none") is None


def test_a_clock_before_the_release_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens made then are not good now."""
    assert statuses(machine.check_clock()) == {"machine.clock": "ok"}

    monkeypatch.setattr(machine.time, "time", lambda: 0.0)

    assert statuses(machine.check_clock()) == {"machine.clock": "fail"}


def test_a_late_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a twentieth of a second something else has the machine."""

    async def late() -> float:
        return 80.0

    monkeypatch.setattr(machine, "_lateness_ms", late)

    assert statuses(machine.check_loop()) == {"machine.loop": "warn"}


@pytest.mark.parametrize(
    ("requirement", "name", "asked"),
    [
        ("picows<2.4,>=2.3", "picows", "<2.4,>=2.3"),
        ('uvloop>=0.21; sys_platform != "win32"', "uvloop", ">=0.21"),
        ("httpx[http2] (>=0.28)", "httpx", ">=0.28"),
        ("PyYAML", "PyYAML", ""),
    ],
)
def test_requirements_are_read(requirement: str, name: str, asked: str) -> None:
    """In the forms in which metadata writes them."""
    assert machine.parse_requirement(requirement) == (name, asked)


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("2.3", True),
        ("2.3.1", True),
        ("2.3.9rc1", True),
        ("2.4.0", False),
        ("2.2.99", False),
        ("10.0", False),
    ],
)
def test_versions_are_compared_by_number(version: str, fits: bool) -> None:
    """2.3 is 2.3.x: the pinned minor of what is built on directly."""
    assert machine.satisfies(version, "<2.4,>=2.3") is fits


def test_what_is_installed_here_is_what_is_asked_for() -> None:
    """The environment of the tests is a good one; a library that is not there is named with its command."""
    assert {each.status for each in machine.check_python()} == {"ok"}

    missing = list(machine._libraries(["no-such-library>=1", "picows>=99"]))

    assert [each.status for each in missing] == ["fail", "fail"]
    assert missing[0].fix == "pip install 'no-such-library>=1'"
    assert "asks for >=99" in missing[1].text


def test_a_library_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without picows the server is slower, without httptools there is none."""

    def broken(name: str) -> object:
        raise ImportError(f"{name}.so: no such file")

    monkeypatch.setattr(machine.importlib, "import_module", broken)

    findings = list(machine._fast_ones())

    found = [(each.status, each.text.split()[0]) for each in findings]
    assert found == [("warn", "uvloop"), ("warn", "picows"), ("fail", "httptools")]
    assert "PingMe's own reader of frames in plain Python serves" in findings[1].text


# The server and the ports.

STATUS: dict[str, Any] = {
    "version": server.pingme.__version__,
    "name": "PingMe",
    "pid": 4242,
    "uptime_s": 7_200.0,
    "loop": "uvloop",
    "listening": ["127.0.0.1", 8080],
    "metrics": ["127.0.0.1", 9090],
    "not_ready": "",
    "components": {"store": {"status": "healthy", "detail": ""}},
    "gauges": {"connections": 3, "dead_letters": 0, "log_depth": 0, "log_limit": 100},
    "process": {"rss_bytes": 50 << 20, "open_files": 10, "open_files_limit": 1_024},
    "histograms": {
        "commit_seconds": {"bounds": [0.01, 1.0], "counts": [100, 100, 100]},
        "loop_lag_seconds": {"bounds": [0.01, 1.0], "counts": [100, 100, 100]},
    },
}


def test_a_healthy_server_is_fine() -> None:
    """What it says of itself is shown."""
    found = by_check(server.check_server(Running(STATUS, pid=4242)))

    assert statuses(found.values()) == {"server.answers": "ok", "server.speed": "ok"}
    assert "pid 4242, up 2.0 h, 3 connections" in found["server.answers"].text


@pytest.mark.parametrize(
    ("change", "check", "status"),
    [
        ({"version": "0.0.1"}, "server.version", "warn"),
        ({"not_ready": "draining"}, "server.ready", "warn"),
        ({"components": {"store": {"status": "unhealthy", "detail": "disk is full"}}}, "server.health", "fail"),
        ({"components": {"log": {"status": "degraded", "detail": "full"}}}, "server.health", "warn"),
        ({"gauges": STATUS["gauges"] | {"dead_letters": 2}}, "server.dead_letters", "warn"),
        ({"gauges": STATUS["gauges"] | {"log_depth": 60}}, "server.backlog", "warn"),
        ({"process": STATUS["process"] | {"open_files": 1_000}}, "server.files", "warn"),
        (
            {"histograms": STATUS["histograms"]
             | {"commit_seconds": {"bounds": [0.01, 1.0], "counts": [90, 100, 100]}}},
            "server.speed", "warn",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_running_server(change: dict[str, Any], check: str, status: str) -> None:
    """Each trouble has its finding and what to do."""
    found = by_check(server.check_server(Running(STATUS | change, pid=4242)))

    assert found[check].status == status
    assert found[check].fix


def test_a_holder_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """The lock is held and there is no socket; an id that a dead holder left is nobody's, whoever has it now."""
    with DataLock(tmp_path):
        silent = server.ask_server(with_data(tmp_path))
    (tmp_path / "pingme.lock").write_text(f"{os.getpid()}\n")
    nobody = server.ask_server(with_data(tmp_path))

    assert (silent.pid, statuses(server.check_server(silent))) == (os.getpid(), {"server.answers": "warn"})
    assert (nobody.pid, statuses(server.check_server(nobody))) == (0, {"server.answers": "ok"})


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0, 0, 0], 0.0), ([99, 100, 100], 0.01), ([98, 100, 100], 1.0), ([0, 0, 100], float("inf"))],
)
def test_quantiles_of_buckets(counts: list[float], expected: float) -> None:
    """The bound of the bucket in which the share ends."""
    assert server.quantile({"bounds": [0.01, 1.0], "counts": counts}, 0.99) == expected


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_names_who_has_it(taken: int) -> None:
    """The port of clients is a fault; that of the figures is one in production only."""
    chosen = Settings(
        app=AppSettings(host="127.0.0.1", port=taken), metrics=MetricsSettings(host="127.0.0.1", port=taken)
    )
    strict = chosen.model_copy(update={"app": chosen.app.model_copy(update={"env": "production"})})

    found = by_check(server.check_ports(chosen, Running()))

    assert (found["ports.app"].status, found["ports.metrics"].status) == ("fail", "warn")
    assert f"(pid {os.getpid()})" in found["ports.app"].text or not Path("/proc/net/tcp").exists()
    assert f"APP_PORT={taken + 1}" in found["ports.app"].fix
    assert statuses(server.check_ports(strict, Running()))["ports.metrics"] == "fail"


def test_the_port_of_a_server_that_hangs_is_its_own(taken: int) -> None:
    """Another port would not help: its process holds the data folder, too."""
    chosen = with_data(Path("/nowhere"), host="127.0.0.1", port=taken)

    found = by_check(server.check_ports(chosen, Running(None, "it does not answer", os.getpid())))

    assert found["ports.app"].status == "ok" or not Path("/proc/net/tcp").exists()


def test_ports_of_the_running_server_are_its_own() -> None:
    """Nothing is tried where the server says that it listens; another port than set is told."""
    mine = statuses(server.check_ports(Settings(), Running(STATUS, pid=4242)))
    moved = Settings(app=AppSettings(host="127.0.0.1", port=1), metrics=MetricsSettings(port=0))
    other = [
        each.text
        for each in server.check_ports(moved, Running(STATUS, pid=4242))
        if each.check == "ports.app" and "8080" in each.text
    ]

    assert mine == {"ports.app": "ok", "ports.metrics": "ok"}
    assert other == ["the running server has port 8080, the settings say 1"]


def test_free_and_unused_ports() -> None:
    """0 is any free port, and for the figures none at all."""
    chosen = Settings(app=AppSettings(host="127.0.0.1", port=0), metrics=MetricsSettings(port=0))

    assert statuses(server.check_ports(chosen, Running())) == {"ports.app": "ok", "ports.metrics": "ok"}


def test_an_address_of_another_machine_cannot_be_had() -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    found = by_check(server.check_ports(Settings(app=AppSettings(host="192.0.2.1", port=8080)), Running()))

    assert found["ports.app"].status == "fail"
    assert "APP_HOST" in found["ports.app"].fix


def test_sqlite_errors_of_another_kind_are_not_hidden(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the interruption by the budget ends the quick check quietly."""

    class Broken:
        def set_progress_handler(self, *_: object) -> None:
            pass

        def execute(self, _sql: str) -> object:
            raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
        database._quick_check(Broken(), store)  # type: ignore[arg-type]  # what it needs of a connection


def test_a_server_that_hangs_holds_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing: a finding, not a command that hangs, too."""
    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.05)
    with DataLock(tmp_path), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "admin.sock"))
        listener.listen()
        hung = server.ask_server(with_data(tmp_path))

    assert hung.pid == os.getpid()
    assert "but does not answer" in hung.silent


def test_another_users_folder_has_one_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not look into it is told as whom to look; its owner, and root, look themselves."""
    mine = folder.check_stranger(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    root = folder.check_stranger(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = folder.check_stranger(tmp_path / "data")
    absent = folder.check_stranger(tmp_path)

    assert (mine, root, found) == (None, None, None)
    assert absent is not None
    assert (absent.check, absent.status) == ("folder.owner", "fail")
    assert absent.fix.startswith("sudo -u ")


def test_engines_elsewhere_are_asked(taken: int) -> None:
    """Without them nothing is said; one that is away is a fault, and one broker of several a warning."""
    redis = Settings(redis=RedisSettings(host="127.0.0.1", port=1))
    kafka = Settings(kafka=KafkaSettings(brokers=("127.0.0.1:1",)))
    some = Settings(kafka=KafkaSettings(brokers=("127.0.0.1:1", f"127.0.0.1:{taken}")))
    there = Settings(kafka=KafkaSettings(brokers=(f"127.0.0.1:{taken}",)))

    assert list(engines.check_engines(Settings())) == []
    assert statuses(engines.check_engines(redis)) == {"engines.redis": "fail"}
    assert statuses(engines.check_engines(kafka)) == {"engines.kafka": "fail"}
    assert statuses(engines.check_engines(some)) == {"engines.kafka": "warn"}
    assert statuses(engines.check_engines(there)) == {"engines.kafka": "ok"}
