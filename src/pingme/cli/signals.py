"""What a signal means to a running server.

- SIGTERM, SIGINT: leave in good order. A second SIGINT ends at once: whoever presses Ctrl-C twice does not want to wait.
  A second SIGTERM changes nothing, because supervisors repeat it.
- SIGHUP: open the log file anew. At a terminal it says that the terminal is gone: then leave in good order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import structlog

from pingme.edge.logs import reopen_log

log = structlog.get_logger(__name__)


class Signals:
    """Turns signals into what they mean.

    Args:
        stop: set when the server shall leave.
        at_terminal: a terminal is where the server was started; None looks.
    """

    def __init__(self, stop: asyncio.Event, *, at_terminal: bool | None = None) -> None:
        self._stop = stop
        self._at_terminal = _at_terminal() if at_terminal is None else at_terminal
        self._interrupted = False

    def install(self) -> None:
        """Take the signals from now on; the running loop calls the handlers."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        loop.add_signal_handler(signal.SIGHUP, self.hang_up)

    def interrupt(self) -> None:
        """Leave; at the second time end at once, as a process that SIGINT has ended."""
        if self._interrupted:
            log.warning("ended_at_once", effect="what was not acknowledged is unknown to its senders")
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        self._interrupted = True
        self._stop.set()

    def hang_up(self) -> None:
        """Open the log file anew, or leave because the terminal is gone."""
        if self._at_terminal:
            self._stop.set()
        elif reopen_log():
            log.info("log_reopened")


def _at_terminal() -> bool:
    """Tell whether SIGHUP would come from a terminal; nohup has the signal ignored before the start."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return not ignored and sys.stdin is not None and sys.stdin.isatty()
