"""Histories of a little world in which everything goes right, for the checker; then somebody tampers with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.checker.chain import first_hash, next_hash
from tests.checker.evidence import made_digest
from tests.checker.records import Event, History, read_lines

Line = dict[str, Any]


class Tale:
    """Devices named ``user/device``, and logs that a right server would keep.

    Attributes:
        lines: what each device wrote down.
        logs: conversation -> its events as pages show them.
    """

    def __init__(self) -> None:
        self.now_s = 100.0
        self.lines: dict[str, list[Line]] = {}
        self.logs: dict[str, list[Line]] = {}
        self.readable: dict[str, dict[str, list[int]]] = {}  # conversation -> user -> [from, until]
        self.connections: dict[str, int] = {}
        self.offline: set[str] = set()
        self._numbers = 0

    def write(self, name: str, what: str, /, **fields: Any) -> Line:
        """Add a line, a millisecond later."""
        self.now_s = round(self.now_s + 0.001, 6)
        line = {"e": what, "t": self.now_s, **fields}
        self.lines.setdefault(name, []).append(line)
        return line

    def device(self, name: str) -> None:
        user, _, device = name.partition("/")
        self.write(name, "client", format=1, user=user, device=device)
        self.connect(name)

    def connect(self, name: str) -> None:
        """Open a connection and catch up."""
        self.connections[name] = self.connections.get(name, 0) + 1
        self.offline.discard(name)
        self.write(name, "connected", connection=self.connections[name])
        for conversation_id in self.logs:
            self._catch_up(name, conversation_id)
        self.write(name, "live", connection=self.connections[name])

    def _catch_up(self, name: str, conversation_id: str) -> None:
        events = self.visible(name, conversation_id)
        shown = [
            line["seq"]
            for line in self.lines[name]
            if line["e"] == "shown" and line["conversation"] == conversation_id
        ]
        fresh = [event for event in events if event["seq"] > (shown[-1] if shown else 0)]
        if fresh:
            self._page(name, "sync", conversation_id, fresh)
            for event in fresh:
                self.write(name, "shown", conversation=conversation_id, seq=event["seq"])

    def disconnect(self, name: str) -> None:
        self.write(name, "closed", connection=self.connections[name], code=1006)
        self.offline.add(name)

    def send(self, name: str, conversation_id: str, kind: str, msg_id: str = "", /, **body: Any) -> str:
        """Let an operation leave, with its fate open; return its msg_id."""
        self._numbers += 1
        msg_id = msg_id or f"m{self._numbers}"
        where = {"connection": self.connections[name], "msg_id": msg_id, "conversation": conversation_id}
        self.write(name, "send", **where, kind=kind, body=body)
        return msg_id

    def store(self, name: str, conversation_id: str, kind: str, msg_id: str, /, **body: Any) -> int:
        """Give it the next seq and tell everybody but its own device; return the seq."""
        user = name.partition("/")[0]
        log = self.logs.setdefault(conversation_id, [])
        wire = {"kind": kind, "conversation_id": conversation_id, "seq": len(log) + 1}
        wire |= {"msg_id": msg_id, "sender_id": user, "server_ts": 1_000 + self._numbers, **body}
        self._follow(conversation_id, wire)
        log.append(wire | {"digest": made_digest(Event.of(wire))})
        for other in self.lines:
            if (
                other != name
                and other not in self.offline
                and self._hears(other, conversation_id, wire["seq"])
            ):
                self.write(other, "push", connection=self.connections[other], event=dict(wire))
                self.write(other, "shown", conversation=conversation_id, seq=wire["seq"])
        return len(log)

    def ack(self, name: str, conversation_id: str, msg_id: str, seq: int, *, duplicate: bool = False) -> None:
        where = {"connection": self.connections[name], "msg_id": msg_id, "conversation": conversation_id}
        self.write(name, "ack", **where, seq=seq, duplicate=duplicate)
        if not duplicate:
            self.write(name, "shown", conversation=conversation_id, seq=seq)

    def do(self, name: str, conversation_id: str, kind: str, /, **body: Any) -> int:
        """Send, store and acknowledge."""
        msg_id = self.send(name, conversation_id, kind, **body)
        seq = self.store(name, conversation_id, kind, msg_id, **body)
        self.ack(name, conversation_id, msg_id, seq)
        return seq

    def say(self, name: str, conversation_id: str, content: str) -> int:
        return self.do(name, conversation_id, "message", content=content, content_type="text")

    def create(self, name: str, conversation_id: str, *users: str, policy: str = "from_join") -> None:
        self.do(
            name,
            conversation_id,
            "group_created",
            user_ids=list(users),
            history_policy=policy,
            join_policy="invite",
            name="all",
        )

    def visible(self, name: str, conversation_id: str) -> list[Line]:
        """Return what this device may read now."""
        span = self.readable.get(conversation_id, {}).get(name.partition("/")[0])
        return [event for event in self.logs[conversation_id] if span and span[0] <= event["seq"] <= span[1]]

    def finish(self) -> None:
        """Everybody reads everything once more."""
        for name in self.lines:
            if name in self.offline:
                self.connect(name)
        for name in self.lines:
            for conversation_id in self.logs:
                if events := self.visible(name, conversation_id):
                    half = len(events) // 2
                    for part in (events[:half], events[half:]):
                        self._page(name, "final", conversation_id, part)
            self.write(name, "finished")

    def _page(self, name: str, of: str, conversation_id: str, events: list[Line]) -> None:
        first = events[0]["seq"] if events else 1
        fields: Line = {"prev_hash": self.hash(conversation_id, first - 1), "events": events}
        if of == "sync":
            last = events[-1]["seq"]
            fields |= {"last_seq": last, "last_hash": self.hash(conversation_id, last)}
        self.write(name, "page", of=of, conversation=conversation_id, **copy.deepcopy(fields))

    def hash(self, conversation_id: str, seq: int) -> str:
        """Return the rolling hash after this seq."""
        rolling = first_hash(conversation_id)
        for event in self.logs[conversation_id][:seq]:
            rolling = next_hash(rolling, bytes.fromhex(event["digest"]))
        return rolling.hex()

    def _follow(self, conversation_id: str, wire: Line) -> None:
        spans = self.readable.setdefault(conversation_id, {})
        seq = wire["seq"]
        match wire["kind"]:
            case "group_created":
                spans |= {user: [1, 2**53] for user in wire["user_ids"]}
            case "member_joined":
                full = self.logs[conversation_id][0]["history_policy"] == "full"
                spans |= {user: [1 if full else seq, 2**53] for user in wire["user_ids"]}
            case "member_removed":
                spans[wire["user_id"]][1] = seq
            case "message" if "to_user_id" in wire:
                spans |= {user: [1, 2**53] for user in (wire["sender_id"], wire["to_user_id"])}

    def _hears(self, name: str, conversation_id: str, seq: int) -> bool:
        span = self.readable[conversation_id].get(name.partition("/")[0])
        return span is not None and span[0] <= seq <= span[1]

    # Tampering.

    def find(self, name: str, e: str, /, **fields: Any) -> Line:
        """Return the first line of a device with these fields; those of a pushed event count too."""
        return next(line for line in self.lines[name] if matches(line, e, fields))

    def drop(self, name: str, e: str, /, **fields: Any) -> None:
        """Remove every line with these fields."""
        kept = [line for line in self.lines[name] if not matches(line, e, fields)]
        assert len(kept) < len(self.lines[name]), "there was nothing to drop"
        self.lines[name] = kept

    def insert_after(self, name: str, line: Line, /, **new: Any) -> None:
        """Put a line behind another, at the same time."""
        place = next(at for at, one in enumerate(self.lines[name]) if one is line)
        self.lines[name].insert(place + 1, {"t": line["t"], **new})

    def pages(self, name: str, of: str) -> list[Line]:
        return [line for line in self.lines[name] if line["e"] == "page" and line["of"] == of]

    def edit_pages(self, name: str, change: Callable[[list[Line]], None], of: str = "final") -> None:
        """Change the events of pages."""
        for page in self.pages(name, of):
            change(page["events"])

    def histories(self) -> list[History]:
        """Return everybody's history, through the file format."""
        return [
            read_lines(map(json.dumps, sorted(lines, key=lambda line: line["t"])), name)
            for name, lines in self.lines.items()
        ]


def matches(line: Line, e: str, fields: Line) -> bool:
    """True when the line is of this kind and it, or its event, has these fields."""
    found = line.get("event", {}) | line
    return line["e"] == e and all(found.get(key) == value for key, value in fields.items())
