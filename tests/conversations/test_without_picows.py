"""Where picows cannot be loaded, plain Python serves the same conversations."""

from __future__ import annotations

from pathlib import Path

from pingme.sdk import Message
from tests.conversations.people import contents, hear, person, say
from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess

NO_PICOWS = "import sys; sys.modules['picows'] = None\n"


async def test_two_people_chat_without_picows(tmp_path: Path) -> None:
    """Messages arrive and are kept, and the log says that the slower code serves."""
    async with ServerProcess(tmp_path / "data", prelude=NO_PICOWS + CHEAP_PASSWORDS) as server:
        async with person(server.url, "ada") as ada, person(server.url, "ben") as ben:
            sent = await say(ada, "hello", to="ben")

            heard = await hear(ben, Message)

            assert heard.content == "hello"
            assert await contents(ada, sent.conversation_id) == ["hello"]
        assert "picows_missing" in server.log()
