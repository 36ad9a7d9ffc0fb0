"""Files that do not change while the server runs, held whole, with their compressed forms: what to answer for each."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from starlette.datastructures import Headers
from starlette.responses import Response

MAX_TOTAL_BYTES = 8 << 20  # the whole web client is a tenth of it, compressed forms included
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # the better one first
TYPES = {
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".map": "application/json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a file; ``etag`` is strong: other bytes, other tag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file.

    Attributes:
        media_type: with its charset for text.
        variants: "" for the file itself, ``br`` and ``gzip`` where they are smaller.
    """

    media_type: str
    variants: Mapping[str, Variant]


def load_files(folder: Traversable) -> dict[str, StaticFile]:
    """Return every file below a folder by its path, ``assets/main.js`` for example; {} when there is no folder.

    Only what is in this table can be asked for, so a path never reaches the file system.

    Raises:
        ValueError: more than `MAX_TOTAL_BYTES`.
    """
    found = dict(_walk(folder)) if folder.is_dir() else {}
    if sum(map(len, found.values())) > MAX_TOTAL_BYTES:
        raise ValueError(f"expected at most {MAX_TOTAL_BYTES} bytes in {folder}")
    return {path: _file(path, found) for path in found if not path.endswith(tuple(ENCODINGS.values()))}


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        path = prefix + each.name
        if each.is_dir():
            yield from _walk(each, f"{path}/")
        else:
            yield path, each.read_bytes()


def _file(path: str, found: Mapping[str, bytes]) -> StaticFile:
    forms = {"": found[path]} | {
        name: found[path + suffix] for name, suffix in ENCODINGS.items() if path + suffix in found
    }
    return StaticFile(
        media_type_of(path),
        {
            name: Variant(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
            for name, body in forms.items()
            if not name or len(body) < len(forms[""])
        },
    )


def media_type_of(path: str) -> str:
    """Return the content type of a path; what is not known is bytes, which no browser runs."""
    suffix = "." + path.rpartition(".")[2]
    # The tables of the machine differ (mimetypes reads them), so what matters is named here.
    found = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def answer(
    file: StaticFile, request: Headers, *, cache_control: str, extra: Mapping[str, str] | None = None
) -> Response:
    """Answer GET or HEAD for a file: the best form that the client takes, or 304 when it has it (RFC 9110 §13.1.2).

    Args:
        file: what was asked for.
        request: the headers of the request.
        cache_control: for this file.
        extra: further headers.
    """
    encoding = choose_encoding(request.get("accept-encoding", ""), file.variants)
    variant = file.variants[encoding]
    headers = {"ETag": variant.etag, "Cache-Control": cache_control, **(extra or {})}
    if len(file.variants) > 1:
        headers["Vary"] = "Accept-Encoding"
    if matches(request.get("if-none-match", ""), variant.etag):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(variant.body, media_type=file.media_type, headers=headers)


def choose_encoding(accepted: str, available: Mapping[str, object]) -> str:
    """Return the best available content coding that a client accepts, "" for none (RFC 9110 §12.5.3)."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = _weight(parameters)
    for name in ENCODINGS:
        if name in available and weights.get(name, weights.get("*", 0.0)) > 0:
            return name
    return ""


def _weight(parameters: str) -> float:
    key, _, value = parameters.strip().partition("=")
    if key.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def matches(if_none_match: str, etag: str) -> bool:
    """Tell whether an If-None-Match names this tag; compared weakly, as caches between weaken tags."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in named or "*" in named
