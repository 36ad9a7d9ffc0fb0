"""The frames that are answered from the store, one after the other per connection."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from pingme.domain.errors import PingMeError
from pingme.wire import frames

if TYPE_CHECKING:
    from pingme.edge.connection import Connection
    from pingme.edge.node import Node

PACE_S = 0.005  # between looks at an outbox that is above its pace: a few ticks
PACE_MAX_S = 0.25  # between looks at one that does not fall


async def answer(node: Node, connection: Connection, got: frames.AnyClientFrame) -> None:
    """Answer a frame; an error of the table becomes an ``error`` frame."""
    try:
        match got:
            case frames.Sync():
                await _sync(node, connection, got)
            case frames.History():
                await _history(node, connection, got)
            case frames.Ack():
                await _ack(node, connection, got)
            case frames.Typing():
                await node.services.typing.set(
                    connection.user_id, got.payload.conversation_id, got.payload.active
                )
            case frames.PresenceSet():
                node.services.presence.set_status(
                    connection.user_id, connection.device_id, got.payload.status
                )
            case frames.PresenceWatch():
                await _watch(node, connection, got)
            case _:
                pass
    except PingMeError as error:
        connection.send_error(error, frame_id=got.id)


async def _sync(node: Node, connection: Connection, got: frames.Sync) -> None:
    reading = await node.services.sync.open(connection.user_id, got.payload.since, got.payload.limit)
    async for page in reading.pages():
        connection.send_raw("sync_page", page, got.id)
        await _drained(node, connection)
        if connection.closing:
            return
    connection.send_raw("sync_done", reading.done, got.id)


async def _drained(node: Node, connection: Connection) -> None:
    """Wait until the outbox is below the pace, or the connection is gone; who reads nothing for too long is closed."""
    pause_s, before, fell_s = PACE_S, 0, node.wheel.now_s
    while not connection.closing:
        await asyncio.sleep(0)  # lets the tick's write happen
        waiting = connection.pipe.buffered()
        if waiting < node.rules.outbox_pace_bytes:
            return
        if waiting < before:
            pause_s, fell_s = PACE_S, node.wheel.now_s
        elif node.wheel.now_s - fell_s > node.rules.pong_timeout_s:
            connection.overflow()
            return
        before = waiting
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PACE_MAX_S)


async def _history(node: Node, connection: Connection, got: frames.History) -> None:
    asked = got.payload
    page = await node.services.history.page(
        connection.user_id, asked.conversation_id, asked.before_seq, asked.after_seq, asked.limit
    )
    connection.send_raw("history_page", page, got.id)
    await _drained(node, connection)


async def _ack(node: Node, connection: Connection, got: frames.Ack) -> None:
    asked = got.payload
    answered = await node.services.receipts.ack(
        connection.user_id, asked.conversation_id, asked.seq, asked.ack_type
    )
    connection.send_raw("ack_response", answered, got.id)


async def _watch(node: Node, connection: Connection, got: frames.PresenceWatch) -> None:
    connection.watching = True
    frames_of_all = node.services.presence.watching(connection, connection.user_id, got.payload.user_ids)
    async with aclosing(frames_of_all):
        async for frame in frames_of_all:
            connection.push(frame)
