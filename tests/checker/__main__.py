"""`python -m tests.checker FOLDER`: the verdict on the histories in a folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.checker.judge import judge, read_folder
from tests.checker.records import BadHistory


def main() -> int:
    """Print the verdict; return 0 when every promise was kept, 1 when not, 2 when a history cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker", description=__doc__)
    parser.add_argument("folder", type=Path, help="with one *.ndjson per device")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument(
        "--allow", nargs=2, type=float, action="append", default=[], metavar=("FROM", "TO"),
        help="seconds in which the server was stopped on purpose; repeat it",
    )  # fmt: skip
    wanted = parser.parse_args()
    try:
        verdict = judge(read_folder(wanted.folder), [tuple(span) for span in wanted.allow])
    except (BadHistory, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    print(json.dumps(verdict.to_json()) if wanted.json else verdict)
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
