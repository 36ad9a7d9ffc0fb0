"""The signing secret that is made once and kept, where nobody has configured one (development only)."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

from pingme.domain.errors import PingMeError

SECRET_BYTES = 48  # 64 characters of base64url; HS256 asks for 32 bytes or more (RFC 7518 §3.2)
SECRET_MIN_CHARS = 32


def load_or_make_secret(path: Path, *, entropy: Callable[[int], bytes]) -> str:
    """Return the secret in a file, which is made with mode 0600 when it is missing.

    Two processes that start together get the same secret: the file appears whole, and only once.

    Args:
        path: of the file; its folder is made.
        entropy: source of unpredictable bytes.

    Raises:
        PingMeError: the file cannot be read or written, or is too short.
    """
    try:
        if not path.exists():
            _make(path, base64.urlsafe_b64encode(entropy(SECRET_BYTES)).decode("ascii"))
        secret = path.read_text("ascii").strip()
    except (OSError, ValueError) as exc:
        message = f"cannot keep the signing secret in {path}: {exc}"
        raise PingMeError(message) from exc
    if len(secret) < SECRET_MIN_CHARS:
        message = (
            f"{path}: expected {SECRET_MIN_CHARS} characters or more; delete the file to make a new secret"
        )
        raise PingMeError(message)
    return secret


def _make(path: Path, secret: str) -> None:
    """Write a file beside it, then link: whoever comes second finds the first one's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except OSError:
        if not path.exists():  # else somebody was first
            draft.rename(path)  # a file system without links
    finally:
        draft.unlink(missing_ok=True)
