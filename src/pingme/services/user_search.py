"""Find people by the beginning of their username or nickname, page by page."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.usernames import NICKNAME_MAX, is_unicode, username_key
from pingme.ports.accounts import AccountStore, User

SEARCH_LIMIT = 50  # users in one page


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some users; ``next_cursor`` is None at the end. A page before the end may hold fewer than asked for."""

    items: list[User]
    next_cursor: str | None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page begins: first all usernames, then the nicknames."""

    part: Literal["u", "n"] = "u"
    key: str = ""
    user_id: str = ""


_decode = msgspec.json.Decoder(_Cursor).decode


async def search_users(
    store: AccountStore, query: str, *, cursor: str | None = None, limit: int = 20
) -> UserPage:
    """Return enabled users whose username, then those whose nickname, begins with the query.

    Each page is a range of one index: a page costs the same however many users there are.

    Args:
        store: where to look.
        query: 1 to 64 characters, compared in NFKC without case.
        cursor: ``next_cursor`` of the page before.
        limit: 1 to 50.

    Raises:
        Refused: 10002.
    """
    prefix = username_key(query.strip())
    if not prefix or len(query) > NICKNAME_MAX or not is_unicode(query):
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"query: expected 1 to {NICKNAME_MAX} characters")
    start = _parse(cursor) if cursor else _Cursor()
    limit = max(1, min(limit, SEARCH_LIMIT))
    if start.part == "u":
        page = await _by_username(store, prefix, start, limit)
        if page.items:
            return page
        start = _Cursor("n")
    return await _by_nickname(store, prefix, start, limit)


async def _by_username(store: AccountStore, prefix: str, start: _Cursor, limit: int) -> UserPage:
    users = list(await store.users_by_username(prefix, after_key=start.key, limit=limit))
    more = _Cursor("u", username_key(users[-1].username)) if len(users) == limit else _Cursor("n")
    return UserPage(users, _text(more))


async def _by_nickname(store: AccountStore, prefix: str, start: _Cursor, limit: int) -> UserPage:
    users = list(await store.users_by_nickname(prefix, after=(start.key, start.user_id), limit=limit))
    last = users[-1] if len(users) == limit else None
    following = _text(_Cursor("n", username_key(last.nickname), last.user_id)) if last else None
    fresh = [
        user for user in users if not username_key(user.username).startswith(prefix)
    ]  # the rest came before
    return UserPage(fresh, following)


def _text(cursor: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode("ascii").rstrip("=")


def _parse(text: str) -> _Cursor:
    try:
        return _decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as exc:
        raise Refused(
            ErrorCode.INVALID_PARAMETERS, "cursor: expected next_cursor of the page before"
        ) from exc
