"""The settings as Markdown tables, for docs/configuration.md."""

from __future__ import annotations

import json

from pingme.config.catalogue import Setting, plain, sections, settings_of

BEGIN = "<!-- settings: begin (written by `pingme config docs --write docs/configuration.md`) -->"
END = "<!-- settings: end -->"


def markdown() -> str:
    """Return a heading and a table for every section, ready to stand between BEGIN and END."""
    return "\n\n".join(_section(name) for name in sections()) + "\n"


def replace_between_markers(text: str) -> str:
    """Return a document with the part between its markers written anew.

    Raises:
        ValueError: the document does not have each marker once, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"


def _section(name: str) -> str:
    about = (sections()[name].__doc__ or "").split("\n\n", maxsplit=1)[0]
    lines = [
        f"### `{name}`",
        "",
        about,
        "",
        "| key | default | takes | meaning | variables |",
        "|---|---|---|---|---|",
        *(_row(setting) for setting in settings_of(name)),
    ]
    return "\n".join(lines)


def _row(setting: Setting) -> str:
    variables = " ".join(f"`{variable}`" for variable in reversed(setting.variables))
    cells = (f"`{setting.key}`", _default(setting), setting.expected, setting.description, variables)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(setting: Setting) -> str:
    if setting.default is None:
        return "unset"
    if setting.name == "database.password":
        return "`root`"  # a well-known default is no secret, and people must know it to change it
    if setting.default == ():
        return "empty"
    value = plain(setting.default)
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"
