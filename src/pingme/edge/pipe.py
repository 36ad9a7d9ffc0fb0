"""What a connection needs of its transport, so that picows and uvicorn's own WebSocket class serve the same code."""

from __future__ import annotations

from typing import Protocol


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

    def close(self) -> None:
        """Send what is buffered, then close."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...
