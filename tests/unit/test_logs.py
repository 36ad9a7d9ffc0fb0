"""Every line goes one way, and no secret goes along."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
import structlog

from pingme.domain.errors import PingMeError
from pingme.edge.logs import HANDLER, configure_logging, drop_secrets, is_secret, log_context, reopen_log


@pytest.fixture(autouse=True)
def restored():
    """Undo what `configure_logging` sets up."""
    root = logging.getLogger()
    level = root.level
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "asyncio")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for handler in [each for each in root.handlers if each.get_name() == HANDLER]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("content", True),
        ("token", True),
        ("password", True),
        ("secret", True),
        ("authorization", True),
        ("Authorization", True),
        ("refresh_token", True),
        ("jwt-secret", True),
        ("NEW_PASSWORD", True),
        ("content_type", False),
        ("tokens_left", False),
        ("msg_id", False),
        ("secretary", False),
    ],
)
def test_names_of_secrets(name, secret):
    """A name that is, or ends with, the name of a secret; any case."""
    assert is_secret(name) is secret


def test_secrets_are_dropped_wherever_they_stand():
    """At the top, in mappings, in lists of mappings; what is nested too deeply is dropped as a whole."""
    event = {
        "event": "message_stored",
        "content": "hidden",
        "headers": {"Authorization": "hidden", "host": "example.org"},
        "devices": [{"refresh_token": "hidden", "device_id": "d1"}],
        "deep": {"a": {"b": {"c": {"d": {"password": "hidden"}}}}},
    }

    kept = drop_secrets(None, "info", event)

    assert "hidden" not in repr(kept)
    assert kept["headers"] == {"host": "example.org"}
    assert kept["devices"] == [{"device_id": "d1"}]
    assert kept["event"] == "message_stored"


def test_a_json_line_has_event_fields_time_and_place(tmp_path):
    """One object a line; secrets are gone on the way."""
    configure_logging("info", "json", str(tmp_path / "log" / "pingme.log"))

    structlog.get_logger("pingme.test").info(
        "message_stored", conversation_id="p1", seq=7, content="hidden ünïcode"
    )

    (line,) = lines(tmp_path / "log" / "pingme.log")
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message_stored", "level": "info", "logger": "pingme.test", "conversation_id": "p1", "seq": 7,
    }  # fmt: skip


def test_libraries_speak_the_same_way(tmp_path):
    """Lines of the standard library's logging, uvicorn's among them, look like PingMe's own."""
    configure_logging("info", "json", str(tmp_path / "log"))
    foreign = logging.getLogger("uvicorn")
    foreign.addHandler(logging.NullHandler())

    logging.getLogger("uvicorn.error").info("Started %s", "here", extra={"color_message": "x"})
    logging.getLogger("uvicorn.access").info("GET /?token=hidden")
    logging.getLogger("httpx").info("GET https://example.org/?token=hidden")
    foreign.handlers.clear()

    (line,) = lines(tmp_path / "log")
    assert (line["event"], line["level"], line["logger"]) == ("Started here", "info", "uvicorn.error")
    assert "color_message" not in line


def test_ids_of_a_request_stand_in_each_of_its_lines(tmp_path):
    """Those of libraries, too; outside of the block they are gone."""
    configure_logging("info", "json", str(tmp_path / "log"))
    log = structlog.get_logger("pingme.test")

    with log_context(request_id="r1"):
        log.info("inside")
        logging.getLogger("library").warning("inside, too")
    log.info("outside")

    assert [line.get("request_id") for line in lines(tmp_path / "log")] == ["r1", "r1", None]


def test_an_exception_has_its_traceback_without_local_values(tmp_path):
    """In both formats: where it happened, never what the variables held."""
    for format_, file in (("json", tmp_path / "json"), ("text", tmp_path / "text")):
        configure_logging("info", format_, str(file))
        log = structlog.get_logger(f"pingme.{format_}")
        message_text = "hidden"
        try:
            len(message_text).missing  # noqa: B018
        except AttributeError:
            log.exception("it_failed")

        written = file.read_text()
        assert "it_failed" in written
        assert "AttributeError" in written
        assert "test_logs.py" in written
        assert "hidden" not in written.replace('message_text = "hidden"', "")


