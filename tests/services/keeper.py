"""Runs one service in a process of its own while anybody uses it: ``python -m tests.services.keeper NAME FOLDER``."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
from pathlib import Path

from tests.services.registry import make_service


def main(name: str, place: str) -> None:
    """Start the service, tell its environment in ``env.json``, and stop it when nobody holds its users' file."""
    folder = Path(place)
    data = folder / "data"
    data.mkdir()
    service = make_service(name)
    service.start(data)
    try:
        found = folder / "env.json"
        found.with_suffix(".part").write_text(json.dumps(service.env()), "utf-8")
        found.with_suffix(".part").rename(found)
        with (folder.parent / f"{name}.users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            found.unlink()  # whoever comes now starts another
            service.stop()
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        service.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
