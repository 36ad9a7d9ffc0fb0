"""When all that runs says that it is well again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

EVERY_S = 0.1
HELD_UP_S = 1.0  # a step that takes longer: this process did not run, which says nothing about the server
WITHIN_S = 60.0  # for engines that were started to serve, and for the nodes to notice


class Stopwatch:
    """Adds up the time in which this process ran; ask often."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()
        self._total_s = 0.0

    def read(self) -> float:
        """Return the seconds since it was made, less those in which the process stood still."""
        now_s = time.monotonic()
        self._total_s += min(now_s - self._last_s, HELD_UP_S)
        self._last_s = now_s
        return self._total_s


class NotWell(Exception):
    """A node is not well in time; the text has what it says."""


def is_well(told: Mapping[str, Any]) -> bool:
    """Tell whether nothing is wrong now; a change of the consumer group (50005) is shown for 15 s after it is over."""
    return all(
        each["status"] == "healthy" or ("50005" in each["detail"] and "directly" not in each["detail"])
        for each in told["components"].values()
    )


async def until_well(urls: Sequence[str], within_s: float = WITHIN_S) -> float:
    """Return when /health of every node says so, and how many seconds that took.

    Raises:
        NotWell: not in time.
    """
    watch = Stopwatch()
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        for url in urls:
            while (told := await _health(http, url)) is None or not is_well(told):
                if watch.read() > within_s:
                    raise NotWell(f"not well within {within_s} s: {told}")
                await asyncio.sleep(EVERY_S)
    return watch.read()


async def _health(http: httpx.AsyncClient, url: str) -> Any:
    try:
        return (await http.get(f"{url}/health")).json()
    except (httpx.HTTPError, ValueError):
        return None


class Recovery:
    """Measures how long it takes until all is well, beside whatever else happens.

    Args:
        urls: of all nodes.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._measuring: asyncio.Task[float] | None = None

    def begin(self) -> None:
        """Begin: the last fault is over."""
        self._measuring = asyncio.create_task(until_well(self._urls))

    async def end(self) -> float | None:
        """Return the seconds from `begin`; None when it has not come to that.

        Raises:
            NotWell: not in time.
        """
        return None if self._measuring is None else await self._measuring
