"""People who chat while things fail: groups and private chats, edits, recalls, reactions, and a guest who comes and goes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.account import Caller, Nodes
from tests.chaos.client import Device
from tests.chaos.recorder import Recorder

PEOPLE: Mapping[str, Sequence[str]] = {
    "ada": ("d1", "d2"),
    "ben": ("d1", "d2"),
    "cleo": ("d1",),
    "dora": ("d1",),
}
GUEST = "dora"
LISTENERS = ("ada/d2", "dora/d1")  # they write nothing: what they have, they were given
GROUPS = {"team": "from_join", "open": "full"}  # name -> history_policy
GUEST_S = 1.0  # between two changes of the guest's membership, about
SETTLES_WITHIN_S = 200.0  # above the clients' own bound


@dataclass(slots=True)
class Crowd:
    """Everybody's devices, connected.

    Attributes:
        devices: by ``user/device``.
        users: name -> user id; groups: name -> id.
        suffix: of all usernames; another one for each crowd of a server, whose histories are judged apart.
    """

    folder: Path
    nodes: Nodes
    chance: random.Random
    suffix: str = ""
    devices: dict[str, Device] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def arrive(self) -> None:
        """Log everybody in, make the groups, connect."""
        self.folder.mkdir(parents=True)
        for user, devices in PEOPLE.items():
            for device in devices:
                await self._login(user, device)
        members = [user_id for name, user_id in self.users.items() if name != GUEST]
        for name, policy in GROUPS.items():
            self.groups[name] = await self.callers["ada/d1"].create_group(name, members, policy)
        self.tasks = [asyncio.create_task(device.run()) for device in self.devices.values()]

    async def _login(self, user: str, device: str) -> None:
        name = f"{user}/{device}"
        login = await self.nodes.login(user + self.suffix, device)
        recorder = Recorder(self.folder / f"{user}-{device}.ndjson", login.user_id, device)
        self.users[user] = login.user_id
        self.devices[name] = Device(self.nodes, login, recorder, random.Random(self.chance.random()))
        self.callers[name] = Caller(self.nodes, login, recorder)

    async def talk(self, per_s: float, until_s: float) -> None:
        """Let all writers write at this rate each, and the guest come and go, until this moment of the loop's clock."""
        writers = [device for name, device in self.devices.items() if name not in LISTENERS]
        host = random.Random(
            self.chance.random()
        )  # its own, so that the seed alone decides who comes and goes
        async with asyncio.TaskGroup() as tasks:
            for device in writers:
                tasks.create_task(self._write(device, per_s, until_s))
            tasks.create_task(self._host(until_s, host))

    async def settle(self) -> None:
        """Wait until everything is answered and everybody has caught up; then read it all once more."""
        for work in (Device.settled, Device.caught_up, Device.read_everything):
            async with asyncio.timeout(SETTLES_WITHIN_S):
                await asyncio.gather(*(work(device) for device in self.devices.values()))

    async def dismiss(self, names: Sequence[str]) -> None:
        """Disconnect all devices of some people for good."""
        leaving = [
            task
            for device, task in zip(self.devices, self.tasks, strict=True)
            if device.partition("/")[0] in names
        ]
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def leave(self) -> None:
        """Disconnect and close the histories; a fault of a client itself is raised."""
        for device in self.devices.values():
            device.stop()
        for task in self.tasks:
            task.cancel()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        for device in self.devices.values():
            device.recorder.close()
        await self.nodes.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _write(self, device: Device, per_s: float, until_s: float) -> None:
        clock = asyncio.get_running_loop().time
        number = 0
        while clock() < until_s:
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) / per_s)
            if device.may_send:
                number += 1
                await self._operate(device, number)

    async def _operate(self, device: Device, number: int) -> None:
        """Most of what people do is write to groups; the rest is everything else."""
        dice = self.chance.random()
        group_id = self.chance.choice(list(self.groups.values()))
        text = f"{number} of {device.login.device_id} … " + "x" * self.chance.randint(0, 200)
        if dice < 0.1 and device.mine:
            conversation_id, seq = self.chance.choice(device.mine)
            match self.chance.choice(("edit", "recall", "reaction")):
                case "edit":
                    await device.change("edit", conversation_id, seq, content=f"edited: {text}")
                case "recall":
                    await device.change("recall", conversation_id, seq)
                case _:
                    await device.change("reaction", conversation_id, seq, emoji=self.chance.choice("👍🎉👀"))
        elif dice < 0.3:
            others = [
                user for name, user in self.users.items() if user != device.login.user_id and name != GUEST
            ]
            await device.say("", text, self.chance.choice(others))
        else:
            await device.say(group_id, text)

    async def _host(self, until_s: float, chance: random.Random) -> None:
        """Let the guest into each group and out again."""
        clock, host, guest = asyncio.get_running_loop().time, self.callers["ada/d1"], self.users[GUEST]
        inside: set[str] = set()
        while clock() < until_s:
            await asyncio.sleep(chance.uniform(0.5, 1.5) * GUEST_S)
            group_id = chance.choice(list(self.groups.values()))
            if group_id in inside:
                await host.remove(group_id, guest)
                inside.discard(group_id)
            else:
                await host.add(group_id, guest)
                inside.add(group_id)
