"""Live push between nodes over Redis: every node hears every batch (docs/adr/0007).

Rules of this file:
- This node's connections are served first, straight from what was stored; Redis is for the others.
- Nobody waits for Redis: what is published is put into a bounded queue, and a writer sends everything that is there as
  one message. What Redis does not take is dropped; the head checks of the other nodes find it (`services/head_check`).
- Revocations are the exception: they are kept until Redis has taken them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from pingme.adapters.redis_link import NO_REDIS, RedisLink, check_cancelled
from pingme.domain.errors import RecordUndecodable
from pingme.domain.events import RefusedOutcome
from pingme.ports.push import Delivery, NodesReceiver, PushReceiver, Signal
from pingme.wire.pushed import (
    Pushed,
    PushedAnswer,
    PushedClaim,
    PushedEvent,
    PushedRevocation,
    PushedSignal,
    decode_pushed,
    encode_pushed,
)

log = structlog.get_logger(__name__)

MAX_WAITING = 50_000  # items that wait for Redis, some 40 MB; more are dropped
MAX_MESSAGE = 1_000  # items per message: some 300 KB
MAX_REVOCATIONS = 10_000

Note = Callable[[str, int], None]


class RedisPush:
    """`LocalPush` for a node among others.

    Args:
        link: the connection.
        note: told of every event that was handed over here (conversation_id, seq).
    """

    def __init__(self, link: RedisLink, note: Note) -> None:
        self.receiver: PushReceiver | None = None
        self.nodes: NodesReceiver | None = None
        self._link = link
        self._note = note
        self._node_id = link.node_id
        self._waiting: deque[Pushed] = deque()
        self._answers: dict[str, list[PushedAnswer]] = {}
        self._answers_waiting = 0
        self._revocations: deque[PushedRevocation] = deque(maxlen=MAX_REVOCATIONS)
        self._some = asyncio.Event()
        self._events = link.key("events")
        self.dropped = 0
        """How many items Redis was not given."""
        link.hear("events", self._heard)
        link.hear(f"node:{link.node_id}", self._heard)
        link.watch(on_up=self._up, on_down=self._down)

    @property
    def connected(self) -> bool:
        """See `LivePush.connected`."""
        return self._link.sure

    # LivePush.

    async def publish(self, batch: Sequence[Delivery]) -> None:
        """See `LivePush.publish`."""
        try:
            if self.receiver is not None:
                self.receiver.deliver(batch)
        finally:
            self._enqueue(batch)

    def resync(self) -> None:
        """See `LivePush.resync`."""
        if self.receiver is not None:
            self.receiver.resync()

    def publish_signals(self, batch: Sequence[Signal]) -> None:
        """See `LivePush.publish_signals`."""
        if self.receiver is not None:
            self.receiver.signal(batch)
        for signal in batch:
            self._put(PushedSignal(signal.channel, signal.frame, signal.except_user))

    def revoke(self, user_id: str, family_id: str, code: int) -> None:
        """See `LivePush.revoke`; other nodes look for it in the store every second, too."""
        if self.receiver is not None:
            self.receiver.close_sessions(user_id, family_id, code)
        self._revocations.append(PushedRevocation(user_id, family_id, code))
        self._some.set()

    def claim(self, user_id: str, device_id: str, at_ms: int) -> None:
        """Tell the other nodes that this device has a socket here since ``at_ms``."""
        self._put(PushedClaim(user_id, device_id, at_ms))

    # To the other nodes.

    def _enqueue(self, batch: Sequence[Delivery]) -> None:
        note, own = self._note, self._node_id
        for delivery in batch:
            outcome, origin = delivery.outcome, delivery.origin
            elsewhere = origin is not None and origin.node_id != own
            if not isinstance(outcome, RefusedOutcome) and (event := outcome.event) is not None:
                note(event.conversation_id, event.seq)
                self._put(
                    PushedEvent(
                        event.conversation_id, event.seq, event.kind, event.sender_id, event.msg_id,
                        event.server_ts, event.payload, event.client_ts, outcome.hearers, outcome.members_seq,
                        origin.node_id if origin is not None and elsewhere else "",
                        origin.attempt if origin is not None and elsewhere else 0,
                        outcome.duplicate,
                    )
                )  # fmt: skip
            elif origin is not None and elsewhere:
                self._answer(origin.node_id, _answer(delivery, origin.attempt))

    def _put(self, item: Pushed) -> None:
        if not self._link.up or len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(item)
        if len(self._waiting) == 1:
            self._some.set()

    def _answer(self, node_id: str, answer: PushedAnswer) -> None:
        if not self._link.up or self._answers_waiting >= MAX_WAITING:
            self.dropped += 1
            return
        self._answers.setdefault(node_id, []).append(answer)
        self._answers_waiting += 1
        self._some.set()

    async def run(self) -> None:
        """Send what waits, for ever; what arrives meanwhile is the next batch."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._link.up and (self._waiting or self._answers or self._revocations):
                await self._send()
                check_cancelled()

    async def _send(self) -> None:
        """Send one pipeline: the next items for everybody, and answers for single nodes."""
        revocations = list(self._revocations)
        items: list[Pushed] = [*revocations]
        while self._waiting and len(items) < MAX_MESSAGE:
            items.append(self._waiting.popleft())
        answers, self._answers, self._answers_waiting = self._answers, {}, 0
        pipeline = self._link.pipeline()
        if items:
            pipeline.publish(self._events, encode_pushed(self._node_id, items))
        for node_id, waiting in answers.items():
            pipeline.publish(self._link.key(f"node:{node_id}"), encode_pushed(self._node_id, waiting))
        try:
            await pipeline.execute()
        except NO_REDIS as exc:
            self.dropped += len(items)
            log.debug("push_not_sent", error=str(exc), items=len(items))
            await asyncio.sleep(0.1)  # the link notices by its beat; what comes meanwhile is tried
            self._some.set()
        else:
            for _ in revocations:
                self._revocations.popleft()

    # From the other nodes.

    def _heard(self, data: bytes) -> None:
        try:
            node_id, items = decode_pushed(data)
        except RecordUndecodable as exc:
            log.warning("push_undecodable", error=exc.message)  # the head check finds what was in it
            return
        if node_id == self._node_id:
            return
        for item in items:
            if type(item) is PushedEvent:
                self._note(item.conversation_id, item.seq)
        if self.nodes is not None:
            try:
                self.nodes.receive(items)
            except Exception:
                log.exception("push_not_delivered", items=len(items))
                self.resync()

    def _up(self) -> None:
        self._some.set()
        self.resync()

    def _down(self) -> None:
        self.dropped += len(self._waiting) + self._answers_waiting
        self._waiting.clear()
        self._answers.clear()
        self._answers_waiting = 0


def _answer(delivery: Delivery, attempt: int) -> PushedAnswer:
    outcome = delivery.outcome
    if isinstance(outcome, RefusedOutcome):
        return PushedAnswer(attempt, int(outcome.code), outcome.message)
    return PushedAnswer(attempt, 0, "", outcome.conversation_id, outcome.seq, outcome.server_ts)
