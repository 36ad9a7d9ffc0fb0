"""What `pingme user …` asks of a running server: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import User
from pingme.services.accounts import Accounts

Handler = Callable[[Accounts, dict[str, Any]], Awaitable[dict[str, Any]]]


def _text(arguments: dict[str, Any], name: str, default: str | None = None) -> str:
    value = arguments.get(name, default)
    if not isinstance(value, str):
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"{name}: expected a text")
    return value


def view(user: User) -> dict[str, Any]:
    """Return an account as administrators see it."""
    return msgspec.structs.asdict(user)


async def create(accounts: Accounts, arguments: dict[str, Any]) -> dict[str, Any]:
    """``username, password, email?, nickname?`` → ``{user}``."""
    user = await accounts.admin_create(
        _text(arguments, "username"),
        _text(arguments, "password"),
        email=_text(arguments, "email", ""),
        nickname=_text(arguments, "nickname", ""),
    )
    return {"user": view(user)}


async def list_users(accounts: Accounts, arguments: dict[str, Any]) -> dict[str, Any]:
    """``after? (a username), limit?`` → ``{items, next_cursor}``; next_cursor is the next ``after``, or
    None.
    """
    limit = arguments.get("limit", 100)
    if not isinstance(limit, int) or not 1 <= limit <= 1_000:
        raise Refused(ErrorCode.INVALID_PARAMETERS, "limit: expected 1 to 1000")
    users = await accounts.admin_list(after=_text(arguments, "after", ""), limit=limit)
    following = users[-1].username if len(users) == limit else None
    return {"items": [view(user) for user in users], "next_cursor": following}


async def disable(accounts: Accounts, arguments: dict[str, Any]) -> dict[str, Any]:
    """``username`` (or user_id) → ``{user}``."""
    return {"user": view(await accounts.admin_set_disabled(_text(arguments, "username"), disabled=True))}


async def enable(accounts: Accounts, arguments: dict[str, Any]) -> dict[str, Any]:
    """``username`` (or user_id) → ``{user}``."""
    return {"user": view(await accounts.admin_set_disabled(_text(arguments, "username"), disabled=False))}


async def set_password(accounts: Accounts, arguments: dict[str, Any]) -> dict[str, Any]:
    """``username`` (or user_id), ``password`` → ``{user}``."""
    user = await accounts.admin_set_password(_text(arguments, "username"), _text(arguments, "password"))
    return {"user": view(user)}


HANDLERS: dict[str, Handler] = {
    "user.create": create,
    "user.list": list_users,
    "user.disable": disable,
    "user.enable": enable,
    "user.set_password": set_password,
}
"""By the name of the command on the admin socket."""
