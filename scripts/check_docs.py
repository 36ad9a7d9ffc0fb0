#!/usr/bin/env python3
"""Refuse documents that point nowhere and things that no document mentions.

Checked: every relative link and anchor of every Markdown file; and that each error code, setting, frame,
command and subcommand stands in README.md or docs/ (decision records and the changelog do not count).
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".venv", ".git", "node_modules", "data", ".pytest_cache", ".hypothesis", "dist", "build"}

FENCE = re.compile(r"^(?P<mark>```+|~~~+).*?^(?P=mark)[`~]*\s*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.MULTILINE)
EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def markdown_files() -> list[Path]:
    """Return every Markdown file of the project."""
    return sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document: its headings as GitHub names them, and explicit ones."""
    found: set[str] = set(EXPLICIT_ANCHOR.findall(text))
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def broken_links(path: Path) -> Iterator[str]:
    """Yield what is wrong with the relative links of one file."""
    # Code is blanked, not removed, so that line numbers stay right.
    text = path.read_text(encoding="utf-8")
    visible = INLINE_CODE.sub(blank, FENCE.sub(blank, text))
    for match in LINK.finditer(visible):
        target = match[1] or match[2]
        if EXTERNAL.match(target):
            continue
        file, _, anchor = target.partition("#")
        line = visible.count("\n", 0, match.start()) + 1
        where = f"{path.relative_to(ROOT)}:{line}"
        aim = (path.parent / file).resolve() if file else path
        if not aim.exists():
            yield f"{where}: {target}: there is no such file"
        elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text(encoding="utf-8")):
            yield f"{where}: {target}: there is no such heading"


def blank(match: re.Match[str]) -> str:
    """Return the matched text with everything but its line ends as spaces."""
    return re.sub(r"[^\n]", " ", match[0])


def load(module: str) -> Any:
    """Import a module of the project; one that is missing or broken ends the check with one line."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        sys.exit(f"check_docs: cannot load {module}, so its documentation cannot be checked: {exc}")


def undocumented(docs: str) -> Iterator[str]:
    """Yield everything that people meet and no document mentions."""
    for code in load("pingme.domain.errors").ErrorCode:
        if code and not re.search(rf"\b{code.value}\b", docs):
            yield f"error code {code.value} ({code.name})"
    reference = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for setting in load("pingme.config").all_settings():
        if f"| `{setting.key}` |" not in reference or setting.variables[0] not in reference:
            yield f"setting {setting.name}"
    for name in sorted(frames()):
        if f"`{name}`" not in docs and f'"{name}"' not in docs:
            yield f"frame {name}"
    for command in commands():
        if command not in docs:
            yield f"command {command}"


def frames() -> set[str]:
    """Return the type of every frame that clients and servers send."""
    client = load("pingme.wire.frames").CLIENT_FRAMES
    server = load("pingme.wire.server_frames").PAYLOADS
    return {frame.__struct_config__.tag for frame in client} | set(server)


def commands() -> Iterator[str]:
    """Yield `pingme serve`, `pingme user create` …: every command that does something."""
    root = load("pingme.cli.app")
    for name, entry in root.COMMANDS.items():
        load(entry.module)
        command = root.load_command(name)
        subcommands = getattr(command, "commands", {})
        yield from (f"pingme {name} {sub}" for sub in subcommands) if subcommands else (f"pingme {name}",)


def main() -> int:
    """Print every finding as it comes; return 1 when there is one."""
    files = markdown_files()
    problems = [problem for path in files for problem in broken_links(path)]
    print("\n".join(problems), end="\n" if problems else "", flush=True)
    counted = [path for path in files if path.parent == ROOT / "docs" or path.name == "README.md"]
    unmentioned = list(undocumented("\n".join(path.read_text(encoding="utf-8") for path in counted)))
    for thing in unmentioned:
        print(f"{thing} is mentioned in no document")
    return 1 if problems or unmentioned else 0


if __name__ == "__main__":
    sys.exit(main())
