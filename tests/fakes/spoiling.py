"""A good tale to begin with, and small ways to spoil what stands in last readings."""

from __future__ import annotations

from collections.abc import Callable

from tests.checker.chain import private_id
from tests.fakes.tale import Line, Tale

Spoil = Callable[[Tale], None]
GROUP = "gall"
PRIVATE = private_id("uada", "uben")
ZERO = "00" * 16
TEXT = {"content": "hello", "content_type": "text"}


def good_tale() -> Tale:
    """Ada (two devices), Ben and Cleo talk; Cleo is removed at 6, Dora comes at 8. Nothing is wrong yet."""
    tale = Tale()
    for name in ("uada/d1", "uada/d2", "uben/d1", "ucleo/d1", "udora/d1"):
        tale.device(name)
    tale.create("uada/d1", GROUP, "uada", "uben", "ucleo")
    for name in ("uada/d1", "uben/d1", "uada/d1", "uben/d1"):
        tale.say(name, GROUP, f"said at {tale.now_s}")
    tale.do("uada/d1", GROUP, "member_removed", user_id="ucleo")
    tale.say("uben/d1", GROUP, "not for cleo")
    tale.do("uada/d1", GROUP, "member_joined", user_ids=["udora"])
    tale.say("uada/d1", GROUP, "for dora too")
    tale.do("uada/d1", PRIVATE, "message", **TEXT, to_user_id="uben")
    return tale


def without(seq: int) -> Callable[[list[Line]], None]:
    """Return what takes an event out of pages."""

    def change(events: list[Line]) -> None:
        events[:] = [event for event in events if event["seq"] != seq]

    return change


def altered(seq: int, **fields: object) -> Callable[[list[Line]], None]:
    """Return what changes an event in pages."""

    def change(events: list[Line]) -> None:
        for event in events:
            if event["seq"] == seq:
                event.update(fields)

    return change


def of_group(tale: Tale, name: str, change: Callable[[list[Line]], None]) -> None:
    for page in tale.pages(name, "final"):
        if page["conversation"] == GROUP:
            change(page["events"])
