"""The lines of an export: what is believed, what is refused and how the line is named; and `pingme db` around them."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pingme.adapters.data_lock import DataFolderInUse, DataLock
from pingme.adapters.export_file import ExportFileFailed, read_lines, written
from pingme.cli import db
from pingme.config import AppSettings, Settings
from pingme.domain.chain import Heads, first_hash
from pingme.ports.new_store import NewStore
from pingme.services import moving
from pingme.services.moving import Moved, import_store, verify_export
from pingme.wire.export import (
    LINE_MAX,
    BadExport,
    ConversationRecord,
    DeadLetterRecord,
    Header,
    LineReader,
    LineWriter,
    MemberRecord,
    Record,
    UserRecord,
)
from tests.fakes.moving_world import exported, furnish, sqlite_world

Lines = list[bytes]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """The export of a store that has everything in it."""

    async def make() -> bytes:
        world = sqlite_world(tmp_path_factory.mktemp("export"), "store")
        await world.open()
        await furnish(world)
        await world.close()
        return (await exported(world))[0]

    return asyncio.run(make()).splitlines(keepends=True)


def place_of(lines: Lines, start: str) -> int:
    """Return where the first line stands that begins like this."""
    return next(place for place, line in enumerate(lines) if line.startswith(start.encode()))


def sealed(lines: Lines) -> Lines:
    """Give changed lines right checks, as somebody could who knows how: what is left is what the records say."""
    writer, made = LineWriter(), []
    for line in lines:
        fields = json.loads(line)
        fields.pop("check")
        if fields["type"] == "end":
            fields["sha256"] = writer.sha256
        # The writer takes any struct; a raw one keeps the fields as they are.
        made.append(writer._line(msgspec.Raw(msgspec.json.encode(fields))))  # type: ignore[arg-type]
    return made


def refusal_of(lines: Lines) -> str:
    with pytest.raises(BadExport) as caught:
        verify_export(lines)
    return str(caught.value)


def test_a_whole_file_is_believed(lines: Lines) -> None:
    """And counted; sealing it anew changes nothing."""
    moved = verify_export(lines)

    assert moved.counts["event"] == 30
    assert moved.digests == 27
    assert sealed(lines) == lines


def test_every_line_is_json_and_names_things_by_public_ids(lines: Lines) -> None:
    """Nothing but the documented types; the end's SHA-256 is that of the lines before, as sha256sum counts it."""
    from hashlib import sha256

    read = [json.loads(line) for line in lines]

    assert [read[0]["format"], read[0]["version"]] == ["pingme-export", 1]
    assert read[-1]["sha256"] == sha256(b"".join(lines[:-1])).hexdigest()
    assert {line["type"] for line in read[1:-1]} == set(read[-1]["counts"])
    message = next(line for line in read if line["type"] == "event" and line["seq"] == 1)
    assert {"conversation_id", "sender_id", "msg_id", "digest", "hash", "body"} <= set(message)


@pytest.mark.parametrize("cut", ["middle", "before the end", "in the end"])
def test_a_file_that_was_cut_is_refused(lines: Lines, cut: str) -> None:
    """Within a line, between lines, within the last line: the line where it happened is named."""
    whole = b"".join(lines)
    at = {
        "middle": len(whole) // 2,
        "before the end": len(whole) - len(lines[-1]),
        "in the end": len(whole) - 1,
    }[cut]
    left = whole[:at].splitlines(keepends=True)

    text = refusal_of(left)

    assert "cut" in text
    assert f"line {len(left) + (cut == 'before the end')}:" in text


