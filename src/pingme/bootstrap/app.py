"""From settings and engines to the system in one process, without its listeners."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

import pingme
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.secret_file import load_or_make_secret
from pingme.bootstrap.engines import Engines, open_engines
from pingme.bootstrap.pipeline import build_write_path
from pingme.config import Settings
from pingme.domain.errors import PingMeError
from pingme.domain.events import Command, Outcome, ProfileUpdatedBody, make_command
from pingme.edge.http.system import ComponentHealth
from pingme.pipeline.lost_answers import LostAnswers
from pingme.ports.admin import AdminHandler, Progress
from pingme.ports.clock import Clock
from pingme.services import accounts_admin
from pingme.services.accounts import Accounts
from pingme.services.answers import Answers
from pingme.services.dead_letters_admin import DeadLetterTools, bind_handlers
from pingme.services.history import PAGE_BYTES, History
from pingme.services.messages import Messages
from pingme.services.metrics import Metrics
from pingme.services.passwords import Passwords
from pingme.services.pending import Pending
from pingme.services.presence import PresenceService
from pingme.services.receipts import Receipts
from pingme.services.sync import Sync
from pingme.services.throttle import LoginThrottle
from pingme.services.tokens import Tokens
from pingme.services.turns import Turns

log = structlog.get_logger(__name__)

TICK_MS = 100  # how often overdue answers are looked for


def page_bytes_of(outbox_bytes: int) -> int:
    """Return the bound on a page, and on what may wait before the next: one of each fits, with room for live events.

    Otherwise a client with much to catch up on would be closed for it, whenever it came back.
    """
    return min(PAGE_BYTES, outbox_bytes // 4)


class App:
    """The system in one process, without its listeners.

    Args:
        settings: complete and checked.
        engines: opened for these settings; closed by `stop`.
        clock: the engines' own.
    """

    def __init__(self, settings: Settings, engines: Engines, clock: Clock) -> None:
        self.settings = settings
        self.engines = engines
        self.clock = clock
        self.metrics = Metrics(version=pingme.__version__, env=settings.app.env)
        limits = settings.limits
        self.store = engines.database.store
        self.account_store = engines.database.accounts
        self.push = engines.push
        self.dead_letters = engines.dead_letters
        self.pending = Pending(
            engines.node_id,
            clock,
            int(limits.answer_timeout_s * 1000),
            observe=self.metrics.ack_seconds.observe,
        )
        self.push.receiver = Answers(self.pending)  # until a hub takes its place
        path = build_write_path(settings, engines, self.pending, clock, observe=self.metrics.observe_batch)
        self.log, self.pipeline, self.owned = path.log, path.pipeline, path.owned
        self.passwords = Passwords(
            hashes=limits.login_hashes, waiting=limits.login_waiting, entropy=clock.entropy
        )
        self.messages = Messages(
            self.log,
            self.pending,
            self.store,
            self._user_exists,
            clock,
            max_message_bytes=settings.websocket.max_message_size,
            http_sends_per_s=limits.http_sends_per_s if limits.sends_per_s else 0,
        )
        self.accounts = self._build_accounts()
        self.receipts = Receipts(self.store, self.push, clock)
        page_bytes = page_bytes_of(limits.outbox_bytes)
        self.turns = Turns()
        self.sync = Sync(self.store, page_bytes=page_bytes, flush=self.receipts.flush, turn=self.turns.take)
        self.history = History(self.store, page_bytes=page_bytes)
        self.presence = self._build_presence()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.admin_handlers: Mapping[str, AdminHandler] = self._admin_handlers()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _build_presence(self) -> PresenceService:
        return PresenceService(
            self.store,
            self.engines.presence,
            self.clock,
            self._last_seen,
            grace_s=self.settings.limits.presence_grace_s,
            read_last_seen=self._read_last_seen,
            turn=self.turns.take,
        )

    def _build_accounts(self) -> Accounts:
        settings, limits = self.settings, self.settings.limits
        return Accounts(
            self.account_store,
            self.passwords,
            Tokens(self._secret(), clock=self.clock, expiration_s=settings.jwt.expiration),
            LoginThrottle(self.clock, failures=limits.login_failures),
            self.clock,
            on_revoked=self.push.revoke,
            publish_profile=self._publish_profile,
            registration_open=settings.app.registration == "open",
            devices_per_user=limits.devices_per_user,
            refresh_ttl_s=limits.refresh_ttl_s,
            registrations_per_hour=limits.registrations_per_hour,
            session_ttl_ms=self.engines.database.session_ttl_ms,
            on_login=self.metrics.hot.count_login,
        )

    def _secret(self) -> str:
        secret = self.settings.jwt.secret
        if secret is not None:
            return secret.get_secret_value()
        kept = self.engines.database.secret
        if kept is not None:
            return kept
        return load_or_make_secret(self.settings.data_dir / "jwt.secret", entropy=self.clock.entropy)

    async def _user_exists(self, user_id: str) -> bool:
        return await self.account_store.user(user_id) is not None

    async def _read_last_seen(self, user_id: str) -> int | None:
        user = await self.account_store.user(user_id)
        return None if user is None else user.last_seen_ts

    async def _last_seen(self, user_id: str, seen_ms: int) -> None:
        await self.account_store.set_last_seen({user_id: seen_ms})

    async def _publish_profile(self, user_id: str, msg_id: str, body: ProfileUpdatedBody) -> object:
        command = make_command(
            "profile_updated", sender_id=user_id, msg_id=msg_id, conversation_id=user_id, body=body
        )
        return await self.messages.execute(command)

    async def _resubmit(self, command: Command) -> Outcome:
        return await self.messages.replay(command)

    # Running.

    def run_task(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run something that must not end by itself; its fault ends the process, loudly."""
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task.get_name(), None)
        if task.cancelled() or task.exception() is None:
            return
        log.critical("task_failed", task=task.get_name(), exc_info=task.exception())
        if not self.failed.done():
            self.failed.set_result(None)

    def start(self) -> None:
        """Start the pipeline and what belongs to it."""
        if self.owned is not None and self.engines.kafka is not None:
            self.run_task("owned_log", self.owned.run())
            self.engines.kafka.log.start()
            self.run_task("kafka_mark", self.engines.kafka.log.keep_mark())
            lost = LostAnswers(self.owned.unanswered, self.store, self.pending, self.push, self.clock)
            self.run_task("lost_answers", lost.run())
        self.run_task("worker", self.pipeline.run())
        self.run_task("pending", self._tick())
        self.run_task("receipts", self.receipts.run())
        self.run_task("presence", self.presence.run())
        if self.engines.nodes is not None:
            tasks = self.engines.nodes.tasks(self.account_store, self.accounts.sessions, self.clock)
            for name, task in tasks.items():
                self.run_task(name, task())

    async def _tick(self) -> None:
        while True:
            await self.clock.sleep_ms(TICK_MS)
            self.pending.tick()

    async def settle(self, deadline_ms: int) -> None:
        """Wait until everything that was accepted is answered, or the deadline has passed."""
        end = self.clock.monotonic_ms() + deadline_ms
        while (len(self.pending) or self.pipeline.busy) and self.clock.monotonic_ms() < end:
            await self.clock.sleep_ms(10)

    async def stop(self) -> None:
        """Finish the running batch, store positions, and close the store."""
        self.pipeline.stop()
        worker = self._tasks.get("worker")
        if worker is not None:
            await asyncio.wait({worker}, timeout=5)
        with contextlib.suppress(PingMeError):
            await self.receipts.flush()
            await self.presence.close()  # keeps last_seen of whoever was still here
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.passwords.close()
        await self.engines.close()

    # Telling.

    def components(self) -> Mapping[str, ComponentHealth]:
        """Return what `/health` says of each part."""
        state = self.pipeline.state
        store = ComponentHealth(detail=self.engines.database.notice)
        if state.outage_since_ms is not None:
            store = ComponentHealth(
                "unhealthy",
                f"{state.outage_text}: {self._in_an_outage()}",
            )
        dead_letters = ComponentHealth()
        if state.dead_letters_failing:
            dead_letters = ComponentHealth(
                "unhealthy", f"a dead letter cannot be written (50007): {self._what_waits()}"
            )
        push = ComponentHealth()
        if self.pipeline.publishing_degraded:
            push = ComponentHealth(
                "degraded", "publishing failed (50004): clients were told to sync; see the log"
            )
        presence = ComponentHealth()
        fault = self.engines.nodes.fault if self.engines.nodes is not None else ""
        if fault:
            push = ComponentHealth(
                "degraded", f"{fault}; other nodes' messages come within 2 s; check the server and redis.host"
            )
            presence = ComponentHealth("degraded", f"{fault}; people on other nodes are shown as unknown")
        return {
            "store": store,
            "log": self._log_health(),
            "push": push,
            "presence": presence,
            "dead_letters": dead_letters,
        }

    def _in_an_outage(self) -> str:
        if self.engines.kafka is not None:
            return "sends wait unanswered until it returns"
        return "sends are refused (20001); check the disk and the data folder"

    def _what_waits(self) -> str:
        if self.engines.kafka is not None:
            return "its partition has stopped; check the brokers"
        return "its conversation waits; check the disk"

    def _log_health(self) -> ComponentHealth:
        if self.owned is None or self.engines.kafka is None:
            depth = self.log.depth()
            full = depth >= self.settings.limits.log_records
            return ComponentHealth(
                "degraded" if full else "healthy",
                f"{depth} records wait: sends are answered 10008" if full else "",
            )
        text = self.engines.kafka.faults.describe()
        direct = self.owned.direct_partitions
        if direct:
            partitions = ", ".join(map(str, direct))
            text = f"{text}; " if text else ""
            text += f"sends into partitions {partitions} go directly to the store"
        return ComponentHealth("degraded" if text else "healthy", text)

    def _admin_handlers(self) -> dict[str, AdminHandler]:
        """Return what `pingme user`, `pingme dlq` and `pingme db` can ask for, by name."""
        handlers: dict[str, AdminHandler] = {}
        for name, handler in accounts_admin.HANDLERS.items():
            handlers[name] = _account_handler(handler, self.accounts)
        tools = DeadLetterTools(self.dead_letters, self._resubmit, self.clock)
        handlers.update(bind_handlers(tools))
        handlers.update(self.engines.database.handlers)
        return handlers


async def open_app(settings: Settings) -> App:
    """Open the engines that the settings name and return the system on them, not yet started.

    Raises:
        PingMeError: an engine cannot be reached or used.
    """
    clock = SystemClock()
    engines = await open_engines(settings, clock)
    try:
        return App(settings, engines, clock)
    except BaseException:
        await engines.close()
        raise


def _account_handler(handler: accounts_admin.Handler, accounts: Accounts) -> AdminHandler:
    async def call(arguments: dict[str, Any], _progress: Progress) -> object:
        return await handler(accounts, arguments)

    return call
