"""The processes of a run, each behind a proxy of its own: engines first, then servers with the environment that they give.

A service (an engine of several nodes) is anything shaped like `Service`. Between it and each server stands a proxy: the
service is started where it likes, and the variables that name its address are rewritten to the proxy's. One that tells
clients its own address has one proxy for all servers.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from tests.chaos.proxy import Proxy
from tests.chaos.schedule import LINKS
from tests.conversations.server import ServerProcess

UNLIMITED = {"PINGME_LIMITS__SENDS_PER_S": "0", "PINGME_LIMITS__HTTP_SENDS_PER_S": "0"}
ADDRESSES = (("DB_HOST", "DB_PORT"), ("REDIS_HOST", "REDIS_PORT"))
BROKERS = "KAFKA_BROKERS"
TARGET_OF = {"mariadb": "mysql"}
"""The target of a service in schedules, where it is not its name."""


class Service(Protocol):
    """An engine with throw-away data on a free loopback port."""

    name: str

    def missing(self) -> str | None:
        """Say what is not installed, or return None."""
        ...

    def start(self, folder: Path) -> None:
        """Start it with its data in this folder, which exists and is empty; return when it answers."""
        ...

    def stop(self) -> None:
        """Stop it and wait until it has gone."""
        ...

    def env(self) -> Mapping[str, str]:
        """Return the variables that make a server use it: ``DB_HOST`` and ``DB_PORT``, ``REDIS_…`` or ``KAFKA_BROKERS``."""
        ...


@runtime_checkable
class Restartable(Protocol):
    """A service whose process can fail: what ``kill`` and ``pause`` need."""

    def kill(self) -> None:
        """End it with SIGKILL and wait until it has gone."""
        ...

    def start_again(self) -> None:
        """Start it on the data that it had; return when it answers."""
        ...

    def signal(self, number: int) -> None:
        """Send it a signal, SIGSTOP and SIGCONT for instance."""
        ...


@runtime_checkable
class Advertising(Protocol):
    """A service that tells its clients its address by itself, as Kafka does: they go there, whatever they were told first."""

    def advertise(self, port: int) -> None:
        """Take the proxy's port on 127.0.0.1 as the advertised address; called before the first start."""
        ...


class Missing(RuntimeError):
    """Something that the run needs is not on this machine."""


@dataclass(slots=True)
class Part:
    """One target of faults; ``failing`` is held while one lasts.

    Attributes:
        proxies: its network: before a server one, before an engine one for each server.
    """

    name: str
    proxies: Sequence[Proxy]
    server: ServerProcess | None = None
    service: Service | None = None
    folder: Path = field(default_factory=Path)
    failing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def proxy(self) -> Proxy:
        """The first of its proxies: of a server the only one."""
        return self.proxies[0]

    async def kill(self) -> None:
        """End its process with SIGKILL."""
        if self.server is not None:
            await self.server.kill9()
        else:
            await asyncio.to_thread(self._restartable().kill)

    async def start(self) -> None:
        """Start it for the first time; return when it answers."""
        if self.server is not None:
            await self.server.start()
        elif self.service is not None:
            await asyncio.to_thread(self.service.start, self.folder)
            self._retarget()

    def _retarget(self) -> None:
        if self.service is not None:
            for proxy in self.proxies:
                proxy.target = address(self.service.env())

    async def end(self) -> None:
        """End its process as an operator would: SIGTERM, and wait."""
        if self.server is not None:
            await self.server.stop()
        elif self.service is not None:
            await asyncio.to_thread(self.service.stop)

    async def start_again(self) -> None:
        """Start it after a kill, on the data that it had; return when it answers."""
        if self.server is not None:
            await self.server.start()
        elif self.service is not None:
            await asyncio.to_thread(self._restartable().start_again)
            self._retarget()

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        if self.server is not None:
            self.server.signal(number)
        else:
            self._restartable().signal(number)

    def _restartable(self) -> Restartable:
        service: object = self.service
        if isinstance(service, Restartable):
            return service
        raise Missing(f"{self.name} can be started and stopped only: kill and pause are not for it")


