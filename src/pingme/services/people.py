"""Other people's accounts: by id, many at once, and by the beginning of a name."""

from __future__ import annotations

from collections.abc import Iterable

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.ids import is_id
from pingme.ports.accounts import AccountStore, User
from pingme.services.user_search import UserPage, search_users

MAX_IDS = 100  # users asked for by one call of the API: about 3 KB of address


class People:
    """Looks accounts up.

    Args:
        store: where they are.
    """

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    async def by_ids(self, user_ids: Iterable[str], *, limit: int = MAX_IDS) -> list[User]:
        """Return these accounts in the order asked for, each once; ids that nobody has are left out.

        Args:
            user_ids: any number of repeats, at most ``limit`` different ones.
            limit: 1 to 200.

        Raises:
            Refused: 10002.
            StoreUnavailable: it cannot be read now.
        """
        wanted = list(dict.fromkeys(user_ids))
        if not 1 <= len(wanted) <= limit or not all(map(is_id, wanted)):
            raise Refused(ErrorCode.INVALID_PARAMETERS, f"ids: expected 1 to {limit} user ids")
        found = {user.user_id: user for user in await self._store.users(wanted)}
        return [found[user_id] for user_id in wanted if user_id in found]

    async def search(self, query: str, *, cursor: str | None = None, limit: int = 20) -> UserPage:
        """Find users by the beginning of their names; see `search_users`."""
        return await search_users(self._store, query, cursor=cursor, limit=limit)
