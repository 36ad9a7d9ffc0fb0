"""What a running server says of itself through the admin socket (`server.status`), for `pingme top` and `doctor`.

Plain values, so that any program can read them. Counters only grow, from 0 at the start: two answers and the time
between them make rates.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import Histogram

import pingme
from pingme.edge.http.system import worst
from pingme.ports.admin import AdminHandler, Progress
from pingme.services.metrics import OTHER, OTHER_CODE

if TYPE_CHECKING:
    from pingme.bootstrap.server import ServerApp

CALL = "server.status"


def status_handlers(server: ServerApp) -> Mapping[str, AdminHandler]:
    """Return ``server.status``, which takes no arguments."""
    started_ms = server.app.clock.monotonic_ms()

    async def answer(_arguments: dict[str, Any], _progress: Progress) -> object:
        await server.refresh_metrics()
        uptime_ms = server.app.clock.monotonic_ms() - started_ms
        return describe(server, uptime_s=uptime_ms / 1000)

    return {CALL: answer}


def describe(server: ServerApp, *, uptime_s: float) -> dict[str, Any]:
    """Return everything that a running server knows of itself.

    ``histograms`` have ``bounds`` in seconds (``batch_records``: records) and as many cumulative ``counts``, and one
    more for everything above the last bound.
    """
    app = server.app
    components = app.components()
    return {
        "version": pingme.__version__,
        "python": platform.python_version(),
        "name": app.settings.app.name,
        "env": app.settings.app.env,
        "pid": os.getpid(),
        "uptime_s": uptime_s,
        "now_ms": app.clock.now_ms(),
        "loop": type(app.failed.get_loop()).__module__.partition(".")[0],
        "listening": [app.settings.app.host, server.port],
        "metrics": list(server.metrics_address or ()),
        "not_ready": server.not_ready,
        "status": worst(components),
        "components": {name: asdict(part) for name, part in components.items()},
        "counters": _counters(server),
        "gauges": _gauges(server),
        "histograms": _histograms(server),
        "process": process_figures(),
    }


def _counters(server: ServerApp) -> dict[str, Any]:
    hot, state = server.app.metrics.hot, server.app.pipeline.state
    closed = sum(hot.closes.values())
    return {
        "messages_stored": hot.messages_stored,
        "duplicates": hot.duplicates,
        "deliveries": hot.deliveries,
        "frames_in": hot.frames_in,
        "bytes_out": hot.bytes_out,
        "batches": state.batches,
        "retries": state.retries,
        "dead_lettered": state.dead_lettered,
        # Every socket is closed once, so those that came are those that went and those that are here.
        "connects": closed + sum(not socket.closing for socket in server.node.sockets),
        "refused": {str(int(code)): count for code, count in hot.refused.items()},
        "closes": {
            OTHER if code == OTHER_CODE else str(int(code)): count for code, count in hot.closes.items()
        },
        "logins": dict(hot.logins),
    }


def _gauges(server: ServerApp) -> dict[str, Any]:
    app = server.app
    state = app.pipeline.state
    outage = state.outage_since_ms
    return {
        "connections": len(server.node.sockets),
        "users": server.hub.users_online(),
        "outbox_bytes": server.hub.outbox_bytes(),
        "log_depth": app.log.depth(),
        "log_limit": app.settings.limits.log_records,
        "pending_answers": len(app.pending),
        "dead_letters": int(next(iter(app.metrics.dead_letters.collect())).samples[0].value),
        "waiting_for_retry": state.parked,
        "store_away_ms": None if outage is None else app.clock.monotonic_ms() - outage,
        **app.engines.database.gauges(),
    }


def _histograms(server: ServerApp) -> dict[str, Any]:
    metrics = server.app.metrics
    return {
        "commit_seconds": _buckets(metrics.commit_seconds),
        "ack_seconds": _buckets(metrics.ack_seconds),
        "loop_lag_seconds": _buckets(metrics.loop_lag_seconds),
        "batch_records": _buckets(metrics.batch_records),
    }


def _buckets(histogram: Histogram) -> dict[str, list[float]]:
    bounds: list[float] = []
    counts: list[float] = []
    for sample in next(iter(histogram.collect())).samples:
        if not sample.name.endswith("_bucket"):
            continue
        counts.append(sample.value)
        if sample.labels["le"] != "+Inf":
            bounds.append(float(sample.labels["le"]))
    return {"bounds": bounds, "counts": counts}


def process_figures() -> dict[str, Any]:
    """Return memory, CPU time and open files of this process; ``open_files`` is None where it cannot be told."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )  # getrusage(2): bytes there, KiB elsewhere
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        resident, files = pages * resource.getpagesize(), len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return _process(peak, None)
    return _process(resident, files)


def _process(resident: int, files: int | None) -> dict[str, Any]:
    return {
        "rss_bytes": resident,
        "cpu_s": time.process_time(),
        "open_files": files,
        "open_files_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
