"""A client that chats, keeps a history of its own, comes back by itself and sends again what is unknown.

It follows docs/protocol.md and shares no code with the server or the SDK, so that it can judge both.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.robust.history import Fault, History, Sent
from tests.robust.world import Account

WINDOW = 32  # unanswered sends: below the server's 64, so that it never stops reading because of them
SETTLED_WITHIN_S = 60.0
PAGE = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How a client talks: messages a second (0: it only listens), their size, and whether it acknowledges."""

    per_s: float = 2.0
    content_bytes: int = 40
    receipts: bool = False


class Chatter:
    """One device of one user.

    Args:
        url: of the server, ``http://…``.
        account: who it is.
        conversations: where it writes, in turn: group ids.
        pace: how.
    """

    def __init__(self, url: str, account: Account, conversations: Sequence[str], pace: Pace) -> None:
        self._url = url.replace("http", "ws", 1) + "/ws"
        self.account = account
        self.history = History(account.name, account.user_id)
        self.pace = pace
        self._targets = itertools.cycle(conversations) if conversations else None
        self._numbers = itertools.count(1)
        self._known: dict[str, int] = {}
        self._since: str | None = None
        self._synced = False
        self._fetching: set[str] = set()
        self._waiting: dict[str, Sent] = {}
        self._again: list[tuple[float, Sent]] = []
        self._answered = asyncio.Event()
        self._running = True
        self._writing = True
        self.reading = asyncio.Event()
        """Cleared, the client stops reading its socket."""
        self.reading.set()
        self.connected = asyncio.Event()
        self.connections = 0
        self.resyncs = 0
        self.reconnects_asked = 0

    async def run(self) -> None:
        """Be connected, again and again, until `finish`."""
        while self._running:
            try:
                async with connect(
                    self._url,
                    proxy=None,
                    compression=None,
                    close_timeout=1,
                    ping_interval=None,
                    open_timeout=5,
                ) as socket:
                    await self._live(socket)
            except ConnectionClosed as closed:
                self._note_close(closed.rcvd.code if closed.rcvd is not None else 1006)
            except (OSError, InvalidHandshake, TimeoutError, EOFError):
                pass
            self.connected.clear()
            await asyncio.sleep(random.uniform(0.05, 0.25))  # backoff of a client, with jitter

    def _note_close(self, code: int | None) -> None:
        self.history.close_codes[code or 1006] = self.history.close_codes.get(code or 1006, 0) + 1

    def hush(self) -> None:
        """Write nothing new."""
        self._writing = False

    async def settled(self) -> None:
        """Return when everything that was sent is answered."""
        self.hush()
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while self._waiting or self._again:
                self._answered.clear()
                await self._answered.wait()

    async def caught_up(self, heads: dict[str, int]) -> None:
        """Return when it holds everything up to these heads; without it, a sync is asked for by reconnecting."""
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while any(self._known.get(key, 0) < head for key, head in heads.items()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # what comes in changes _known, there is nothing else to wait for

    def finish(self) -> None:
        """Let `run` end with the connection."""
        self._running = False

    @property
    def heads(self) -> dict[str, int]:
        return {conversation_id: max(log) for conversation_id, log in self.history.seen.items()}

    # One connection.

    async def _live(self, socket: ClientConnection) -> None:
        await socket.send(_frame("auth", token=self.account.token, protocol=1))
        got = json.loads(await socket.recv())
        if got["type"] != "auth_ok":
            self.history.faults.append(Fault("other", f"{self.account.name}: auth was answered {got}"))
            self._running = False
            return
        self.connections += 1
        self._synced = False
        self._fetching.clear()
        await socket.send(_frame("sync", **({"since": self._since} if self._since else {})))
        for sent in list(self._waiting.values()):  # unknown: the same msg_id again, in order
            await self._send(socket, sent)
        writer = asyncio.create_task(self._write(socket))
        self.connected.set()
        try:
            async for text in socket:
                await self._hear(socket, json.loads(text))
                await self.reading.wait()
                if not self._running:
                    return
            self._note_close(socket.close_code)  # 1000 and 1001 end the iteration without an exception
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, socket: ClientConnection) -> None:
        """Send at the pace, and what was refused for now again."""
        next_s = time.monotonic() + random.random() / (self.pace.per_s or 1)
        while True:
            now = time.monotonic()
            while self._again and self._again[0][0] <= now:
                _, sent = self._again.pop(0)
                self._waiting[sent.msg_id] = sent
                await self._send(socket, sent)
            if self._writing and self._targets and self.pace.per_s and now >= next_s:
                next_s = max(next_s + 1 / self.pace.per_s, now - 1)
                if len(self._waiting) < WINDOW:
                    await self._send(socket, self._compose())
                continue
            await asyncio.sleep(min(0.05, max(0.001, next_s - now)))

    def _compose(self) -> Sent:
        assert self._targets is not None
        sent = Sent(f"m-{self.account.name}-{next(self._numbers)}", next(self._targets))
        self.history.sent[sent.msg_id] = self._waiting[sent.msg_id] = sent
        return sent

    async def _send(self, socket: ClientConnection, sent: Sent) -> None:
        sent.attempts += 1
        sent.sent_s = time.monotonic()
        content = content_of(sent.msg_id, self.pace.content_bytes, sent.sent_s if sent.attempts == 1 else 0)
        if sent.attempts > 1:  # a repeat must be the same to the byte
            content = _contents[sent.msg_id]
        else:
            _contents[sent.msg_id] = content
        await socket.send(
            _frame("send", msg_id=sent.msg_id, conversation_id=sent.conversation_id, content=content)
        )

    async def _hear(self, socket: ClientConnection, got: dict[str, Any]) -> None:
        payload = got.get("payload", {})
        match got["type"]:
            case "message_ack":
                self._acked(payload)
            case "error" if payload.get("msg_id"):
                self._failed(payload)
            case "message" | "event":
                await self._pushed(socket, payload)
            case "sync_page":
                for entry in payload["conversations"]:
                    await self._synced_page(socket, entry)
            case "sync_done":
                self._since = payload["since"]
                self._synced = True
            case "history_page":
                await self._fetched(socket, payload)
            case "resync":
                self.resyncs += 1
                await socket.send(_frame("sync", since=self._since))
            case "reconnect":
                self.reconnects_asked += 1
            case "error" if payload.get("retryable"):
                await asyncio.sleep(0.2)  # a question that the store could not answer: begin again
                await socket.close(1000)
            case "error":
                self.history.faults.append(Fault("other", f"{self.account.name}: {payload}"))
            case _:
                pass

    # Answers.

    def _answer(self, msg_id: str) -> Sent | None:
        sent = self._waiting.pop(msg_id, None)
        if sent is not None:
            wait_s = time.monotonic() - sent.sent_s
            self.history.longest_answer_s = max(self.history.longest_answer_s, wait_s)
            if sent.attempts == 1:
                self.history.waits_s.append((sent.sent_s, wait_s))
        self._answered.set()
        return sent

    def _acked(self, payload: dict[str, Any]) -> None:
        self._answer(payload["msg_id"])
        if payload["msg_id"] in self.history.sent:
            self.history.acked(payload["msg_id"], payload["seq"])
            self._advance(payload["conversation_id"])

    def _failed(self, payload: dict[str, Any]) -> None:
        sent = self._answer(payload["msg_id"])
        code = payload["code"]
        self.history.refusals[code] = self.history.refusals.get(code, 0) + 1
        if sent is None:
            return
        if payload["retryable"] or payload["outcome"] == "unknown":
            wait_ms = max(payload.get("retry_after_ms") or 0, 200)
            self._again.append((time.monotonic() + wait_ms / 1000, sent))
        else:
            sent.refused = code

    # Events.

    def _see(self, event: dict[str, Any]) -> None:
        self.history.see(event["conversation_id"], event["seq"], event.get("msg_id", ""), event["sender_id"])
        self._advance(event["conversation_id"])

    def _advance(self, conversation_id: str) -> None:
        log = self.history.seen[conversation_id]
        known = self._known.get(conversation_id, 0)
        while known + 1 in log:
            known += 1
        self._known[conversation_id] = known

    async def _pushed(self, socket: ClientConnection, event: dict[str, Any]) -> None:
        conversation_id, seq = event["conversation_id"], event["seq"]
        sent_s = sent_time(event.get("content", ""))
        if sent_s:
            self.history.delivered_s.append((sent_s, time.monotonic() - sent_s))
        hole = seq > self._known.get(conversation_id, 0) + 1
        self._see(event)
        if hole and conversation_id not in self._fetching:
            if (
                self._synced
                and conversation_id in self.history.seen
                and len(self.history.seen[conversation_id]) > 1
            ):
                self.history.hole_count += 1
            await self._fetch(socket, conversation_id)
        if self.pace.receipts and seq % 10 == 0:
            await socket.send(_frame("ack", conversation_id=conversation_id, seq=seq, ack_type="read"))

    async def _synced_page(self, socket: ClientConnection, entry: dict[str, Any]) -> None:
        for event in entry["events"]:
            self._see(event)
        conversation_id = entry["conversation"]["conversation_id"]
        if entry["last_seq"] > self._known.get(conversation_id, 0):
            await self._fetch(socket, conversation_id)

    async def _fetch(self, socket: ClientConnection, conversation_id: str) -> None:
        self._fetching.add(conversation_id)
        after = self._known.get(conversation_id, 0)
        await socket.send(_frame("history", conversation_id=conversation_id, after_seq=after, limit=PAGE))

    async def _fetched(self, socket: ClientConnection, page: dict[str, Any]) -> None:
        for event in page["events"]:
            self._see(event)
        self._fetching.discard(page["conversation_id"])
        if page["has_more"]:
            await self._fetch(socket, page["conversation_id"])


_contents: dict[str, str] = {}  # msg_id -> what was sent first


def content_of(msg_id: str, size: int, sent_s: float) -> str:
    """Return a text of about this size that carries when it was sent."""
    return f"{sent_s:.6f} {msg_id} ".ljust(size, "x")


def sent_time(content: str) -> float:
    """Return the moment inside `content_of`, 0 where there is none."""
    try:
        return float(content.split(" ", 1)[0])
    except ValueError:
        return 0.0


def _frame(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "payload": payload})
