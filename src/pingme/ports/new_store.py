"""A store that is being filled by an import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pingme.wire.export import Record


class NewStore(Protocol):
    """An empty store, and nobody's until `finish` has returned: until then no server starts on it.

    What `finish` has confirmed is on disk. Everything before may be undone by `abandon`, or by the next import where
    this process has died.
    """

    @property
    def place(self) -> str:
        """Where it is, for people."""
        ...

    async def begin(self) -> None:
        """Take the place, and remove what an unfinished import has left there.

        Raises:
            NotEmpty: there is a store with something in it; nothing was changed.
            StoreError: it cannot be used; the text says what to do.
        """
        ...

    async def write(self, records: Sequence[Record]) -> None:
        """Store records, all or none; accounts come before whatever names them, conversations before what is in them.

        Args:
            records: checked (`pingme.wire.export_check`), in the order of an export.

        Raises:
            StoreError: nothing of them was written, for instance because two events have the same sender and msg_id.
        """
        ...

    async def finish(self) -> str:
        """Make it a store that servers use, with a new epoch, and return that.

        Raises:
            StoreError: it is not finished.
        """
        ...

    async def abandon(self) -> None:
        """Leave nothing behind, or a store that says that its import was not finished."""
        ...