@pytest.mark.parametrize("start", ['{"type":"user"', '{"type":"event"', '{"type":"refusal"', '{"type":"end"'])
def test_a_changed_line_is_named(lines: Lines, start: str) -> None:
    """One bit anywhere in it is enough."""
    place = place_of(lines, start)
    line = bytearray(lines[place])
    line[len(line) // 2] ^= 1
    changed = [*lines[:place], bytes(line), *lines[place + 1 :]]

    assert refusal_of(changed).startswith(f"line {place + 1}: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda lines, at: [*lines[:at], lines[at], *lines[at:]],
        lambda lines, at: [*lines[:at], *lines[at + 1 :]],
        lambda lines, at: [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
    ],
    ids=["doubled", "removed", "exchanged"],
)
def test_lines_cannot_be_moved(lines: Lines, change: Callable[[Lines, int], Lines]) -> None:
    """A doubled, a removed and an exchanged line are found where they are, though each line is a good one."""
    place = place_of(lines, '{"type":"event"')

    number = int(refusal_of(change(lines, place)).split(":")[0].removeprefix("line "))

    assert number in {place + 1, place + 2}


def test_something_after_the_end_is_refused(lines: Lines) -> None:
    """Two files in one are no export."""
    assert refusal_of([*lines, lines[1]]).startswith(f"line {len(lines) + 1}: the export has ended")


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (b"", "line 1: the file is empty"),
        (b"hello\n", "line 1: this is no export of PingMe"),
        (b'{"type":"header","format":"other","version":1}\n', "line 1: this is no export of PingMe"),
        (
            b'{"type":"header","format":"pingme-export","version":2,"new":[]}\n',
            "format 2, this program reads format 1",
        ),
        (b"\xff\xfe\x00\n", "line 1: this is no export of PingMe"),
    ],
)
def test_other_files_and_newer_versions_are_told_apart(lines: Lines, first: bytes, text: str) -> None:
    """What it is, and for a newer version what helps."""
    assert text in refusal_of([first, *lines[1:]] if first else [])


def edited(lines: Lines, start: str, **fields: Any) -> tuple[Lines, int]:
    """Change fields of the first such line and seal the file; return it and the line's number."""
    place = place_of(lines, start)
    changed = json.loads(lines[place]) | fields
    return sealed([*lines[:place], json.dumps(changed).encode(), *lines[place + 1 :]]), place + 1


@pytest.mark.parametrize(
    ("start", "fields", "text"),
    [
        ('{"type":"event"', {"seq": 2}, "expected seq 1, got 2"),
        ('{"type":"event"', {"server_ts": 1}, "is not what was stored (digest)"),
        ('{"type":"event"', {"digest": "0" * 32}, "digest"),
        ('{"type":"event"', {"hash": "0" * 32}, "does not follow"),
        ('{"type":"event"', {"hash": "zz"}, "digest or hash"),
        ('{"type":"event"', {"sender_id": "u-nobody"}, "no account u-nobody"),
        ('{"type":"event"', {"msg_id": "white space"}, "no msg_id"),
        ('{"type":"event"', {"kind": "unheard"}, "no kind of event"),
        ('{"type":"event"', {"conversation_id": "elsewhere"}, "has not begun here"),
        ('{"type":"event"', {"unknown": 1}, "no record"),
        ('{"type":"member"', {"user_id": "u-nobody"}, "no account"),
        ('{"type":"member"', {"role": "emperor"}, "no record"),
        ('{"type":"device"', {"user_id": "u-zed"}, "no account"),
        ('{"type":"user"', {"user_id": "not an id"}, "no record"),
        ('{"type":"reaction"', {"at_seq": 10_000}, "ends at"),
        ('{"type":"end"', {"counts": {}}, "the end counts"),
        ('{"type":"end"', {"heads": "0" * 32}, "the end has heads"),
    ],
)
def test_what_is_sealed_and_wrong_is_refused(
    lines: Lines, start: str, fields: dict[str, Any], text: str
) -> None:
    """The checks of lines are no secret; records still have to follow from each other."""
    changed, number = edited(lines, start, **fields)

    refusal = refusal_of(changed)

    assert refusal.startswith(f"line {number}: ")
    assert text in refusal


@pytest.mark.parametrize("kind", ["last_seq", "last_hash"])
def test_a_head_that_its_events_do_not_reach_is_refused(lines: Lines, kind: str) -> None:
    """Events that are missing at the end of a conversation are found where the next one begins."""
    changed, number = edited(
        lines, '{"type":"conversation"', **{kind: 10_000 if kind == "last_seq" else "0" * 32}
    )

    refusal = refusal_of(changed)

    assert "conversation" in refusal
    assert int(refusal.split(":")[0].removeprefix("line ")) > number


@pytest.mark.parametrize("start", ["user", "device", "conversation", "member", "refusal", "dead_letter"])
def test_sections_have_an_order(lines: Lines, start: str) -> None:
    """A record before its section's place, sealed, is refused."""
    place = place_of(lines, f'{{"type":"{start}"')
    moved = [*lines[:place], *lines[place + 1 : -1], lines[place], lines[-1]]
    if start == "dead_letter":  # they are the last; put it first
        moved = [lines[0], lines[place], *lines[1:place], *lines[place + 1 :]]

    assert refusal_of(sealed(moved)).startswith("line ")


ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",)))
numbers = st.integers(0, 2**53 - 1)
records = st.one_of(
    st.builds(
        UserRecord, user_id=ids, username=texts, password_hash=texts, nickname=texts, email=texts, avatar=texts,
        disabled=st.booleans(), created_ts=numbers, last_seen_ts=st.none() | numbers,
    ),
    st.builds(
        MemberRecord, conversation_id=ids, user_id=ids, role=st.sampled_from(["owner", "admin", "member"]),
        joined_seq=numbers, from_seq=numbers, until_seq=st.none() | numbers, delivered_seq=numbers, read_seq=numbers,
        muted=st.booleans(), pinned=st.booleans(), draft=texts,
    ),
    st.builds(
        DeadLetterRecord, sender_id=ids, msg_id=ids, conversation_id=ids, raw=st.binary(), code=numbers, error=texts,
        attempts=numbers, origin=texts, created_ts=numbers, replays=numbers,
    ),
)  # fmt: skip


