"""Hostile clients in a process of their own: ``python -m tests.robust.hostile`` reads a task from stdin, one line of JSON.

Then each line ``on`` and ``off`` begins and ends a flood, and the end of stdin ends everything with one line about it.
Frames are masked with zeros (legal), so that flooding costs the attacker as little as can be.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PAUSE_S = 0.05  # of an attacker whose socket was closed, before the next one
CHUNK = 50  # frames per write


def masked(kind: str, payload: dict[str, Any]) -> bytes:
    """Return a text frame with the mask 0 (RFC 6455 §5.2)."""
    data = json.dumps({"type": kind, "payload": payload}).encode()
    if len(data) < 126:
        return bytes([0x81, 0x80 | len(data)]) + bytes(4) + data
    return bytes([0x81, 0xFE]) + struct.pack(">H", len(data)) + bytes(4) + data


PING = bytes([0x89, 0x80]) + bytes(4)


def frames_of(kind: str, task: dict[str, Any], name: str) -> Iterator[bytes]:
    """Yield what one attacker sends after ``auth``, without end."""
    number = 0
    conversations: list[str] = task["conversations"]
    while True:
        number += 1
        where = conversations[number % len(conversations)]
        match kind:
            case "send":
                content = "x" * task["content_bytes"]
                yield masked(
                    "send", {"msg_id": f"h-{name}-{number}", "conversation_id": where, "content": content}
                )
            case "refused":
                yield masked(
                    "send", {"msg_id": f"h-{name}-{number}", "conversation_id": "gnothere", "content": "x"}
                )
            case "ping":
                yield PING
            case "sync":
                yield masked("sync", {"limit": 200})
            case "history":
                yield masked("history", {"conversation_id": where, "limit": 200})
            case "ack":
                yield masked("ack", {"conversation_id": where, "seq": 1 + number % 50, "ack_type": "read"})
            case "typing":
                yield masked("typing", {"conversation_id": where, "active": number % 2 == 0})
            case "presence_watch":
                yield masked("presence_watch", {"user_ids": task["user_ids"]})
            case _:
                raise ValueError(kind)


class Attacker:
    """One hostile device, which comes back whenever it is closed."""

    def __init__(
        self, task: dict[str, Any], account: dict[str, str], seen: Counter[str], on: asyncio.Event
    ) -> None:
        self._task = task
        self._account = account
        self._seen = seen
        self._on = on

    async def run(self) -> None:
        kind = self._task["kind"]
        while True:
            await self._on.wait()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._task["port"])
            except OSError:
                self._seen["not_connected"] += 1
                await asyncio.sleep(PAUSE_S)
                continue
            self._seen["sockets"] += 1
            try:
                if kind == "connect":
                    await self._hold(reader, writer)
                elif kind == "reconnect":
                    writer.write(UPGRADE + masked("auth", {"token": self._account["token"], "protocol": 1}))
                    await reader.readuntil(b"auth_ok")
                elif kind == "bad_token":
                    writer.write(UPGRADE + masked("auth", {"token": "a.b.c", "protocol": 1}))
                    await self._drain(reader)
                else:
                    await self._flood(kind, reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                self._seen["cut"] += 1
            finally:
                writer.transport.abort()
            await asyncio.sleep(0 if kind in {"connect", "reconnect", "bad_token"} else PAUSE_S)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Upgrade, say nothing, and keep the socket for as long as it is let."""
        writer.write(UPGRADE)
        await self._drain(reader)

    async def _flood(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADE + masked("auth", {"token": self._account["token"], "protocol": 1}))
        await reader.readuntil(b"auth_ok")
        draining = asyncio.create_task(self._drain(reader))
        try:
            frames = frames_of(kind, self._task, self._account["name"])
            while not draining.done():
                await self._on.wait()
                writer.write(b"".join(next(frames) for _ in range(CHUNK)))
                self._seen["frames"] += CHUNK
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)

    async def _drain(self, reader: asyncio.StreamReader) -> None:
        last = b""
        while data := await reader.read(1 << 16):
            self._seen["bytes"] += len(data)
            last = data[-64:]
        at = last.rfind(b"\x88")
        if at >= 0 and len(last) >= at + 4:
            self._seen[f"closed_{int.from_bytes(last[at + 2 : at + 4], 'big')}"] += 1


async def _obey(on: asyncio.Event) -> None:
    """Follow stdin until it ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        if line == b"on\n":
            on.set()
        else:
            on.clear()


async def _main() -> None:
    task = json.loads(sys.stdin.readline())
    seen: Counter[str] = Counter()
    on = asyncio.Event()
    tasks = [asyncio.create_task(Attacker(task, account, seen, on).run()) for account in task["accounts"]]
    await _obey(on)
    for each in tasks:
        each.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [repr(each) for each in results if not isinstance(each, asyncio.CancelledError)]
    print(json.dumps({"seen": seen, "faults": faults}))


if __name__ == "__main__":
    asyncio.run(_main())
