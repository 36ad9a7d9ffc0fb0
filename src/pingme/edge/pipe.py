"""What a connection needs of its transport, so that picows and plain Python serve the same code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

Taken: TypeAlias = "tuple[Connection, Callable[[bytes], None]]"
"""A connection that serves a socket, and the function that gives it bytes that came before it was there."""


class Pipe(Protocol):
    """A byte stream to one client. No method blocks or raises."""

    def write(self, data: bytes) -> None:
        """Send whole WebSocket frames."""
        ...

    def buffered(self) -> int:
        """Return how many bytes were written and are not sent yet."""
        ...

    def pause_reading(self) -> None:
        """Stop reading; what is in the buffer may still arrive."""
        ...

    def resume_reading(self) -> None:
        """Read again."""
        ...

    def end_writing(self) -> None:
        """Send what is buffered, then the end of the stream; what still comes is read (RFC 6455 §7.1.1)."""
        ...

    def close(self) -> None:
        """Send what is buffered, then close."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...
