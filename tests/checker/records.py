"""One device's history: lines of JSON, each an object with ``e`` (what happened) and ``t`` (when, in seconds).

docs/chaos.md describes every line. All times of a run are of one monotonic clock, so that devices can be compared;
within a file the lines stand in the order in which things happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
NOT_BODY = frozenset(
    (
        *("kind", "conversation_id", "seq", "msg_id", "sender_id", "server_ts", "digest", "client_ts"),
        *("edited_seq", "recalled", "reactions"),
    )
)
"""Fields of an event on the wire that are not of its body; the last three show its current state."""


class BadHistory(ValueError):
    """A line is not what docs/chaos.md says; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as one device saw it.

    Attributes:
        digest: hex as the server gave it, in pages only.
        is_original: True when the body is certainly the one first stored, so that its digest can be made anew.
    """

    conversation_id: str
    seq: int
    kind: str
    sender_id: str
    msg_id: str
    server_ts: int
    body: Mapping[str, Any]
    digest: str | None
    is_original: bool

    @property
    def name(self) -> tuple[str, str]:
        """What is unique for ever: who and which msg_id."""
        return self.sender_id, self.msg_id

    @staticmethod
    def of(wire: Mapping[str, Any]) -> Event:
        """Return the event of a ``message``, an ``event`` or an item of a page."""
        body = {key: value for key, value in wire.items() if key not in NOT_BODY}
        kind = wire.get("kind", "message")
        erased = kind == "edit" and not body.get("content")  # its message was recalled later
        changed = bool(wire.get("edited_seq") or wire.get("recalled")) or erased
        return Event(
            wire["conversation_id"],
            wire["seq"],
            kind,
            wire["sender_id"],
            wire.get("msg_id", ""),
            wire["server_ts"],
            body,
            wire.get("digest"),
            not changed,
        )


@dataclass(frozen=True, slots=True)
class Send:
    """An operation left for the server; ``connection`` 0 is HTTP. The body is what should be stored."""

    t_s: float
    connection: int
    msg_id: str
    conversation_id: str
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``ack`` (with seq), ``refused``, ``unknown``, or ``broken`` (an HTTP call ended without one)."""

    t_s: float
    connection: int
    msg_id: str
    outcome: str
    conversation_id: str
    seq: int
    code: int
    retryable: bool


@dataclass(frozen=True, slots=True)
class Push:
    """A ``message`` or ``event`` that came live."""

    t_s: float
    connection: int
    event: Event


@dataclass(frozen=True, slots=True)
class Page:
    """Events that were asked for; ``of`` is ``sync``, ``history`` or ``final`` (the reading at the end).

    Attributes:
        prev_hash: hex, before the first event.
        last_seq: the head that a sync names, else 0; last_hash is its hash.
    """

    t_s: float
    of: str
    conversation_id: str
    prev_hash: str
    events: tuple[Event, ...]
    last_seq: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The device let its user see this event; seq 0: it forgot what it had of the conversation."""

    t_s: float
    conversation_id: str
    seq: int


@dataclass(slots=True)
class Connection:
    """One WebSocket.

    Attributes:
        live_s: when its first sync was done: from here on nothing may be skipped.
        resyncs_s: when the server said that there may be a hole.
    """

    number: int
    opened_s: float
    live_s: float | None = None
    closed_s: float | None = None
    resyncs_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """What one device of one user did, was told and saw, in order."""

    source: str
    user_id: str = ""
    device_id: str = ""
    sends: list[Send] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    connections: dict[int, Connection] = field(default_factory=dict)
    diverged: list[str] = field(default_factory=list)
    began_s: float = 0.0
    ended_s: float = 0.0
    is_finished: bool = False

    @property
    def name(self) -> str:
        return f"{self.user_id}/{self.device_id}"


def read_file(path: Path) -> History:
    """Return the history in a file.

    Raises:
        BadHistory: a line is not of the format.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        return read_lines(lines, path.name)