@pytest.mark.parametrize(("level", "kept"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_least_that_is_written(tmp_path, level, kept):
    """For PingMe and for libraries."""
    configure_logging(level, "json", str(tmp_path / "log"))

    for log in (structlog.get_logger(f"pingme.{level}"), logging.getLogger("library")):
        for method in (log.debug, log.info, log.warning, log.error):
            method("said")

    assert len(lines(tmp_path / "log")) == 2 * kept


def test_text_is_for_people(tmp_path):
    """Without colours in a file: event, fields, level."""
    configure_logging("info", "text", str(tmp_path / "log"))

    structlog.get_logger("pingme.text").warning("outbox_full", connection_id="c1")

    written = (tmp_path / "log").read_text()
    assert "outbox_full" in written
    assert "connection_id=c1" in written
    assert "\x1b" not in written


def test_configuring_again_replaces(tmp_path):
    """A line is written once, to the newest place."""
    configure_logging("info", "json", str(tmp_path / "one"))
    configure_logging("info", "json", str(tmp_path / "two"))

    structlog.get_logger("pingme.again").info("said")

    assert (tmp_path / "one").read_text() == ""
    assert len(lines(tmp_path / "two")) == 1


def test_a_rotated_file_is_opened_anew(tmp_path):
    """Somebody may rename the file at any time, as logrotate does."""
    configure_logging("info", "json", str(tmp_path / "log"))
    log = structlog.get_logger("pingme.rotated")
    log.info("before")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.info("after")

    assert [line["event"] for line in lines(tmp_path / "log")] == ["after"]


def test_asked_to_the_file_is_opened_anew_before_the_next_line(tmp_path):
    """SIGHUP after a rename: the new file is there at once, and the next line goes into it."""
    configure_logging("info", "json", str(tmp_path / "log"))
    (tmp_path / "log").rename(tmp_path / "log.1")

    reopened = reopen_log()

    assert reopened
    assert (tmp_path / "log").exists()
    structlog.get_logger("pingme.hangup").info("after")
    assert [line["event"] for line in lines(tmp_path / "log")] == ["after"]


def test_a_stream_cannot_be_opened_anew():
    """Nothing is done when the log goes to standard error."""
    configure_logging("info", "json", "stderr")

    assert not reopen_log()


def test_a_log_that_cannot_be_opened_anew_harms_nobody(tmp_path, capsys):
    """The folder is gone: who logs goes on, standard error says it, and lines come again when the folder does."""
    folder = tmp_path / "logs"
    configure_logging("info", "json", str(folder / "log"))
    log = structlog.get_logger("pingme.gone")
    folder.rename(tmp_path / "away")

    log.info("lost")
    reopened = reopen_log()
    folder.mkdir()
    log.info("after")

    assert "No such file" in capsys.readouterr().err
    assert not reopened or (folder / "log").exists()
    assert [line["event"] for line in lines(folder / "log")] == ["after"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    """The setting and the file stand in the error."""
    (tmp_path / "file").write_text("")

    with pytest.raises(PingMeError, match=r"logging\.output: cannot write .*log"):
        configure_logging("info", "json", str(tmp_path / "file" / "log"))


@pytest.mark.parametrize(("output", "written"), [("stdout", "out"), ("stderr", "err")])
def test_the_standard_streams(output, written):
    """By their names."""
    script = (
        "import structlog; from pingme.edge.logs import configure_logging\n"
        f"configure_logging('info', 'json', {output!r}); structlog.get_logger('x').info('said')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    streams = {"out": done.stdout, "err": done.stderr}
    assert json.loads(streams.pop(written))["event"] == "said"
    assert list(streams.values()) == [""]
