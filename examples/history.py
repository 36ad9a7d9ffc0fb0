"""Print a chat from its beginning: python examples/history.py http://127.0.0.1:8080 ada her-password bob."""

import asyncio
import sys

from pingme.sdk import Client, Message


async def main(url: str, username: str, password: str, other: str) -> None:
    async with Client(url) as client:
        await client.login(username, password)
        conversation = await client.conversation_with(other)
        async for event in client.history(conversation, after_seq=0):
            if isinstance(event, Message):
                print(event.seq, "me:" if event.mine else f"{other}:", event.content)


asyncio.run(main(*sys.argv[1:]))
