"""The listeners around an `App`: the port, the metrics, the admin socket; and how a node leaves."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import platform
import socket
from collections.abc import AsyncGenerator, Callable

import structlog
from fastapi import FastAPI

import pingme
from pingme.adapters.data_lock import DataLock
from pingme.bootstrap.app import App, open_app, page_bytes_of
from pingme.bootstrap.status import status_handlers
from pingme.config import Settings
from pingme.domain.errors import PingMeError
from pingme.edge.admin import SOCKET_NAME, AdminServer
from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.edge.http.system import SystemInfo, commit_of_installation, create_system_router
from pingme.edge.http.web_client import create_web_router
from pingme.edge.hub import Hub
from pingme.edge.hub_nodes import NodesHub
from pingme.edge.metrics_server import MetricsServer
from pingme.edge.node import Node, NodeServices, SocketRules
from pingme.edge.server import BACKLOG, EdgeServer
from pingme.edge.wheel import Wheel
from pingme.services.conversations import Conversations
from pingme.services.groups import Groups
from pingme.services.loop_lag import measure_loop_lag
from pingme.services.typing import Typing

log = structlog.get_logger(__name__)

RECEIVE_BUFFER_BYTES = 65_536  # twice the largest frame; the kernel doubles it for its own needs
CLOSE_WAIT_MS = 2_000  # for clients to answer the close frame


class ServerApp:
    """A node that serves.

    Args:
        app: the system behind it.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        settings = app.settings
        self.hub = self._make_hub()
        app.push.receiver = self.hub
        self.wheel = Wheel(app.clock)
        conversations = Conversations(app.store, app.messages)
        typing = Typing(app.store, app.push, app.clock)
        self.node = Node(
            NodeServices(
                messages=app.messages,
                sync=app.sync,
                history=app.history,
                receipts=app.receipts,
                typing=typing,
                presence=app.presence,
            ),
            app.store,
            self.hub,
            self.wheel,
            app.clock,
            app.metrics.hot,
            socket_rules(settings),
            app.accounts.verify_access,
            app.turns,
        )
        self.http = self._make_http(conversations)
        self._not_ready = "starting"
        self._edge: EdgeServer | None = None
        self._metrics = MetricsServer(
            app.metrics.render,
            settings.metrics.host,
            settings.metrics.port,
            required=settings.app.env == "production",
            refresh=self.refresh_metrics,
        )
        handlers = {**app.admin_handlers, **status_handlers(self)}
        self._admin = AdminServer(settings.data_dir / SOCKET_NAME, handlers)
        self._bind_gauges()
        self.port = 0

    def _make_http(self, conversations: Conversations) -> FastAPI:
        app, settings = self.app, self.app.settings
        services = HttpServices(
            accounts=app.accounts,
            people=app.accounts.people,
            messages=app.messages,
            groups=Groups(app.messages, app.store, app.clock),
            sync=app.sync,
            history=app.history,
            conversations=conversations,
            receipts=app.receipts,
            presence=app.presence,
        )
        http = create_app(
            services,
            clock=app.clock,
            name=settings.app.name,
            version=pingme.__version__,
            allowed_origins=settings.app.allowed_origins,
            trusted_proxies=settings.app.trusted_proxies,
            body_limit_bytes=settings.limits.body_bytes,
            socket_bounds=dataclasses.asdict(socket_rules(settings)),
            count_refusal=app.metrics.hot.count_refusal,
        )
        web = create_web_router()
        if web is not None:
            http.include_router(web)  # before the page that stands in for it
        http.include_router(create_system_router(self._system_info()))
        return http

    def _make_hub(self) -> Hub:
        app = self.app
        pending, hot, outbox_bytes = app.pending, app.metrics.hot, app.settings.limits.outbox_bytes
        nodes = app.engines.nodes
        if nodes is not None:
            return nodes.make_hub(
                pending,
                hot,
                outbox_bytes=outbox_bytes,
                store=app.store,
                clock=app.clock,
                sessions=app.accounts.sessions,
            )
        if app.engines.kafka is None:
            return Hub(pending, hot, outbox_bytes=outbox_bytes)
        # A log outside the process gives records again, and beside direct commits in another order: see `NodesHub`.
        return NodesHub(pending, hot, outbox_bytes=outbox_bytes, store=app.store, clock=app.clock)

    def _system_info(self) -> SystemInfo:
        return SystemInfo(
            service=self.app.settings.app.name,
            env=self.app.settings.app.env,
            version=pingme.__version__,
            python=platform.python_version(),
            components=self.app.components,
            not_ready=lambda: self._not_ready,
            commit=commit_of_installation(),
        )

    def _bind_gauges(self) -> None:
        metrics = self.app.metrics
        metrics.connections.set_function(lambda: len(self.node.sockets))
        metrics.users_online.set_function(self.hub.users_online)
        metrics.outbox_bytes.set_function(self.hub.outbox_bytes)
        metrics.log_depth.set_function(self.app.log.depth)
        metrics.pending_answers.set_function(lambda: len(self.app.pending))

    @property
    def not_ready(self) -> str:
        """Why no traffic should come here: ``starting``, ``draining``, or "" while all is well."""
        return self._not_ready

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where `/metrics` is, None while it does not listen."""
        return self._metrics.address

    async def refresh_metrics(self) -> None:
        """Ask for the figures that are not counted as they happen."""
        state, hot = self.app.pipeline.state, self.app.metrics.hot
        hot.retries, hot.dead_letters = state.retries, state.dead_lettered
        hot.push_failures = self.app.pipeline.publish_failures
        if self.app.owned is not None and self.app.engines.kafka is not None:
            hot.direct_commits = self.app.owned.went_direct
            hot.kafka_faults = self.app.engines.kafka.faults.counts
            hot.kafka_requests = self.app.engines.kafka.log.requests.counts()
        with contextlib.suppress(PingMeError):
            self.app.metrics.dead_letters.set(await self.app.dead_letters.count())

    async def start(self) -> None:
        """Open the listeners; returns when the node serves.

        Raises:
            PingMeError: a port is taken, or the admin socket cannot be opened.
        """
        settings = self.app.settings
        listener = bind(settings.app.host, settings.app.port)
        self.port = int(listener.getsockname()[1])
        self._edge = EdgeServer(
            self.http,
            self.node,
            listener,
            allowed_origins=settings.app.allowed_origins,
            header_bytes=settings.limits.header_bytes,
            http_sockets=settings.limits.http_connections,
        )
        self.app.start()
        self.app.run_task("wheel", self.wheel.run())
        observe = self.app.metrics.loop_lag_seconds.observe
        self.app.run_task("loop_lag", measure_loop_lag(self.app.clock, observe))
        await self._metrics.start()
        await self._admin.start()
        await self._edge.start()
        self._not_ready = ""

    async def stop(self) -> None:
        """Leave: answer what was received, tell the clients, close.

        At most `limits.draining_s` for the answers, then a few seconds for goodbyes.
        """
        limits = self.app.settings.limits
        self._not_ready = "draining"
        self.app.messages.draining = True
        self.node.announce_leaving(limits.drain_spread_ms)
        if self._edge is not None:
            self._edge.stop_accepting()
        deadline_ms = self.app.clock.monotonic_ms() + int(limits.draining_s * 1000)
        await self.app.settle(int(limits.draining_s * 1000))
        await self.node.operations_answered(deadline_ms - self.app.clock.monotonic_ms())
        await asyncio.sleep(0.02)  # lets the last acks leave before the close frames are put behind them
        self.node.close_all()
        await self._goodbyes()
        self.node.abort_all()
        await self.node.finish()
        await self.hub.finish()
        if self._edge is not None:
            await self._edge.stop()
        await self._admin.stop()
        await self._metrics.stop()
        await self.app.stop()

    async def _goodbyes(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.node.all_gone.wait(), CLOSE_WAIT_MS / 1000)


def socket_rules(settings: Settings) -> SocketRules:
    """Return the bounds of sockets as configured."""
    limits, websocket = settings.limits, settings.websocket
    return SocketRules(
        ping_interval_s=websocket.ping_interval,
        pong_timeout_s=websocket.pong_timeout,
        auth_deadline_s=max(1, round(limits.auth_deadline_s)),
        max_message_bytes=websocket.max_message_size,
        sends_per_s=limits.sends_per_s,
        sends_burst=limits.sends_burst,
        unanswered_sends=limits.unanswered_sends,
        control_frames_per_s=limits.control_frames_per_s,
        connects_per_s=limits.connects_per_s if limits.sends_per_s else 0,
        connections=limits.connections,
        outbox_pace_bytes=page_bytes_of(limits.outbox_bytes),
    )


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port; from now on nobody else has it.

    With ``SO_REUSEADDR`` two may bind one port as long as neither listens, and uvloop does not say that its own
    ``listen`` failed: so it is done here.

    Raises:
        PingMeError: the port is taken, or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it. Left alone it grows to 6 MB for a client that floods, and picows' buffer with it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        raise PingMeError(_explain(host, port, exc)) from exc
    listener.setblocking(False)
    return listener


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        from pingme.bootstrap.port_owner import owner_of_port  # noqa: PLC0415  # reads /proc, only in this case

        owner = owner_of_port(port)
        by = f" by {owner}" if owner else ""
        return f"port {port} is taken{by}; choose another: APP_PORT={port + 1 if port < 65535 else 8080}"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this user; choose one above 1023: APP_PORT=8080"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


@contextlib.asynccontextmanager
async def build_offline(settings: Settings) -> AsyncGenerator[App]:
    """Run the system without listeners, for commands while no server runs; the caller holds the data folder's lock."""
    app = await open_app(settings)
    app.start()
    try:
        yield app
    finally:
        await app.settle(10_000)
        await app.stop()


async def serve(settings: Settings, *, ready: Callable[[ServerApp], None], stop: asyncio.Event) -> int:
    """Serve until ``stop`` is set or a part of the server fails; return the exit status.

    Args:
        settings: complete and checked.
        ready: called once the node serves.
        stop: set by signals.

    Raises:
        PingMeError: the node cannot start; the text says how to help.
    """
    with DataLock(settings.data_dir):
        server = ServerApp(await open_app(settings))
        try:
            await server.start()
        except BaseException:
            await server.app.stop()
            raise
        ready(server)
        server.app.failed.add_done_callback(lambda _: stop.set())
        await stop.wait()
        await server.stop()
        return 1 if server.app.failed.done() else 0