@given(st.lists(records))
def test_what_was_written_is_what_is_read(written_records: list[Record]) -> None:
    """Whatever stands in the texts, a record is one line, and reading gives it back."""
    writer, reader = LineWriter(), LineReader()
    made = [writer.header(), *(writer.record(record) for record in written_records), writer.end({}, "0" * 32)]

    read = [reader.read(line) for line in made]
    reader.finish()

    assert isinstance(read[0], Header)
    assert read[1:-1] == written_records
    assert all(line.count(b"\n") == 1 for line in made)


@given(st.data())
def test_no_change_of_bytes_is_believed(lines: Lines, data: st.DataObject) -> None:
    """Any byte of the file replaced, removed or doubled is refused, and nothing but `BadExport` is raised."""
    whole = b"".join(lines)
    at = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.sampled_from([b"", whole[at : at + 1] * 2]) | st.binary(min_size=1, max_size=2))
    changed = whole[:at] + put + whole[at + 1 :]
    if changed == whole:
        return

    with pytest.raises(BadExport, match=r"^line \d+: "):
        verify_export(changed.splitlines(keepends=True))


@given(st.lists(st.tuples(ids, numbers), unique=True), st.randoms())
def test_the_value_of_all_heads_knows_no_order(heads: list[tuple[str, int]], dice: Any) -> None:
    """In whatever order conversations are met; another seq, or one conversation less, is another value."""
    mixed = heads.copy()
    dice.shuffle(mixed)

    def value(of: list[tuple[str, int]]) -> str:
        made = Heads()
        for conversation_id, seq in of:
            made.add(conversation_id, seq, first_hash(conversation_id))
        return made.hex()

    assert value(heads) == value(mixed)
    assert not heads or value(heads) != value(heads[1:])
    assert not heads or value(heads) != value([(heads[0][0], heads[0][1] + 1), *heads[1:]])


# The file.


def quiet(*_report: object) -> None:
    """Nobody watches."""


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    """What broke off leaves nothing; another file is replaced only with force; its owner alone may read it."""
    path = tmp_path / "store.ndjson"

    def break_off() -> None:
        with written(path, force=False) as write:
            write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert list(tmp_path.iterdir()) == []

    with written(path, force=False) as write:
        write(b"whole")
    with pytest.raises(ExportFileFailed, match="--force"), written(path, force=False) as write:
        write(b"other")
    with written(path, force=True) as write:
        write(b"newer")

    assert path.read_bytes() == b"newer"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["missing/store.ndjson", "."])
def test_a_place_that_cannot_be_is_named(tmp_path: Path, name: str) -> None:
    """No folder, or a folder instead of a file."""
    with pytest.raises(ExportFileFailed, match="folder"), written(tmp_path / name, force=True):
        pass


def test_compressed_files_are_equal_and_read_alike(tmp_path: Path, lines: Lines) -> None:
    """By the name: neither the name nor the time stands in them; one that was cut names its line."""
    first, second = tmp_path / "first.ndjson.gz", tmp_path / "second.ndjson.gz"
    for path in (first, second):
        with written(path, force=False) as write:
            write(b"".join(lines))

    with read_lines(first, report=quiet) as read:
        assert list(read) == lines
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()) == b"".join(lines)
    second.write_bytes(first.read_bytes()[:-20])
    with (
        read_lines(second, report=quiet) as read,
        pytest.raises(BadExport, match=r"line \d+: .*copy it again"),
    ):
        list(read)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path) -> None:
    """A file of one endless line is refused at the bound."""
    path = tmp_path / "endless"
    path.write_bytes(b"x" * (LINE_MAX + 2))

    with read_lines(path, report=quiet) as read, pytest.raises(BadExport, match="longer than"):
        list(read)


