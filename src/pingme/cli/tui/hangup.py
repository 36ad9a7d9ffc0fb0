"""The terminal client ends when its terminal is gone, however it is told.

The system tells a session's leader (SIGHUP), and only a shell passes it on: under `make chat` in a window of its own, or
nohup, nobody does. Textual then reads an end of input without pause, and waits for ever for a screen that takes nothing.
"""

from __future__ import annotations

import os
import select
import threading

EXIT_STATUS = 129  # 128 + SIGHUP, as a shell reports it


def end_with_terminal(descriptor: int = 0) -> None:
    """End this process as SIGHUP would when the terminal at this descriptor is gone; what is unsent is kept on disk."""
    if hasattr(select, "poll") and os.isatty(descriptor):  # Windows has no poll, and no hangups
        threading.Thread(target=_watch, args=(descriptor,), name="hangup", daemon=True).start()


def _watch(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # a hangup is told unasked
    for _, events in poll.poll():
        if events & (select.POLLHUP | select.POLLERR):
            os._exit(EXIT_STATUS)  # the event loop may be stuck in a write to the terminal
