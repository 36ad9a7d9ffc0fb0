"""The checker itself: what it knows, what it reads, what it prints."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checker.chain import canonical, private_id
from tests.checker.evidence import made_digest
from tests.checker.judge import judge, read_folder
from tests.checker.records import BadHistory, Event, read_lines
from tests.fakes.tale import Tale

ROOT = Path(__file__).resolve().parents[2]
FIRST = '{"e":"client","t":1,"format":1,"user":"uada","device":"d1"}'


def imports(path: Path) -> set[str]:
    """Return the first names of everything that a file imports, and `tests.…` in full."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name if name.startswith("tests.") else name.partition(".")[0] for name in found}


def test_the_checker_imports_nothing_of_the_server():
    """It needs the standard library and itself, so that no fault of the server can hide in it."""
    allowed = sys.stdlib_module_names | {"tests"}
    for path in (ROOT / "tests" / "checker").glob("*.py"):
        strange = {name for name in imports(path) if not name.startswith("tests.checker")} - allowed
        assert not strange, f"{path.name}: {strange}"


def test_it_runs_where_the_server_is_not_installed(tmp_path: Path):
    """With everything of `pingme` made impossible to import, it judges a folder."""
    write(tmp_path, make_tale())
    program = "import sys, runpy; sys.modules['pingme'] = None; runpy.run_module('tests.checker', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), "--json"], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["good"] is True


def make_tale() -> Tale:
    tale = Tale()
    for name in ("uada/d1", "uben/d1"):
        tale.device(name)
    tale.create("uada/d1", "gall", "uada", "uben")
    for number in range(6):
        tale.say("uben/d1", "gall", f"number {number}")
    tale.finish()
    return tale


def write(folder: Path, tale: Tale) -> None:
    for name, lines in tale.lines.items():
        path = folder / f"{name.replace('/', '-')}.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_every_event_that_is_dropped_from_a_reading_is_missed(tmp_path: Path):
    """Whichever event is taken out of whichever device's last reading, the checker says lost."""
    for seq in range(1, 8):
        for name in ("uada/d1", "uben/d1"):
            tale = make_tale()
            for page in tale.pages(name, "final"):
                page["events"] = [event for event in page["events"] if event["seq"] != seq]

            assert judge(tale.histories()).counts["lost"] == 1


def test_any_two_events_that_change_places_are_seen():
    """Whichever two neighbours are swapped in whichever reading, the checker rejects it."""
    for seq in range(1, 7):
        tale = make_tale()
        events = [event for page in tale.pages("uada/d1", "final") for event in page["events"]]
        one, two = events[seq - 1], events[seq]
        one["msg_id"], two["msg_id"] = two["msg_id"], one["msg_id"]

        verdict = judge(tale.histories())

        assert verdict.counts["conflicting_seq"] >= 2, str(verdict)


def test_the_command_says_what_is_wrong_and_ends_with_1(tmp_path: Path):
    """`python -m tests.checker` names the kind and the event of each fault."""
    tale = make_tale()
    tale.drop("uben/d1", "push", seq=1)
    tale.drop("uben/d1", "shown", seq=1)
    tale.drop("uben/d1", "shown", seq=7)
    write(tmp_path, tale)

    done = subprocess.run(
        [sys.executable, "-m", "tests.checker", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "lost: uben/d1: gall: shown to 6 of 7" in done.stdout


def test_an_empty_folder_is_no_good_news(tmp_path: Path):
    """Without a history there is no verdict."""
    with pytest.raises(BadHistory, match="no"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "{}",
        '{"e":"sneezed","t":2}',
        '{"e":"ack","t":2,"connection":1,"msg_id":"m"}',
        '{"e":"page","t":2,"of":"book","conversation":"g","prev_hash":"","events":[]}',
        '{"e":"live","t":2,"connection":7}',
        '{"e":"finished","t":0.5}',
        '{"e":"client","t":2,"format":99,"user":"u","device":"d"}',
    ],
)
def test_a_line_that_is_not_of_the_format_is_named(line: str):
    """Nothing is passed over: an unreadable history is an error with file and line, not a good one."""
    with pytest.raises(BadHistory, match=r"^here:2: "):
        read_lines([FIRST, line], "here")


def test_a_history_says_whose_it_is():
    """The first line names the user and the device."""
    with pytest.raises(BadHistory, match="client"):
        read_lines([], "here")


def test_the_digest_is_that_of_the_protocol():
    """The example in docs/protocol.md comes out of the checker's own arithmetic."""
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    example = json.loads(text.partition("recomputes it -->\n```json\n")[2].partition("```")[0])
    for known in example["events"]:
        wire = {**known, **known["body"], "conversation_id": example["conversation_id"]}
        wire.pop("body")
        wire.pop("hash")
        assert made_digest(Event.of(wire)) == known["digest"]
    assert private_id("ubob", "uada") == example["conversation_id"]


def test_names_are_ordered_by_utf_16():
    """RFC 8785 §3.2.3: by code units, where an emoji stands before a private-use character."""
    text = canonical({"\ue000": 1, "\U0001f600": 2, "a": [True, None, "\x1f"]}).decode()

    assert text == '{"a":[true,null,"\\u001f"],"\U0001f600":2,"\ue000":1}'
    with pytest.raises(TypeError, match="whole number"):
        canonical(1.5)
