"""Names of users and conversations; what is not known yet is looked up together."""

from __future__ import annotations

import contextlib

from pingme.cli.tui.text import clean
from pingme.domain.errors import PingMeError
from pingme.sdk import Client
from pingme.sdk.state import Snapshot

MAX_MISSING = 200  # looked up at once; the rest when it is shown again
ID_LENGTH = 8  # characters of an id, where the name is not known yet


class Names:
    """Looks names up for what is drawn.

    Args:
        client: asks the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._missing: set[str] = set()

    def user(self, user_id: str) -> str:
        """Return a user's name, or the end of the id until `fetch` has run."""
        if user_id == self._client.user_id:
            return "you"
        known = self._client.people.known(user_id)
        if known is None:
            if len(self._missing) < MAX_MISSING:
                self._missing.add(user_id)
            return f"…{user_id[-ID_LENGTH:]}"
        return clean(known.name)

    def conversation(self, snapshot: Snapshot) -> str:
        """Return a conversation's title."""
        info = snapshot.info
        if info.type == "group":
            return clean(info.name) or f"group {info.conversation_id[-ID_LENGTH:]}"
        if info.peer_id == self._client.user_id:
            return "notes to myself"
        return self.user(info.peer_id) if info.peer_id else f"…{info.conversation_id[-ID_LENGTH:]}"

    @property
    def is_missing(self) -> bool:
        """True when `fetch` has something to do."""
        return bool(self._missing)

    async def fetch(self) -> None:
        """Look up what was missing; what cannot be found now is asked for when it is drawn again."""
        missing, self._missing = self._missing, set()
        with contextlib.suppress(PingMeError):
            await self._client.people.get_many(missing)
