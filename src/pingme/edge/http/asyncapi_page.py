"""``/docs/ws``: the reference of the socket to read, made from the AsyncAPI document; no script, nothing from elsewhere."""

from __future__ import annotations

import functools
import html
import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from pingme.edge.http.asyncapi import SCHEMAS, socket_reference

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>$title</title>
  <link rel="stylesheet" href="/docs/reference.css">
</head>
<body>
  <header>
    <p><a href="/">Home</a> · <a href="/docs">The HTTP reference</a> · <a href="/asyncapi.json">AsyncAPI</a></p>
    <h1>$title</h1>
    $about
  </header>
  <nav aria-label="Frames">$contents</nav>
  <main>
$sections
  </main>
</body>
</html>
""")
_FRAME = Template("""<section id="$id">
<h3><code>$name</code></h3>
<p>$summary</p>
$answers
$fields
$examples
</section>
""")
_HEAD = {"client": "What clients send", "server": "What servers send"}


def create_socket_reference_router(name: str, version: str, bounds: Mapping[str, int]) -> APIRouter:
    """Return the routes of the document and its page; both are made when first asked for.

    Args:
        name: `app.name`.
        version: of PingMe.
        bounds: this server's bounds of sockets, by name.
    """
    router = APIRouter(include_in_schema=False)

    @functools.cache
    def document() -> dict[str, Any]:
        return socket_reference(name, version, bounds)

    @functools.cache
    def page() -> str:
        return render(document())

    @router.get("/asyncapi.json")
    async def asyncapi() -> Response:
        return Response(msgspec.json.encode(document()), media_type="application/json")

    @router.get("/docs/ws")
    async def reference() -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return HTMLResponse(page(), headers=headers)

    @router.get("/docs/reference.css")
    async def style() -> Response:
        css = (importlib.resources.files("pingme") / "web" / "reference.css").read_bytes()
        return Response(css, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    return router


def render(document: Mapping[str, Any]) -> str:
    """Return the page of an AsyncAPI document made by `socket_reference`."""
    messages = document["components"]["messages"]
    schemas = document["components"]["schemas"]
    channel = document["channels"]["socket"]
    sides = {side: [key for key in messages if key.startswith(side)] for side in _HEAD}
    shared = _shared(schemas, messages)
    parts: list[str] = []
    for side, keys in sides.items():
        parts.append(f"<h2>{_HEAD[side]}</h2>")
        parts += [_frame(key, document, shared) for key in keys]
    parts.append("<h2>Structures</h2>")
    parts += [_structure(name, schemas) for name in sorted(shared)]
    parts.append("<h2>Close codes</h2>")
    parts.append(
        _table(
            ("code", "meaning", "the client"),
            (
                (str(row["code"]), _inline(row["meaning"]), _inline(row["client"]))
                for row in channel["x-close-codes"]
            ),
        )
    )
    if channel["x-limits"]:
        parts.append("<h2>Limits of this server</h2>")
        rows = ((f"<code>{_text(key)}</code>", str(value)) for key, value in channel["x-limits"].items())
        parts.append(_table(("bound", "value"), rows))
    contents = "".join(
        f"<p>{_HEAD[side]}</p><ul>{''.join(map(_entry, keys))}</ul>" for side, keys in sides.items()
    )
    title = _text(document["info"]["title"])
    about = "".join(f"<p>{_inline(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    return _PAGE.substitute(title=title, about=about, contents=contents, sections="\n".join(parts))


def _entry(key: str) -> str:
    return f'<li><a href="#{_text(key)}"><code>{_text(key.partition(".")[2])}</code></a></li>'


def _frame(key: str, document: Mapping[str, Any], shared: set[str]) -> str:
    message = document["components"]["messages"][key]
    operation = document["operations"].get(key, {})
    examples = "".join(
        f"<figure><figcaption>{_text(each['name'])}</figcaption>"
        f'<pre tabindex="0"><code>{_text(json.dumps(each["payload"], indent=2, ensure_ascii=False))}</code></pre></figure>'
        for each in message["examples"]
    )
    return _FRAME.substitute(
        id=_text(key),
        name=_text(message["name"]),
        summary=_inline(message["summary"] or operation.get("summary", "")),
        answers=_answers(operation),
        fields=_payload(_payload_name(message), document["components"]["schemas"], shared),
        examples=examples,
    )


def _answers(operation: Mapping[str, Any]) -> str:
    if operation.get("action") != "receive":
        return ""
    answers = [each["$ref"].rpartition("/")[2] for each in operation.get("reply", {}).get("messages", ())]
    links = ", ".join(
        f'<a href="#{_text(key)}"><code>{_text(key.partition(".")[2])}</code></a>' for key in answers
    )
    return f"<p>Answer: {links or 'none'}.</p>"


def _structure(name: str, schemas: Mapping[str, Any]) -> str:
    schema = schemas[name]
    summary = _inline(schema.get("description", ""))
    return f'<section id="{_text(name)}"><h3>{_text(name)}</h3><p>{summary}</p>{_fields(schema)}</section>'


def _shared(schemas: Mapping[str, Any], messages: Mapping[str, Any]) -> set[str]:
    """Return the schemas that stand in others, or that no message has as its own payload."""
    own = {_payload_name(message) for message in messages.values()}
    inside = set(re.findall(rf'"\$ref": "{SCHEMAS}(\w+)"', json.dumps(schemas)))
    return (set(schemas) - own) | inside


def _payload_name(message: Mapping[str, Any]) -> str:
    """Return the name of a message's schema, "" for one without a payload."""
    payload = message["payload"]["properties"].get("payload", {"$ref": ""})
    return str(payload["$ref"]).removeprefix(SCHEMAS)


def _payload(name: str, schemas: Mapping[str, Any], shared: set[str]) -> str:
    if name in shared:
        return f'<p>Payload: <a href="#{_text(name)}">{_text(name)}</a>.</p>'
    return _fields(schemas[name]) if name else ""


def _fields(schema: Mapping[str, Any]) -> str:
    rows = [
        (
            f"<code>{_text(name)}</code>{'' if name in schema.get('required', ()) else '?'}",
            _kind(field),
            " ".join(_notes(field)),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(("field", "type", ""), iter(rows)) if rows else ""


def _kind(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = _text(field["$ref"].removeprefix(SCHEMAS))
        return f'<a href="#{name}">{name}</a>'
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}"
    return _text(str(field.get("type", "string")))


def _notes(field: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in field:
        yield "one of " + ", ".join(f"<code>{_text(str(each))}</code>" for each in field["enum"])
    if "description" in field:
        yield _inline(field["description"])
    for name, label in (
        ("minimum", "≥"),
        ("maximum", "≤"),
        ("maxLength", "length ≤"),
        ("maxItems", "at most"),
    ):
        if name in field and not ("pattern" in field and name == "maxLength"):
            yield f"{label} {field[name]}"
    if "default" in field:
        yield f"default <code>{_text(json.dumps(field['default']))}</code>"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table" tabindex="0"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(text: str) -> str:
    return html.escape(text)


def _inline(text: str) -> str:
    """Return a sentence of Markdown that knows code only."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(" ".join(text.split())))
