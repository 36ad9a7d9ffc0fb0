"""Make a group and greet it: python examples/group.py http://127.0.0.1:8080 ada her-password friends bob eve."""

import asyncio
import sys

from pingme.sdk import Client


async def main(url: str, username: str, password: str, name: str, *members: str) -> None:
    async with Client(url) as client:
        await client.login(username, password)
        group = await client.create_group(name, members)
        await client.send(f"welcome to {name}", group=group.group_id)
        print(f"{name} is {group.group_id}, with {len(await client.groups.members(group.group_id))} members")


asyncio.run(main(*sys.argv[1:]))
