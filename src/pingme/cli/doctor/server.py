"""The running server, if one runs here, and the ports that it has or would take."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pingme
from pingme.adapters.data_lock import holder_of
from pingme.cli.admin import CallFailed, NoAnswer, NoServer, call_server
from pingme.cli.doctor.findings import Finding, fail, ok, size, warn
from pingme.config import Settings
from pingme.domain.errors import PingMeError

ANSWER_WITHIN_S = 5.0  # the loop of a server that works is never late for that long
COMMIT_WARN_S = 0.5  # as the alerts of docs/operations.md
LAG_WARN_S = 0.2
FULL_WARN = 0.5  # of the message log's bound
FILES_WARN = 0.8


@dataclass(frozen=True, slots=True)
class Running:
    """What is known of a server on the data folder.

    Attributes:
        status: its answer to `server.status`; None when none runs, or it does not answer.
        silent: why there is no answer although something seems to run; "" otherwise.
        pid: of the process that holds the folder; 0 = nobody.
    """

    status: Mapping[str, Any] | None = None
    silent: str = ""
    pid: int = 0


def ask_server(settings: Settings) -> Running:
    """Ask the server of this data folder, if one runs; nothing is locked or made."""
    try:
        status = asyncio.run(call_server(settings, "server.status", {}, answer_within_s=ANSWER_WITHIN_S))
        return Running(status, pid=int(status["pid"]))
    except (NoServer, NoAnswer) as exc:
        pid = holder_of(settings.data_dir)
        if isinstance(exc, NoAnswer):
            return Running(None, str(exc), pid)
        return Running(None, f"process {pid} holds the data folder but does not answer" if pid else "", pid)
    except CallFailed:  # an older server, which does not know the call
        pid = holder_of(settings.data_dir)
        return Running(None, f"the server (pid {pid}) is older than this command; restart it", pid)
    except PingMeError as exc:
        return Running(None, str(exc), holder_of(settings.data_dir))


def check_server(running: Running) -> Iterator[Finding]:
    """Tell how the running server is, by its own word."""
    status = running.status
    if status is None:
        if running.silent:
            fix = (
                f"wait a moment, then look at it: ps -fp {running.pid}" if running.pid else "look at its log"
            )
            yield warn("server.answers", running.silent, fix)
        else:
            yield ok("server.answers", "no server runs on this data folder")
        return
    up = f"up {status['uptime_s'] / 3600:.1f} h, {status['gauges']['connections']} connections"
    yield ok("server.answers", f"{status['name']} {status['version']} runs (pid {status['pid']}, {up})")
    if status["version"] != pingme.__version__:
        text = f"it runs {status['version']}, and {pingme.__version__} is installed"
        yield warn("server.version", text, "restart it")
    if status["not_ready"]:
        yield warn(
            "server.ready", f"it takes no traffic: {status['not_ready']}", "wait, then look at its log"
        )
    for name, part in status["components"].items():
        if part["status"] != "healthy":
            make = fail if part["status"] == "unhealthy" else warn
            yield make(
                "server.health",
                f"{name} is {part['status']}: {part['detail']}",
                "see docs/operations.md, Health",
            )
    yield from _load(status)


def _load(status: Mapping[str, Any]) -> Iterator[Finding]:
    gauges, process = status["gauges"], status["process"]
    if gauges["dead_letters"]:
        text = f"{gauges['dead_letters']} dead letters wait for you"
        yield warn("server.dead_letters", text, "pingme dlq list")
    if gauges["log_depth"] > FULL_WARN * gauges["log_limit"]:
        text = f"{gauges['log_depth']} commands wait to be stored, of {gauges['log_limit']} at most"
        yield warn("server.backlog", text, "pingme top, and see the disk")
    if process["open_files"] and process["open_files"] > FILES_WARN * process["open_files_limit"]:
        text = f"{process['open_files']} of {process['open_files_limit']} open files are used"
        yield warn("server.files", text, "restart it after: ulimit -n 65536")
    times = status["histograms"]
    commit, lag = quantile(times["commit_seconds"], 0.99), quantile(times["loop_lag_seconds"], 0.99)
    text = (
        f"since its start: commits p99 ≤ {commit * 1000:.0f} ms, event loop late p99 ≤ {lag * 1000:.0f} ms; "
        f"memory {size(process['rss_bytes'])}, {status['loop']}"
    )
    if commit > COMMIT_WARN_S or lag > LAG_WARN_S:
        yield warn("server.speed", text, "pingme top, and see what else the machine does")
    else:
        yield ok("server.speed", text)


def quantile(histogram: Mapping[str, Sequence[float]], share: float) -> float:
    """Return the bound of the bucket in which a share of all values ends; 0 without values, inf above the last."""
    counts, bounds = histogram["counts"], histogram["bounds"]
    if not counts or not counts[-1]:
        return 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count >= share * counts[-1]:
            return bound
    return float("inf")


# Ports.


def check_ports(settings: Settings, running: Running) -> Iterator[Finding]:
    """Tell whether the ports are free, this server's, or somebody else's."""
    app, metrics = settings.app, settings.metrics
    status = running.status
    serving = status["listening"][1] if status else 0
    measuring = status["metrics"][1] if status and status["metrics"] else 0
    if app.port == 0:
        yield ok("ports.app", f"any free port (now {serving})" if serving else "any free port (app.port 0)")
    elif serving == app.port:
        yield ok("ports.app", f"{app.host}:{app.port} is held by this server (pid {running.pid})")
    else:
        yield _port("ports.app", "APP_PORT", app.host, app.port, required=True, mine=running.pid)
        if serving:
            text = f"the running server has port {serving}, the settings say {app.port}"
            yield warn("ports.app", text, "restart it, or run this with the settings of the server")
    if metrics.port == 0:
        yield ok("ports.metrics", "/metrics is off (metrics.port 0)")
    elif measuring == metrics.port:
        yield ok("ports.metrics", f"{metrics.host}:{metrics.port} is held by this server (pid {running.pid})")
    else:
        required = app.env == "production"
        name = "PINGME_METRICS__PORT"
        yield _port("ports.metrics", name, metrics.host, metrics.port, required=required, mine=running.pid)


def _port(check: str, variable: str, host: str, port: int, *, required: bool, mine: int) -> Finding:
    """Return whether a port could be had now; it is taken for a moment, as the server takes it, and never listens.

    Args:
        check: the name of the finding.
        variable: what sets the port.
        host: where to try it.
        port: which.
        required: True makes it a fault that it cannot be had.
        mine: the process that holds the data folder, 0 = none: the port may be its.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        why = _why_not(port, exc)
        if mine and f"(pid {mine})" in why:
            return ok(check, f"{host}:{port} is held by this server (pid {mine})")
        make = fail if required else warn
        return make(check, f"{host}:{port}: {why}", _other_port(variable, port, exc))
    return ok(check, f"{host}:{port} is free")


def _why_not(port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return str(error.strerror or error)
    from pingme.bootstrap.port_owner import owner_of_port  # noqa: PLC0415  # loads the server; only in this case

    owner = owner_of_port(port)
    return f"taken by {owner}" if owner else "taken, by whom cannot be seen (another user's process?)"


def _other_port(variable: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            "APP_HOST=0.0.0.0, or an address of this machine"
            if variable == "APP_PORT"
            else "metrics.host: 127.0.0.1"
        )
    other = 8080 if error.errno == errno.EACCES or port == 65_535 else port + 1
    return f"{variable}={other}, or stop that process"
