"""Where picows cannot be loaded, uvicorn's own WebSocket class serves the same conversations."""

from __future__ import annotations

from pathlib import Path

from pingme.edge.ws_asgi import split_frames
from pingme.sdk import Message
from pingme.wire.websocket import CLOSE, TEXT, close_frame, text_frame
from tests.conversations.people import contents, hear, person, say
from tests.conversations.server import ServerProcess

NO_PICOWS = "import sys; sys.modules['picows'] = None"


async def test_two_people_chat_without_picows(tmp_path: Path) -> None:
    """Messages arrive and are kept, and the log says that the slower class serves."""
    async with ServerProcess(tmp_path / "data", prelude=NO_PICOWS) as server:
        async with person(server.url, "ada") as ada, person(server.url, "ben") as ben:
            sent = await say(ada, "hello", to="ben")

            heard = await hear(ben, Message)

            assert heard.content == "hello"
            assert await contents(ada, sent.conversation_id) == ["hello"]
        assert "picows_missing" in server.log()


def test_frames_are_split_as_they_were_written() -> None:
    """Short, long and very long texts, and a close frame, written at once."""
    texts = [b"a", b"b" * 126, b"c" * 70_000]
    data = b"".join(map(text_frame, texts)) + close_frame(1001, "bye")

    assert split_frames(data) == [*((TEXT, text) for text in texts), (CLOSE, b"\x03\xe9bye")]
