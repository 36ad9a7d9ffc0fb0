"""How Chromium is started: alone, asking nobody anything."""

from __future__ import annotations

import os

ARGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    # Only root has no sandbox, in containers.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
