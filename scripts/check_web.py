#!/usr/bin/env python3
"""Check the web client and the TypeScript SDK: format and lint, types, tests, and that the committed build is theirs.

Needs Node. Where it is missing nothing is checked and one line says so; in CI (CI=true) that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "src" / "pingme" / "web" / "dist"
IN_CI = os.environ.get("CI") == "true"
COMPRESSED = {".br", ".gz"}

CHECKS: tuple[tuple[str, ...], ...] = (
    ("npx", "biome", "check", "."),
    ("npm", "run", "--silent", "check", "--workspaces", "--if-present"),
    ("npm", "run", "--silent", "build", "-w", "@pingme/sdk"),  # tests/conversations run it
)


def main() -> int:
    """Run everything; the first failure ends it."""
    if shutil.which("npm") is None:
        print("check_web: the web client was not checked: Node 20 or newer is not installed")
        return 1 if IN_CI else 0
    for command in CHECKS:
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return 1
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "dist"
        environment = {**os.environ, "PINGME_WEB_OUT": str(built)}
        build = ("npm", "run", "--silent", "build", "-w", "@pingme/web", "--", "--logLevel", "warn")
        if subprocess.run(build, cwd=ROOT, env=environment, check=False).returncode:
            return 1
        found = list(differences(built, DIST))
    for line in found:
        print(f"check_web: {line}")
    if found:
        print(
            "check_web: the build in src/pingme/web/dist is not that of the sources: make web, and commit it"
        )
    return 1 if found else 0


def differences(built: Path, committed: Path) -> Iterator[str]:
    """Yield each file that only one of two folders has, or that differs.

    Compressed forms depend on the version of Node's zlib, so their bytes count in CI only, where the version is fixed.
    """
    ours, theirs = files_below(built), files_below(committed)
    for name in sorted(ours.keys() ^ theirs.keys()):
        yield f"{name} is only {'in the new build' if name in ours else 'among the committed files'}"
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name] != theirs[name] and (IN_CI or Path(name).suffix not in COMPRESSED):
            yield f"{name} differs"


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
