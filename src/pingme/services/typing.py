"""Who is typing: shown live, never stored, at most once a second per user and conversation."""

from __future__ import annotations

from pingme.domain.model import ConversationType
from pingme.ports.clock import Clock
from pingme.ports.push import LivePush, Signal
from pingme.ports.store import Access, Store
from pingme.wire.encode import frame_of

INTERVAL_MS = 1_000
MAX_KEPT = 10_000  # (user, conversation) pairs of the last second, some 2 MB; more than that is not shown


class Typing:
    """Passes on that somebody is, or is no longer, typing.

    Args:
        store: who is a member.
        push: tells the others.
        clock: for the interval.
    """

    def __init__(self, store: Store, push: LivePush, clock: Clock) -> None:
        self._store = store
        self._push = push
        self._clock = clock
        self._told_ms: dict[tuple[str, str], int] = {}  # in the order of time

    async def set(self, user_id: str, conversation_id: str, active: bool) -> None:
        """Tell the others in the conversation.

        Ignored: strangers and former members, closed groups, more than one call per second.

        Raises:
            StoreUnavailable: membership cannot be checked now.
        """
        now_ms = self._clock.monotonic_ms()
        self._drop_older(now_ms)
        key = (user_id, conversation_id)
        if key in self._told_ms or len(self._told_ms) >= MAX_KEPT:
            return
        access = await self._store.access(user_id, conversation_id)
        if access is None or not access.member.present or access.conversation.dissolved:
            return
        channel = _channel(access)
        if channel is not None and key not in self._told_ms:
            self._told_ms[key] = now_ms
            self._push.publish_signals(
                [Signal(channel, typing_frame(user_id, access, active=active), user_id)]
            )

    def _drop_older(self, now_ms: int) -> None:
        told = self._told_ms
        while told and now_ms - told[oldest := next(iter(told))] >= INTERVAL_MS:
            del told[oldest]


def _channel(access: Access) -> str | None:
    """Return where the others listen; None where there are none."""
    if access.conversation.type is ConversationType.GROUP:
        return f"group:{access.conversation.conversation_id}"
    if access.peer_id is None or access.peer_id == access.member.user_id:
        return None
    return f"user:{access.peer_id}"


def typing_frame(user_id: str, access: Access, *, active: bool) -> bytes:
    """Return the whole WebSocket frame."""
    return frame_of(
        "typing",
        b'{"conversation_id":"%b","user_id":"%b","active":%b}'
        % (access.conversation.conversation_id.encode(), user_id.encode(), b"true" if active else b"false"),
    )
