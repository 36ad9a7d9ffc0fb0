"""Profiles: one folder per account and server, in which `pingme chat` keeps its session and unsent messages.

They live in ``$XDG_DATA_HOME/pingme/profiles`` (``~/.local/share/pingme/profiles`` without it).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pingme.domain.errors import ErrorCode, Refused
from pingme.sdk.session import Tokens, load_tokens

DEFAULT_SERVER = "http://127.0.0.1:8080"
SERVER_VARIABLE = "PINGME_SERVER"
TOKEN_VARIABLE = "PINGME_TOKEN"  # noqa: S105  # the name of a variable
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_TWINS = 20  # devices per user that a server allows
_LAST = "last"


@dataclass(frozen=True, slots=True)
class Profile:
    """A folder with a session in it."""

    folder: Path
    tokens: Tokens


class BadServer(Refused):
    """What was given is no address of a server."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            ErrorCode.INVALID_PARAMETERS, f"server: expected http://host:port, got {url!r}: {why}"
        )


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
    """Return the server to talk to: the option, the environment, the profile, this machine.

    Raises:
        BadServer: it is no address of a server.
    """
    chosen = (
        option or os.environ.get(SERVER_VARIABLE) or (profile.tokens.server if profile else DEFAULT_SERVER)
    )
    url = (chosen if "://" in chosen else f"http://{chosen}").rstrip("/")
    check_server(url)
    return url


def check_server(url: str) -> None:
    """Raise `BadServer` where nothing can be reached by this URL, whoever listens."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise BadServer(url, str(exc)) from exc
    if parts.scheme not in {"http", "https"}:
        raise BadServer(url, "it begins with neither http:// nor https://")
    if not parts.hostname or not re.fullmatch(r"[\w.:%-]+", parts.hostname):
        raise BadServer(url, "there is no host in it")
    if port == 0:
        raise BadServer(url, "port 0 is none")
    if parts.query or parts.fragment:
        raise BadServer(url, "it has a query or a fragment")


def spare_loopback(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let proxies that the environment names (``HTTP_PROXY`` …) be used for other machines only: none can reach this one."""
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if "*" not in names:
        environ["no_proxy"] = environ["NO_PROXY"] = ",".join(dict.fromkeys([*names, *LOOPBACK]))


def _default_base() -> Path:
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "pingme" / "profiles"


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text.casefold()).strip("._") or "_"
