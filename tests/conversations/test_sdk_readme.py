"""The twenty lines of sdk/ts/README.md run as they stand."""

from __future__ import annotations

import os
import re
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE

from tests.conversations.conftest import insist_on_node
from tests.conversations.node_client import ROOT
from tests.conversations.server import ServerProcess

README = ROOT / "sdk" / "ts" / "README.md"


async def test_the_twenty_lines_say_what_happens(server: ServerProcess):
    """A message is stored and heard; the program ends by itself."""
    insist_on_node()
    found = re.search(r"^```js\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    process = await create_subprocess_exec(
        "node", "--input-type=module", "-e", found[1],
        stdout=PIPE, stderr=PIPE, cwd=ROOT, env={**os.environ, "PINGME_URL": server.url},
    )  # fmt: skip
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()
    assert sorted(out.decode().splitlines()) == ["ben hears: hello ben", "stored as number 1"]
