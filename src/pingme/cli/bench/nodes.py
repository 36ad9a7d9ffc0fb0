"""The servers of a run seen as one, and the engines' processes beside them where they run on this machine."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pingme.bootstrap.port_owner import pids_of_port
from pingme.cli.bench.engines import Engines
from pingme.cli.bench.kafka_group import wait_for_partitions
from pingme.cli.bench.probe import Counts, Probe, kafka_requests_of
from pingme.cli.bench.server import LIMITS_OFF, BenchServer, Cores, Sample, sample_of


class Nodes:
    """Servers that run.

    Args:
        servers: at least one.
        others: processes of engines, by what the report calls them.
        probe: asks the engines what they have counted; None without a configuration.
    """

    def __init__(
        self,
        servers: Sequence[BenchServer],
        *,
        others: Mapping[str, int] | None = None,
        probe: Probe | None = None,
    ) -> None:
        self._servers = servers
        self._others = dict(others or {})
        self._probe = probe

    @property
    def urls(self) -> Sequence[str]:
        """Of the WebSocket of each node."""
        return [server.url for server in self._servers]

    def samples(self) -> dict[str, Sample]:
        """Return what each process has used, nodes first; an engine that is gone is left out.

        Raises:
            PingMeError: a node has ended.
        """
        found = {f"node {place}": server.sample() for place, server in enumerate(self._servers, start=1)}
        for name, pid in self._others.items():
            with contextlib.suppress(OSError):
                found[name] = sample_of(pid)
        return found

    def together(self, samples: Mapping[str, Sample]) -> Sample:
        """Return what all nodes have used."""
        mine = [sample for name, sample in samples.items() if name not in self._others]
        return Sample(mine[-1].at_s, sum(each.cpu_s for each in mine), sum(each.rss_bytes for each in mine))

    def peak_rss_bytes(self) -> int:
        """Return the largest resident memory of each node so far, added up."""
        return sum(server.peak_rss_bytes() for server in self._servers)

    def metrics(self) -> dict[str, float]:
        """Return the samples of `/metrics` of all nodes, added up."""
        total: dict[str, float] = {}
        for server in self._servers:
            for name, value in server.metrics().items():
                total[name] = total.get(name, 0) + value
        return total

    def counts(self, metrics: Mapping[str, float]) -> Counts:
        """Return what the engines have counted, and what the nodes have asked of Kafka."""
        if self._probe is None:
            return {}
        requests = kafka_requests_of(metrics)
        return self._probe.counts() | ({"kafka": requests} if requests else {})


@contextlib.contextmanager
def serving(
    folders: Sequence[Path], *, cores: Cores, command: str, engines: Engines | None = None
) -> Iterator[Nodes]:
    """Start a node on each data folder, one after the other; the block gets them.

    Raises:
        PingMeError: one of them does not start, or an engine cannot be reached.
    """
    env = None if engines is None else engines.node_env() | LIMITS_OFF
    with contextlib.ExitStack() as stack:
        probe = None if engines is None else stack.enter_context(Probe(engines))
        others = {} if engines is None else engine_processes(engines)
        servers = [
            stack.enter_context(BenchServer(folder, cores=cores, command=command, base=env))
            for folder in folders
        ]
        if engines is not None and engines.topics:
            wait_for_partitions(engines, len(servers))
        yield Nodes(servers, others=others, probe=probe)


def engine_processes(engines: Engines) -> dict[str, int]:
    """Return the processes of the engines that run here and may be looked at, by the name that the report gives them."""
    settings = engines.settings
    places: dict[str, tuple[str, int]] = {}
    if settings.database.host is not None:
        places["MySQL"] = (settings.database.host, settings.database.port)
    if settings.redis.host is not None:
        places["Redis"] = (settings.redis.host, settings.redis.port)
    for number, broker in enumerate(settings.kafka.brokers, start=1):
        name, (address, _, digits) = "Kafka", broker.rpartition(":")
        places[f"{name} {number}" if len(settings.kafka.brokers) > 1 else name] = (address, int(digits))
    found = {}
    for name, (host, port) in places.items():
        pids = pids_of_port(port) if _is_here(host) else ()
        if pids:
            found[name] = pids[0]
    return found


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
