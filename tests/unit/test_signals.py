"""What signals mean, without sending any."""

from __future__ import annotations

import asyncio
import logging

import structlog

from pingme.cli.signals import Signals
from pingme.edge.logs import HANDLER, configure_logging


async def test_one_interrupt_leaves_in_good_order():
    """The server is told to leave, and goes on until it has."""
    stop = asyncio.Event()

    Signals(stop, at_terminal=True).interrupt()

    assert stop.is_set()


async def test_a_lost_terminal_leaves_in_good_order():
    """SIGHUP from a terminal that was closed is no abrupt end."""
    stop = asyncio.Event()

    Signals(stop, at_terminal=True).hang_up()

    assert stop.is_set()


async def test_elsewhere_a_hangup_opens_the_log_anew(tmp_path):
    """The server goes on; the file that was renamed is there again."""
    configure_logging("info", "json", str(tmp_path / "log"))
    (tmp_path / "log").rename(tmp_path / "log.1")
    stop = asyncio.Event()

    Signals(stop, at_terminal=False).hang_up()

    assert not stop.is_set()
    assert "log_reopened" in (tmp_path / "log").read_text(encoding="utf-8")
    root = logging.getLogger()
    for handler in [each for each in root.handlers if each.get_name() == HANDLER]:
        root.removeHandler(handler)
        handler.close()
    structlog.reset_defaults()
