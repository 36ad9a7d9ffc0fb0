"""Single keys from a terminal, without Enter and without showing them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def keys(press: Callable[[str], None]) -> Iterator[None]:
    """Call ``press`` with each key while the block runs; nothing happens where standard input is no terminal.

    The terminal is put back as it was, however the block ends. Runs on an event loop.
    """
    if not sys.stdin.isatty():
        yield
        return
    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        got = os.read(descriptor, 64).decode("utf-8", "replace")
        if not got:  # the terminal is gone
            loop.remove_reader(descriptor)
        for key in got:
            press(key)

    tty.setcbreak(descriptor, termios.TCSANOW)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
