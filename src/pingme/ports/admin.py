"""What administrators may ask of a server: named calls with plain values in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Progress = Callable[[Mapping[str, Any]], None]
"""Tells whoever waits how far a call has got, such as ``{"phase": "copy", "done": 3, "total": 10}``.

Called from the event loop's thread; returns at once. Reports may be left out, but are never reordered.
"""

AdminHandler = Callable[[dict[str, Any], Progress], Awaitable[object]]
"""Answers one call; the result is what JSON can say. `PingMeError` is for the caller to read."""
