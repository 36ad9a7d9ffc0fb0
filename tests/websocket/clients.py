"""One script for WebSocket clients of other makes: what each could do and what it saw, in the same words.

A report has these keys; None stands for what a client has no way to do:

    header      the first frame after a token in the Authorization header
    extensions  what was agreed, of the compression that every client here offers
    first       the first frame after an ``auth`` frame
    ack, seq    the answer to a message of `LARGEST` bytes, and its seq
    stored      the length of its content in ``history``
    fragments   the id of the answer to a message in three fragments
    pong        the payload that came back for a ping
    binary      the close code after a binary message
    too_large   the close code after a message above the limit
    goodbye     the close code after closing with 4000
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import websockets
import websockets.asyncio.client
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

from tests.websocket.conftest import MAX_FRAME_BYTES
from tests.websocket.raw import WITHIN_S

LARGEST = "é" * 4096  # 8192 bytes of UTF-8: `websocket.max_message_size`
TOO_LARGE = "x" * (MAX_FRAME_BYTES + 1)
FRAGMENTS = ['{"type":"pi', 'ng","id":"äö', 'ü"}']
GOODBYE = 4000

Report = dict[str, Any]


def auth(token: str) -> str:
    return json.dumps({"type": "auth", "payload": {"token": token, "protocol": 1}})


def send(to_user_id: str, msg_id: str) -> str:
    payload = {"msg_id": msg_id, "to_user_id": to_user_id, "content": LARGEST}
    return json.dumps({"type": "send", "payload": payload}, ensure_ascii=False)


def history(ack: dict[str, Any]) -> str:
    payload = {"conversation_id": ack["payload"]["conversation_id"], "limit": 1}
    return json.dumps({"type": "history", "payload": payload})


def stored(page: dict[str, Any]) -> int:
    return len(page["payload"]["events"][-1]["content"].encode())


def run_sync(url: str, token: str, to_user_id: str) -> Report:
    """The client with threads of websockets."""
    connect = websockets.sync.client.connect
    report: Report = {}
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
        report["header"] = json.loads(socket.recv(WITHIN_S))["type"]
        report["extensions"] = ",".join(extension.name for extension in socket.protocol.extensions)
    with connect(url, proxy=None) as socket:
        socket.send(auth(token))
        report["first"] = json.loads(socket.recv(WITHIN_S))["type"]
        socket.send(send(to_user_id, "sync"))
        ack = json.loads(socket.recv(WITHIN_S))
        report["ack"], report["seq"] = ack["type"], ack["payload"]["seq"]
        socket.send(history(ack))
        report["stored"] = stored(json.loads(socket.recv(WITHIN_S)))
        socket.send(iter(FRAGMENTS))
        report["fragments"] = json.loads(socket.recv(WITHIN_S))["id"]
        report["pong"] = "ping" if socket.ping(b"ping").wait(WITHIN_S) else "nothing"
        socket.close(GOODBYE, "bye")
        report["goodbye"] = socket.protocol.close_code
    for name, message in (("binary", b"\x00"), ("too_large", TOO_LARGE)):
        with connect(url, proxy=None) as socket:
            socket.send(message)
            try:
                socket.recv(WITHIN_S)
            except ConnectionClosed as closed:
                report[name] = closed.rcvd and closed.rcvd.code
    return report


async def run_asyncio(url: str, token: str, to_user_id: str) -> Report:
    """The asyncio client of websockets."""
    connect = websockets.asyncio.client.connect
    report: Report = {}
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as socket:
        report["header"] = json.loads(await socket.recv())["type"]
        report["extensions"] = ",".join(extension.name for extension in socket.protocol.extensions)
    async with connect(url, proxy=None) as socket:
        await socket.send(auth(token))
        report["first"] = json.loads(await socket.recv())["type"]
        await socket.send(send(to_user_id, "asyncio"))
        ack = json.loads(await socket.recv())
        report["ack"], report["seq"] = ack["type"], ack["payload"]["seq"]
        await socket.send(history(ack))
        report["stored"] = stored(json.loads(await socket.recv()))
        await socket.send(iter(FRAGMENTS))
        report["fragments"] = json.loads(await socket.recv())["id"]
        pong = await socket.ping(b"ping")
        await asyncio.wait_for(pong, WITHIN_S)
        report["pong"] = "ping"
        await socket.close(GOODBYE, "bye")
        report["goodbye"] = socket.protocol.close_code
    for name, message in (("binary", b"\x00"), ("too_large", TOO_LARGE)):
        async with connect(url, proxy=None) as socket:
            await socket.send(message)
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                report[name] = closed.rcvd and closed.rcvd.code
    return report


async def run_aiohttp(url: str, token: str, to_user_id: str) -> Report:
    """The client of aiohttp; it sends no fragments."""
    report: Report = {"fragments": None}
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.ws_connect(url, headers=headers, compress=15) as socket:
            report["header"] = (await socket.receive_json(timeout=WITHIN_S))["type"]
            report["extensions"] = "permessage-deflate" if socket.compress else ""
        async with session.ws_connect(url, compress=15, autoping=False) as socket:
            await socket.send_str(auth(token))
            report["first"] = (await socket.receive_json(timeout=WITHIN_S))["type"]
            await socket.send_str(send(to_user_id, "aiohttp"))
            ack = await socket.receive_json(timeout=WITHIN_S)
            report["ack"], report["seq"] = ack["type"], ack["payload"]["seq"]
            await socket.send_str(history(ack))
            report["stored"] = stored(await socket.receive_json(timeout=WITHIN_S))
            await socket.ping(b"ping")
            report["pong"] = bytes((await socket.receive(timeout=WITHIN_S)).data).decode()
            await socket.close(code=GOODBYE, message=b"bye")
            report["goodbye"] = socket.close_code
        for name, message in (("binary", b"\x00"), ("too_large", TOO_LARGE.encode())):
            async with session.ws_connect(url) as socket:
                await socket.send_frame(
                    message, aiohttp.WSMsgType.BINARY if name == "binary" else aiohttp.WSMsgType.TEXT
                )
                report[name] = (await socket.receive(timeout=WITHIN_S)).data
    return report
