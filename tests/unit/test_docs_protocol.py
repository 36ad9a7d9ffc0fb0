"""docs/protocol.md names everything that is spoken, and its example can be computed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

import msgspec

from pingme.adapters.clock_system import SystemClock
from pingme.domain.chain import digest_of, first_hash, next_hash
from pingme.domain.ids import UserId, private_conversation_id
from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.edge.http.system import SystemInfo, create_system_router
from pingme.wire.close_codes import CLOSE_ROWS
from pingme.wire.session import CLIENT_FRAME_TYPES, SERVER_FRAME_TYPES
from pingme.wire.websocket import CloseCode

TEXT = (Path(__file__).resolve().parent.parent.parent / "docs" / "protocol.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text below a heading, up to the next one of its level or a higher one."""
    level = len(title) - len(title.lstrip("#"))
    _, _, rest = TEXT.partition(f"\n{title}\n")
    assert rest, f"no heading {title}"
    return re.split(rf"\n#{{1,{level}}} ", rest)[0]


def first_cells(text: str) -> set[str]:
    """Return the first cell of every table row, without its backticks."""
    return {cell.strip("`") for cell in re.findall(r"^\| (`[^`]+`|\d+) ", text, re.MULTILINE)}


def test_every_frame_of_clients_is_documented():
    """The table of client frames has exactly the types that are decoded."""
    assert first_cells(section("### What clients send")) == set(CLIENT_FRAME_TYPES)


def test_every_frame_of_servers_is_documented():
    """The table of server frames has every type."""
    assert set(SERVER_FRAME_TYPES) <= first_cells(section("### What servers send"))


def test_every_close_code_is_documented():
    """The table of close codes has exactly the codes that are used, with the words of the reference."""
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", section("## Close codes"), re.MULTILINE)

    assert rows == [(str(code.value), *CLOSE_ROWS[code]) for code in CloseCode]


def test_every_route_is_documented():
    """The table of routes has exactly the routes of the reference."""
    app = create_app(cast(HttpServices, None), clock=SystemClock())
    info = SystemInfo(
        service="PingMe", env="development", version="0", python="3", components=dict, not_ready=str
    )
    app.include_router(create_system_router(info))
    routes = {f"{method.upper()} {path}" for path, each in app.openapi()["paths"].items() for method in each}

    documented = {cell for cell in first_cells(section("## HTTP")) if " /" in cell}

    assert documented == routes


def test_the_hash_example_recomputes():
    """Who follows the page gets the printed values."""
    example = json.loads(re.findall(r"```json\n(.*?)```", section("## Rolling hash"), re.DOTALL)[0])
    conversation_id = example["conversation_id"]
    rolling = first_hash(conversation_id)

    assert conversation_id == private_conversation_id(UserId("uada"), UserId("ubob"))
    assert rolling.hex() == example["h0"]
    for event in example["events"]:
        body = msgspec.json.encode(event["body"])
        digest = digest_of(
            body,
            conversation_id,
            event["kind"],
            event["msg_id"],
            event["sender_id"],
            event["seq"],
            event["server_ts"],
        )
        rolling = next_hash(rolling, digest)
        assert (digest.hex(), rolling.hex()) == (event["digest"], event["hash"])
