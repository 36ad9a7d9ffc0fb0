"""A bot that says everything back: python examples/echo_bot.py http://127.0.0.1:8080 bot its-password."""

import asyncio
import sys
from contextlib import suppress

from pingme.sdk import Client, Message, Refused


async def main(url: str, username: str, password: str) -> None:
    async with Client(url, data_dir=f".{username}") as bot:  # goes on after a restart where it was
        await bot.login(username, password)
        async for event in bot.events():
            if isinstance(event, Message) and not event.mine and not event.recalled:
                with suppress(Refused):  # somebody has left the group meanwhile, say: go on with the others
                    await bot.send(event.content, conversation=event.conversation_id, reply_to=event.seq)


asyncio.run(main(*sys.argv[1:]))
