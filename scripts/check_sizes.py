#!/usr/bin/env python3
"""Refuse files over 400 lines and functions over 60 in src/.

The file that everything passes through is where a chat server rots; this keeps it visible. What must
be longer is listed in ALLOWED with its reason; an entry that is no longer needed is refused too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60  # docstring included, decorators not

# "path" or "path::qualified name" (both from src/pingme) -> why it may be longer.
ALLOWED: dict[str, str] = {}


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield (qualified name, first line, number of lines) of every function below a node."""
    for node in ast.iter_child_nodes(tree):
        inner = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{prefix}{node.name}."
            if not isinstance(node, ast.ClassDef):
                yield f"{prefix}{node.name}", node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from functions(node, inner)


def oversized(path: Path, source: Path) -> Iterator[tuple[str, str]]:
    """Yield (key in ALLOWED, what is too long) for one file."""
    key = path.relative_to(source).as_posix()
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield key, f"{path.relative_to(ROOT)}: {lines} lines, at most {MAX_FILE_LINES}"
    for name, line, length in functions(ast.parse(text)):
        if length > MAX_FUNCTION_LINES:
            where = f"{path.relative_to(ROOT)}:{line}"
            yield f"{key}::{name}", f"{where}: {name} has {length} lines, at most {MAX_FUNCTION_LINES}"


def main() -> int:
    """Print every excess and every needless exception; return 1 when there is one."""
    source = ROOT / "src" / "pingme"
    found = [item for path in sorted(source.rglob("*.py")) for item in oversized(path, source)]
    problems = [text for key, text in found if key not in ALLOWED]
    needless = sorted(set(ALLOWED) - {key for key, _ in found})
    problems += [f"scripts/check_sizes.py: the exception for {key} is no longer needed" for key in needless]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