class Cluster:
    """Engines and servers, started and stopped together.

    Args:
        folder: for data and logs.
        services: the engines; none is the embedded form, which has one server.
        servers: how many.
        env: further variables of every server.
        seed: of what the proxies draw.
        prelude: Python that each server runs first: a fault inside it, which the checker shall find.
    """

    def __init__(
        self,
        folder: Path,
        services: Sequence[Service] = (),
        servers: int = 1,
        env: Mapping[str, str] | None = None,
        seed: int = 0,
        prelude: str = "",
    ) -> None:
        if servers > 1 and not any(target_of(service) == "mysql" for service in services):
            raise Missing("several servers need mysql: the embedded store belongs to one process")
        self._folder = folder
        self._services = services
        self._count = servers
        self._env = dict(env or {})
        self._prelude = prelude
        self._chance = random.Random(seed)
        self.parts: dict[str, Part] = {}
        """By target, as schedules name them."""

    @property
    def targets(self) -> list[str]:
        """What faults may name, whether it runs yet or not."""
        engines = [*map(target_of, self._services)]
        links = [name for name in LINKS if name.partition(">")[0] in self._names and _engine(name) in engines]
        return [*engines, *self._names, *links]

    @property
    def _names(self) -> list[str]:
        return [f"server:{number}" for number in range(1, self._count + 1)]

    @property
    def urls(self) -> list[str]:
        """Where clients connect: the proxies before the servers."""
        servers = [part for part in self.parts.values() if part.server is not None]
        return [f"http://127.0.0.1:{part.proxy.port}" for part in servers]

    @property
    def logs(self) -> list[Path]:
        """What the servers have printed."""
        return sorted(self._folder.glob("server-*.log"))

    async def start(self) -> None:
        """Start everything.

        Raises:
            Missing: an engine cannot be started here; nothing runs.
        """
        lacking = [f"{service.name}: {lack}" for service in self._services if (lack := service.missing())]
        if lacking:
            raise Missing("; ".join(lacking))
        self._folder.mkdir(parents=True, exist_ok=True)
        envs: dict[str, dict[str, str]] = {name: {**UNLIMITED, **self._env} for name in self._names}
        for service in self._services:
            await self._start_service(service, envs)
        for name in self._names:
            server = ServerProcess(self._folder / name.replace(":", "-"), envs[name], self._prelude)
            part = Part(name, [self._proxy(server.port)], server=server)
            await part.proxy.start()
            self.parts[part.name] = part
            await part.start()

    async def stop(self) -> None:
        """Stop everything, the last started first, whatever state faults have left it in.

        Raises:
            TimeoutExpired: a server did not end in time; it was killed, and the rest was stopped.
        """
        late: subprocess.TimeoutExpired | None = None
        for part in reversed(self.parts.values()):
            for proxy in part.proxies:
                await proxy.stop()
            try:
                await _stop(part)
            except subprocess.TimeoutExpired as exc:
                late = exc
        if late is not None:
            raise late

    async def _start_service(self, service: Service, envs: dict[str, dict[str, str]]) -> None:
        """Start an engine behind its proxies, and tell each server of its own."""
        name = target_of(service)
        count = 1 if isinstance(service, Advertising) else max(1, self._count)
        part = Part(name, [self._proxy() for _ in range(count)], service=service, folder=self._folder / name)
        part.folder.mkdir(parents=True)
        for proxy in part.proxies:
            await proxy.start()
        if isinstance(service, Advertising):
            service.advertise(part.proxy.port)
        self.parts[name] = part
        await part.start()
        for server, proxy in zip(envs, itertools.cycle(part.proxies), strict=False):
            envs[server] |= through(service.env(), proxy.port)
            if f"{server}>{name}" in LINKS:
                self.parts[f"{server}>{name}"] = Part(f"{server}>{name}", [proxy])

    def _proxy(self, port: int = 0) -> Proxy:
        return Proxy("127.0.0.1", port, random.Random(self._chance.random()))


async def _stop(part: Part) -> None:
    if part.server is not None and part.server.is_running:
        part.server.signal(signal.SIGCONT)
        await part.server.stop()
    elif part.service is not None:
        if isinstance(part.service, Restartable):
            part.service.signal(signal.SIGCONT)
        await asyncio.to_thread(part.service.stop)


def _engine(link: str) -> str:
    return link.partition(">")[2]


def target_of(service: Service) -> str:
    """Return what schedules call a service."""
    return TARGET_OF.get(service.name, service.name)


def address(env: Mapping[str, str]) -> tuple[str, int]:
    """Return the address that a service's variables name."""
    for host, port in ADDRESSES:
        if host in env:
            return env[host], int(env[port])
    host_name, _, number = env[BROKERS].partition(",")[0].rpartition(":")
    return host_name, int(number)


def through(env: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the variables with the proxy's address."""
    changed = dict(env)
    for host, key in ADDRESSES:
        if host in env:
            changed |= {host: "127.0.0.1", key: str(port)}
    if BROKERS in env:
        changed[BROKERS] = re.sub(r"^[^,]+", f"127.0.0.1:{port}", env[BROKERS])
    return changed