# The commands.


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(app=AppSettings(data_dir=tmp_path / "data"))
    monkeypatch.setattr("pingme.config.load_settings", lambda: made)
    return made


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(db.app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_import_verify_and_export_by_hand(settings: Settings, tmp_path: Path, lines: Lines) -> None:
    """The same value of all heads from the file, the import, the store and the new export; which is the same file."""
    file, again = tmp_path / "store.ndjson", tmp_path / "again.ndjson.gz"
    file.write_bytes(b"".join(lines))

    _, looked = run("verify", str(file), "--json")
    code, moved = run("import", str(file), "--json")
    _, words = run("export", str(again))
    _, store = run("verify", "--json")

    assert code == 0
    heads = {json.loads(answer)["heads"] for answer in (looked, moved, store)}
    assert heads == {verify_export(lines).heads}
    assert "4 accounts, 2 sessions, 6 conversations, 30 events, 2 dead letters" in words
    assert gzip.decompress(again.read_bytes()) == file.read_bytes()


def test_a_file_with_a_fault_is_reported_and_not_imported(
    settings: Settings, tmp_path: Path, lines: Lines
) -> None:
    """Verifying exits with 1 and lists it; importing raises it, and leaves no store."""
    file = tmp_path / "store.ndjson"
    file.write_bytes(b"".join(lines[:-3]))

    code, text = run("verify", str(file))
    with pytest.raises(BadExport, match="line"):
        run("import", str(file))

    assert code == 1
    assert "was cut" in text
    assert not settings.sqlite_path.exists()


def test_an_import_needs_the_folder_for_itself(settings: Settings, tmp_path: Path, lines: Lines) -> None:
    """While a server holds the lock, nothing is touched."""
    file = tmp_path / "store.ndjson"
    file.write_bytes(b"".join(lines))

    with DataLock(settings.data_dir), pytest.raises(DataFolderInUse):
        run("import", str(file))

    assert not settings.sqlite_path.exists()


def test_a_damaged_store_is_not_exported(settings: Settings, tmp_path: Path, lines: Lines) -> None:
    """The fault is named, and no file appears."""
    file, out = tmp_path / "store.ndjson", tmp_path / "out.ndjson"
    file.write_bytes(b"".join(lines))
    run("import", str(file))
    with contextlib.closing(sqlite3.connect(settings.sqlite_path)) as connection, connection:
        connection.execute("UPDATE events SET server_ts = server_ts + 1 WHERE conversation = 1 AND seq = 1")

    with pytest.raises(BadExport, match="pingme db verify"):
        run("export", str(out))

    assert not out.exists()


def test_an_empty_store_is_exported_too(settings: Settings, tmp_path: Path) -> None:
    """A header and an end."""
    run("upgrade")

    run("export", str(tmp_path / "empty.ndjson"))

    with read_lines(tmp_path / "empty.ndjson", report=quiet) as read:
        moved = verify_export(read)
    assert (sum(moved.counts.values()), moved.heads) == (0, Moved(heads=Heads().hex()).heads)


def test_a_head_says_where_a_conversation_ends() -> None:
    """A conversation without events has h(0), and is no part of the value of all heads."""
    writer = LineWriter()
    record = ConversationRecord(
        conversation_id="g-1", kind="group", history_policy="full", join_policy="open", created_ts=1, last_seq=0,
        last_hash=first_hash("g-1").hex(),
    )  # fmt: skip
    counts = verify_counts(record)

    moved = verify_export([writer.header(), writer.record(record), writer.end(counts, Heads().hex())])

    assert moved.heads == Heads().hex()


def verify_counts(record: Record) -> dict[str, int]:
    from pingme.wire.export import TYPES

    return dict.fromkeys(TYPES.values(), 0) | {TYPES[type(record)]: 1}


def test_an_import_can_be_interrupted(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two batches, also into a store that never waits; what was begun is given up."""
    done: list[str] = []

    class Eager:
        """A store of this process."""

        async def begin(self) -> None:
            asyncio.get_running_loop().call_soon(task.cancel)

        async def write(self, batch: Sequence[Record]) -> None:
            done.append("write")

        async def finish(self) -> str:
            done.append("finish")
            return "epoch"

        async def abandon(self) -> None:
            done.append("abandon")

    async def run() -> None:
        nonlocal task
        task = asyncio.create_task(import_store(lines, cast(NewStore, Eager())))
        with contextlib.suppress(asyncio.CancelledError):
            await task

    task: asyncio.Task[Any]
    monkeypatch.setattr(moving, "BATCH_RECORDS", 2)
    asyncio.run(run())

    assert done == ["write", "abandon"]
