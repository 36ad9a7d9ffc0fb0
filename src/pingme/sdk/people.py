"""Users by id and by name, remembered for a while."""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable

from pingme.domain.errors import ErrorCode, Refused
from pingme.sdk.models import User
from pingme.sdk.rest import Rest

MAX_ASKED = 100  # users in one call (docs/protocol.md, "HTTP")
MAX_REMEMBERED = 2_000  # users; about 1 MB
_USER_ID = re.compile(r"u[0-9a-v]{26}\Z")  # `pingme.domain.ids.time_ordered_id`


class People:
    """Looks users up.

    Args:
        rest: makes the calls.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._users: OrderedDict[str, User] = OrderedDict()

    def known(self, user_id: str) -> User | None:
        """Return a user that was looked up before."""
        return self._users.get(user_id)

    async def get(self, user_id: str) -> User:
        """Return a user by id.

        Raises:
            Refused: 30001, there is none.
        """
        return self._users.get(user_id) or self.remember(await self._rest.user(user_id))

    async def get_many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """Return users by id; those not looked up before are asked for a hundred at a time, unknown ids are left out."""
        wanted = list(dict.fromkeys(user_ids))
        found = {user_id: user for user_id in wanted if (user := self._users.get(user_id))}
        missing = [user_id for user_id in wanted if user_id not in found]
        for start in range(0, len(missing), MAX_ASKED):
            for user in await self._rest.users(missing[start : start + MAX_ASKED]):
                found[user.user_id] = self.remember(user)
        return found

    async def id_of(self, who: str) -> str:
        """Return the id of a user given by id or by username.

        Raises:
            Refused: 30001, there is none.
        """
        if _USER_ID.match(who):
            return who
        wanted = _plain(who)
        for user in self._users.values():
            if _plain(user.username) == wanted:
                return user.user_id
        for user in await self._rest.search_users(who):
            self.remember(user)
            if _plain(user.username) == wanted:
                return user.user_id
        raise Refused(ErrorCode.USER_NOT_FOUND, f"there is no user {who!r}")

    def remember(self, user: User) -> User:
        """Keep a user that came by another way."""
        self._users[user.user_id] = user
        self._users.move_to_end(user.user_id)
        if len(self._users) > MAX_REMEMBERED:
            self._users.popitem(last=False)
        return user


def _plain(username: str) -> str:
    """Return a username as the server compares it."""
    return unicodedata.normalize("NFKC", username).casefold()