def read_lines(lines: Iterable[str], source: str = "history") -> History:
    """Return the history that these lines tell.

    Raises:
        BadHistory: a line is not of the format, or time goes back.
    """
    history = History(source)
    for number, line in enumerate(lines, 1):
        try:
            raw = json.loads(line)
            _take(history, raw)
        except (KeyError, TypeError, ValueError) as exc:
            raise BadHistory(f"{source}:{number}: {type(exc).__name__}: {exc}: {line[:120]!r}") from exc
    if not history.user_id:
        raise BadHistory(f"{source}: expected a line with e=client first")
    return history


def _take(history: History, raw: Mapping[str, Any]) -> None:
    if raw["t"] < history.ended_s:
        raise ValueError("time goes back")
    _TAKE[raw["e"]](history, raw)
    history.ended_s = raw["t"]


def _client(history: History, raw: Mapping[str, Any]) -> None:
    if raw["format"] != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {raw['format']!r}")
    history.user_id, history.device_id, history.began_s = raw["user"], raw["device"], raw["t"]


def _connected(history: History, raw: Mapping[str, Any]) -> None:
    history.connections[raw["connection"]] = Connection(raw["connection"], raw["t"])


def _live(history: History, raw: Mapping[str, Any]) -> None:
    connection = history.connections[raw["connection"]]
    connection.live_s = raw["t"] if connection.live_s is None else connection.live_s


def _resync(history: History, raw: Mapping[str, Any]) -> None:
    history.connections[raw["connection"]].resyncs_s.append(raw["t"])


def _closed(history: History, raw: Mapping[str, Any]) -> None:
    history.connections[raw["connection"]].closed_s = raw["t"]


def _send(history: History, raw: Mapping[str, Any]) -> None:
    where = (raw["t"], raw["connection"], raw["msg_id"], raw["conversation"])
    history.sends.append(Send(*where, raw["kind"], raw["body"]))


def _ack(history: History, raw: Mapping[str, Any]) -> None:
    found = (raw["t"], raw["connection"], raw["msg_id"], "ack", raw["conversation"], raw["seq"])
    history.answers.append(Answer(*found, 0, False))


def _error(history: History, raw: Mapping[str, Any]) -> None:
    found = (raw["t"], raw["connection"], raw["msg_id"], raw["e"], "", 0)
    history.answers.append(Answer(*found, raw["code"], raw["retryable"]))


def _broken(history: History, raw: Mapping[str, Any]) -> None:
    history.answers.append(Answer(raw["t"], 0, raw["msg_id"], "broken", "", 0, 0, True))


def _push(history: History, raw: Mapping[str, Any]) -> None:
    history.pushes.append(Push(raw["t"], raw["connection"], Event.of(raw["event"])))


def _page(history: History, raw: Mapping[str, Any]) -> None:
    if raw["of"] not in ("sync", "history", "final"):
        raise ValueError(f"expected of = sync, history or final, got {raw['of']!r}")
    events = tuple(Event.of(event) for event in raw["events"])
    head = (raw.get("last_seq", 0), raw.get("last_hash", ""))
    history.pages.append(Page(raw["t"], raw["of"], raw["conversation"], raw["prev_hash"], events, *head))


def _shown(history: History, raw: Mapping[str, Any]) -> None:
    history.shown.append(Shown(raw["t"], raw["conversation"], raw["seq"]))


def _forgot(history: History, raw: Mapping[str, Any]) -> None:
    history.shown.append(Shown(raw["t"], raw["conversation"], 0))


def _diverged(history: History, raw: Mapping[str, Any]) -> None:
    hashes = f"made {raw['mine']}, was told {raw['theirs']}"
    history.diverged.append(f"{raw['conversation']} {raw['seq']}: {hashes}")


def _finished(history: History, raw: Mapping[str, Any]) -> None:
    history.is_finished = True


_TAKE: dict[str, Callable[[History, Mapping[str, Any]], None]] = {
    "client": _client,
    "connected": _connected,
    "live": _live,
    "resync": _resync,
    "closed": _closed,
    "send": _send,
    "ack": _ack,
    "refused": _error,
    "unknown": _error,
    "broken": _broken,
    "push": _push,
    "page": _page,
    "shown": _shown,
    "forgot": _forgot,
    "diverged": _diverged,
    "finished": _finished,
}
