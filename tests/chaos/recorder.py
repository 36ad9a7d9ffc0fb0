"""Writes down what a device does and sees, in the format of docs/chaos.md."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

FORMAT = 1


class Recorder:
    """One file of one device; every line has the moment at which it was written.

    Args:
        path: of the file, new.
        user_id: whose device it is.
        device_id: which one.
        clock: seconds, monotonic, the same for all devices of a run.
    """

    def __init__(
        self, path: Path, user_id: str, device_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock = clock
        self._file: TextIO = path.open("x", encoding="utf-8")
        self.counts = {"send": 0, "ack": 0, "push": 0, "refused": 0, "unknown": 0, "broken": 0}
        self.write("client", format=FORMAT, user=user_id, device=device_id)

    def write(self, what: str, /, **fields: Any) -> float:
        """Add a line; return its moment."""
        now_s = self.clock()
        self._file.write(json.dumps({"e": what, "t": now_s, **fields}, ensure_ascii=False) + "\n")
        if what in self.counts:
            self.counts[what] += 1
        return now_s

    def send(
        self, connection: int, msg_id: str, conversation_id: str, kind: str, body: Mapping[str, Any]
    ) -> float:
        where = {"connection": connection, "msg_id": msg_id, "conversation": conversation_id}
        return self.write("send", **where, kind=kind, body=body)

    def ack(self, connection: int, answer: Mapping[str, Any]) -> None:
        where = {
            "connection": connection,
            "msg_id": answer["msg_id"],
            "conversation": answer["conversation_id"],
        }
        fields = {"seq": answer["seq"], "duplicate": answer["duplicate"], "server_ts": answer["server_ts"]}
        self.write("ack", **where, **fields)

    def error(self, connection: int, msg_id: str, error: Mapping[str, Any]) -> None:
        """Write that an operation was ``refused``, or that its outcome is ``unknown``."""
        fields = {"code": error["code"], "retryable": error["retryable"]}
        self.write(error["outcome"], connection=connection, msg_id=msg_id, **fields)

    def page(self, of: str, conversation_id: str, page: Mapping[str, Any]) -> None:
        head = {key: page[key] for key in ("last_seq", "last_hash") if key in page}
        fields = {"prev_hash": page["prev_hash"], "events": page["events"], **head}
        self.write("page", of=of, conversation=conversation_id, **fields)

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()
