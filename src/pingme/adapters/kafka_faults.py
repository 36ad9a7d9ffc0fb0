"""What went wrong with Kafka, for `/health`, the metrics and the log: 50001, 50005 and 50008 answer no send."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pingme.domain.errors import ERRORS, ErrorCode

log = structlog.get_logger(__name__)

SHOWN_MS = 15_000  # after a fault `/health` still shows it: whoever asks every 10 s sees it
LOGGED_MS = 1_000  # a broker that is away is one fault of every request: one line a second of each code


class KafkaFaults:
    """Counts faults by code, and keeps since when no broker answers; used on the event loop only.

    Args:
        monotonic_ms: the clock.
    """

    def __init__(self, monotonic_ms: Callable[[], int]) -> None:
        self._monotonic_ms = monotonic_ms
        self._unreachable_since: int | None = None
        self._last: dict[ErrorCode, tuple[int, str]] = {}  # when, and what was said
        self._logged: dict[ErrorCode, int] = {}
        self.counts: dict[int, int] = {
            int(code): 0
            for code in (ErrorCode.KAFKA_ERROR, ErrorCode.CONSUMER_GROUP_ERROR, ErrorCode.PRODUCER_ERROR)
        }
        self.refusal = ""
        """Why this Kafka may not be used at all, such as a topic with other partitions; "" while it may."""

    @property
    def unreachable_ms(self) -> int:
        """For how long no broker has answered; 0 while one does."""
        since = self._unreachable_since
        return 0 if since is None else max(1, self._monotonic_ms() - since)

    def note(self, code: ErrorCode, error: str) -> None:
        """Take note of a fault."""
        now = self._monotonic_ms()
        self.counts[int(code)] = self.counts.get(int(code), 0) + 1
        self._last[code] = (now, error)
        if now - self._logged.get(code, -LOGGED_MS) >= LOGGED_MS:
            self._logged[code] = now
            log.error("kafka_fault", code=int(code), meaning=ERRORS[code].text, error=error)

    def unreachable(self, error: str) -> None:
        """Take note that no broker answers (50001)."""
        if self._unreachable_since is None:
            self._unreachable_since = self._monotonic_ms()
            self.note(ErrorCode.KAFKA_ERROR, error)

    def reachable(self) -> None:
        """Take note that a broker answers."""
        if self._unreachable_since is not None:
            log.info("kafka_back", after_ms=self.unreachable_ms)
            self._unreachable_since = None

    def describe(self) -> str:
        """Return what `/health` says, "" while all is well."""
        if self.refusal:
            return self.refusal
        if self._unreachable_since is not None:
            text = self._last[ErrorCode.KAFKA_ERROR][1]
            return f"no broker answers (50001): sends go directly to the store; {text}"
        now = self._monotonic_ms()
        recent = [
            f"{ERRORS[code].text} ({int(code)}): {text}"
            for code, (at_ms, text) in self._last.items()
            if now - at_ms < SHOWN_MS and code != ErrorCode.KAFKA_ERROR
        ]
        return "; ".join(recent)
