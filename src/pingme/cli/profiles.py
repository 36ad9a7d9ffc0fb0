"""Profiles: one folder per account and server, in which `pingme chat` keeps its session and unsent messages.

They live in ``$XDG_DATA_HOME/pingme/profiles`` (``~/.local/share/pingme/profiles`` without it).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pingme.sdk.session import Tokens, load_tokens

DEFAULT_SERVER = "http://127.0.0.1:8080"
SERVER_VARIABLE = "PINGME_SERVER"
TOKEN_VARIABLE = "PINGME_TOKEN"  # noqa: S105  # the name of a variable
MAX_TWINS = 20  # devices per user that a server allows
_LAST = "last"


@dataclass(frozen=True, slots=True)
class Profile:
    """A folder with a session in it."""

    folder: Path
    tokens: Tokens


class Profiles:
    """The profiles below one folder.

    Args:
        base: where they are; the user's own place by default.
    """

    def __init__(self, base: Path | None = None) -> None:
        self.base = base or _default_base()

    def folder(self, server: str, username: str) -> Path:
        """Return the folder of an account; the next free one when a program uses it is found with `twins`."""
        return next(self.twins(server, username))

    def twins(self, server: str, username: str) -> Iterator[Path]:
        """Yield the folders for one account, for programs that run at the same time: each is a device."""
        name = f"{_slug(username)}@{_slug(server.partition('://')[2] or server)}"
        yield self.base / name
        for number in range(2, MAX_TWINS + 1):
            yield self.base / f"{name}-{number}"

    def all(self) -> list[Profile]:
        """Return the profiles that hold a session."""
        if not self.base.is_dir():
            return []
        found = ((folder, load_tokens(folder)) for folder in sorted(self.base.iterdir()) if folder.is_dir())
        return [Profile(folder, tokens) for folder, tokens in found if tokens is not None]

    def find(self, *, server: str | None = None, username: str | None = None) -> Profile | None:
        """Return the profile that fits, the one used last before others; None when there is none."""
        fitting = [
            profile
            for profile in self.all()
            if (server is None or profile.tokens.server == server)
            and (username is None or profile.tokens.username.casefold() == username.casefold())
        ]
        last = self._last()
        return next(
            (profile for profile in fitting if profile.folder.name == last), next(iter(fitting), None)
        )

    def remember(self, folder: Path) -> None:
        """Note that this profile was used last."""
        self.base.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.base / _LAST).write_text(folder.name, encoding="utf-8")

    def _last(self) -> str:
        try:
            return (self.base / _LAST).read_text(encoding="utf-8").strip()
        except OSError:
            return ""


def server_of(option: str | None, profile: Profile | None = None) -> str:
    """Return the server to talk to: the option, the environment, the profile, this machine."""
    chosen = (
        option or os.environ.get(SERVER_VARIABLE) or (profile.tokens.server if profile else DEFAULT_SERVER)
    )
    return (chosen if "://" in chosen else f"http://{chosen}").rstrip("/")


def _default_base() -> Path:
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "pingme" / "profiles"


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text.casefold()).strip("._") or "_"
