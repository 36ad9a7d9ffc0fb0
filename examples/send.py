"""Send one message: python examples/send.py http://127.0.0.1:8080 ada her-password bob "hello bob"."""

import asyncio
import sys

from pingme.sdk import Client


async def main(url: str, username: str, password: str, to: str, content: str) -> None:
    async with Client(url) as client:
        await client.login(username, password)
        sent = await client.send(content, to=to)  # returns when it is stored
        print(f"stored as number {sent.seq} of {sent.conversation_id}")


asyncio.run(main(*sys.argv[1:]))
