"""docs/errors.md says what the table of errors says, and docs/operations.md covers what operators meet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scripts import write_errors

from pingme.bootstrap import App
from pingme.domain.errors import ERRORS, ErrorCode
from pingme.services.metrics import Metrics

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")


def test_the_table_of_errors_is_the_one_in_the_code():
    """Written again, the document stays as it is."""
    text = write_errors.DOCUMENT.read_text(encoding="utf-8")

    assert write_errors.replace_between_markers(text) == text, "run: python scripts/write_errors.py"


def test_every_code_has_its_row():
    """Exactly one line, with HTTP status and advice."""
    table = write_errors.markdown()

    for code in ErrorCode:
        (line,) = [line for line in table.splitlines() if line.startswith(f"| {int(code)} |")]
        assert f"| {ERRORS[code].http} |" in line
        assert ERRORS[code].advice in line


def test_a_document_without_markers_is_refused():
    """Nothing is written into the wrong file."""
    with pytest.raises(ValueError, match="expected the markers"):
        write_errors.replace_between_markers("# Errors\n")


def test_every_code_that_operators_meet_has_a_line():
    """The codes of servers, engines and the pipeline."""
    for code in ErrorCode:
        if code // 10_000 in {2, 5} or ERRORS[code].http >= 500:
            assert re.search(rf"^\| {int(code)} ", OPERATIONS, re.MULTILINE), code


def test_every_figure_is_documented():
    """Each metric of PingMe's own stands in the operators' table."""
    names = set(re.findall(r"^# TYPE (pingme_\w+) ", Metrics().render().decode(), re.MULTILINE))

    missing = {name for name in names if not name.endswith("_created") and f"`{name}`" not in OPERATIONS}
    assert missing == set()


def test_every_component_of_health_is_documented():
    """Each component that `/health` can name has its lines."""
    source = Path(App.components.__code__.co_filename).read_text(encoding="utf-8")
    returned = re.search(r"return \{\n((?: +\"\w+\": .*\n)+) +\}", source)
    assert returned is not None
    names = re.findall(r'"(\w+)":', returned[1])

    assert len(names) >= 5
    for name in names:
        assert re.search(rf"^\| `{name}` ", OPERATIONS, re.MULTILINE), name


def test_every_alert_asks_for_a_figure_that_exists():
    """The alert rules name metrics that are there, with their suffixes."""
    rendered = Metrics().render().decode()
    known = set(re.findall(r"^# TYPE (\w+) ", rendered, re.MULTILINE))
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "count", "sum")}
    rules = re.search(r"```yaml\ngroups:.*?```", OPERATIONS, re.DOTALL)
    assert rules is not None

    used = set(re.findall(r"\b(pingme_\w+)", rules[0]))

    assert used
    assert used <= known
