"""What lives inside a server process: the prelude of a drill lets it count its objects, by type, when it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.robust.drill import Server

WITHIN_S = 30.0
# The file DRILL_CENSUS.ask asks; it goes away when DRILL_CENSUS holds the answer.
PRELUDE = """
import collections, gc, json, os, threading, time
def count():
    place = os.environ["DRILL_CENSUS"]
    while True:
        time.sleep(0.05)
        if os.path.exists(place + ".ask"):
            gc.collect()
            found = collections.Counter(type(each).__qualname__ for each in gc.get_objects())
            with open(place, "w") as file:
                json.dump(found, file)
            os.unlink(place + ".ask")
threading.Thread(target=count, daemon=True).start()
"""


@dataclass(frozen=True, slots=True)
class Census:
    """A server at one moment.

    Attributes:
        rss_mib: resident memory.
        descriptors: open files and sockets.
        objects: how many of each type the garbage collector knows, by the type's name.
    """

    rss_mib: float
    descriptors: int
    objects: Mapping[str, int]

    @property
    def tasks(self) -> int:
        return self.objects.get("Task", 0)

    def grown(self, before: Census, *, at_least: int) -> dict[str, int]:
        """Return by how much types have grown since, the largest first."""
        growth = {
            name: count - before.objects.get(name, 0)
            for name, count in self.objects.items()
            if count - before.objects.get(name, 0) >= at_least
        }
        return dict(sorted(growth.items(), key=lambda each: -each[1]))


async def take_census(server: Server, place: Path) -> Census:
    """Count now.

    Args:
        server: runs with `PRELUDE`.
        place: what DRILL_CENSUS names.
    """
    ask = place.with_name(place.name + ".ask")
    ask.touch()
    async with asyncio.timeout(WITHIN_S):
        while ask.exists():  # noqa: ASYNC110  # another process removes it
            await asyncio.sleep(0.02)
    objects = json.loads(place.read_text(encoding="ascii"))  # noqa: ASYNC240  # a small file
    return Census(server.rss_mib(), server.descriptors(), objects)
