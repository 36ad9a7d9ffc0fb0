"""`pingme dlq` and the handlers behind it, on the fake dead letters."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from pingme.cli import dlq
from pingme.domain.errors import ErrorCode, OutcomeUnknown, Refused
from pingme.domain.events import MessageBody, RefusedOutcome, Stored, make_command
from pingme.ports.dead_letters import DeadLetterRecord
from pingme.services import dead_letters_admin
from pingme.services.dead_letters_admin import DeadLetterTools, bind_handlers
from pingme.wire.records import encode_record
from tests.fakes.clock import FakeClock
from tests.fakes.dead_letters import MemoryDeadLetters


def letter(
    number: int, *, sender: str = "u1", raw: bytes | None = None, code: int = 50006
) -> DeadLetterRecord:
    """A dead letter of a private message with the content ``secret <number>``."""
    body = MessageBody(content=f"secret {number}", content_type="text", to_user_id="u2")
    command = make_command(
        "message", sender_id=sender, msg_id=f"m{number}", conversation_id=f"p{number}", body=body
    )
    return DeadLetterRecord(
        sender_id=sender if raw is None else "",
        msg_id=f"m{number}" if raw is None else "",
        conversation_id=f"p{number}" if raw is None else "",
        raw=encode_record(command) if raw is None else raw,
        code=code,
        error="constraint failed",
        attempts=4,
        origin=f"memory/0/{number}",
        created_ts=1_700_000_000_000,
    )


class World:
    """Dead letters, a store that answers as a test says, and the command line in front of them."""

    def __init__(self) -> None:
        self.letters = MemoryDeadLetters()
        self.clock = FakeClock()
        self.answers: dict[str, object] = {}
        self.sent: list[str] = []
        self.waits: list[int] = []
        self.clock.sleep_ms = self.sleep_ms  # type: ignore[method-assign]
        self.handlers = bind_handlers(DeadLetterTools(self.letters, self.resubmit, self.clock))

    async def sleep_ms(self, delay_ms: int) -> None:
        self.waits.append(delay_ms)

    async def resubmit(self, command):
        self.sent.append(command.msg_id)
        answer = self.answers.get(command.msg_id, Stored(command.conversation_id, 7, 1, False))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def put(self, *letters: DeadLetterRecord) -> None:
        for each in letters:
            asyncio.run(self.letters.put(each))

    def ids(self) -> list[int]:
        return [each.id for each in asyncio.run(self.letters.list(limit=1000))]

    def replays(self, letter_id: int) -> int:
        return asyncio.run(self.letters.show(letter_id)).replays

    def call(self, _settings, name, arguments, *, on_progress=None):
        return asyncio.run(self.handlers[name](arguments, on_progress or (lambda _report: None)))

    def run(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(dlq.app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr("pingme.cli.admin.call", made.call)
    monkeypatch.setattr("pingme.config.load_settings", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")
    with capture_logs() as lines:
        yield made
    assert "secret" not in repr(lines)


def test_the_list_shows_no_content(world):
    """Ids, code, tries, sender, conversation and error; neither bytes nor content."""
    world.put(letter(1), letter(2, sender="u9"))

    code, table = world.run("list")
    _, text = world.run("list", "--json")

    assert code == 0
    assert all(shown in table for shown in ("50006", "u9", "p2", "constraint failed", "2023-11-14 22:13:20Z"))
    assert [item["msg_id"] for item in json.loads(text)["items"]] == ["m1", "m2"]
    assert "secret" not in table + text


def test_a_letter_is_one_line_however_narrow_the_terminal_is(world, monkeypatch):
    """Ids can be searched and copied, and no error moves the cursor."""
    monkeypatch.setenv("COLUMNS", "80")
    name = "g" * 60
    odd = msgspec.structs.replace(letter(1, sender=name), conversation_id=name, error="bad\n\x1b[2J")
    world.put(odd, letter(2))

    _, out = world.run("list")

    head, first, second = out.splitlines()
    assert head.split() == ["ID", "CODE", "TRIES", "REPLAYS", "SINCE", "SENDER", "CONVERSATION", "ERROR"]
    assert first.endswith(f"{name}  {name}  bad\\n\\x1b[2J")
    assert " p2 " in second


def test_failures_of_a_large_replay_come_first():
    """The answer lists some letters only: what it leaves out is counted, in --json too."""
    results = [{"id": 1, "outcome": "stored"}, {"id": 2, "outcome": "refused"}]

    answer = dlq.failures_first({"results": results, "counts": {"stored": 1200, "refused": 3}})

    assert [result["id"] for result in answer["results"]] == [2, 1]
    assert answer["results_left_out"] == 1201


def test_a_replay_tells_how_many_letters_it_does_not_list(capsys):
    """After those that it does."""
    listed = [{"id": 2, "outcome": "refused"}]

    dlq.print_replay(
        {
            "results": listed,
            "results_left_out": 1201,
            "missing": [],
            "counts": {"refused": 1202},
            "stopped": "",
        }
    )

    assert capsys.readouterr().out == "     2  refused\n… and 1201 more\n1202 refused\n"


def test_an_empty_list_says_so(world):
    """There is an answer where there is nothing to list."""
    assert world.run("list") == (0, "No dead letters.\n")


def test_the_list_is_filtered_and_paged(world):
    """Filters are combined; a list that is cut says how it goes on, whatever the filter left out."""
    world.put(*(letter(number, sender=f"u{number % 2}") for number in range(6)))

    _, text = world.run("list", "--sender", "u1", "--limit", "2", "--json")
    answer = json.loads(text)
    _, rest = world.run("list", "--sender", "u1", "--after", str(answer["next_after_id"]), "--json")
    _, one = world.run("list", "--sender", "u1", "--conversation", "p3", "--code", "50006", "--json")
    _, none = world.run("list", "--code", "50002", "--json")
    _, cut = world.run("list", "--limit", "2")

    assert [item["msg_id"] for item in answer["items"]] == ["m1", "m3"]
    assert [item["msg_id"] for item in json.loads(rest)["items"]] == ["m5"]
    assert json.loads(rest)["next_after_id"] is None
    assert [item["msg_id"] for item in json.loads(one)["items"]] == ["m3"]
    assert json.loads(none)["items"] == []
    assert "pingme dlq list --after 2" in cut


def test_show_gives_everything(world):
    """One letter with its content, and the bytes where they cannot be decoded; a missing one is an error."""
    world.put(letter(1), letter(2, raw=b"\x1b[2Jnot json", code=50002))

    _, readable = world.run("show", "1")
    _, undecodable = world.run("show", "2")
    _, text = world.run("show", "1", "--json")

    assert "secret 1" in readable
    assert "undecodable" in undecodable
    assert "\x1b" not in undecodable
    assert json.loads(text)["letter"]["record"]["body"]["content"] == "secret 1"
    with pytest.raises(Refused, match="no dead letter 7") as refusal:
        world.run("show", "7")
    assert refusal.value.code is ErrorCode.NOT_FOUND


def test_a_replayed_letter_that_is_stored_goes_away(world):
    """Stored now or before, its message is safe, so the letter is deleted."""
    world.put(letter(1), letter(2), letter(3))
    world.answers["m2"] = Stored("p2", 5, 1, True)

    code, out = world.run("replay", "1", "2")

    assert code == 0
    assert "stored  p1 seq 7" in out
    assert "duplicate  p2 seq 5" in out
    assert world.sent == ["m1", "m2"]
    assert world.ids() == [3]


def test_a_letter_that_is_not_stored_stays(world):
    """Refused, unknown and undecodable letters stay and are counted; the command says so and exits 1."""
    world.put(letter(1), letter(2), letter(3, raw=b"\xff", code=50002), letter(4))
    world.answers["m1"] = RefusedOutcome(40003, "not a group member")
    world.answers["m2"] = OutcomeUnknown("dead-lettered again", code=ErrorCode.DEAD_LETTERED)

    code, text = world.run("replay", "--all", "--json")
    answer = json.loads(text)

    assert code == 1
    assert answer["counts"] == {"refused": 1, "unknown": 1, "undecodable": 1, "stored": 1}
    assert [result.get("code") for result in answer["results"]] == [40003, 50006, 50002, None]
    assert world.ids() == [1, 2, 3]
    assert [world.replays(letter_id) for letter_id in (1, 2, 3)] == [1, 1, 0]


def test_a_failure_is_listed_however_many_succeed(world, monkeypatch):
    """The results of a replay are bounded; those that need a person come first."""
    monkeypatch.setattr(dead_letters_admin, "RESULTS_MAX", 3)
    for number in range(1, 6):
        world.put(letter(number))
    world.answers["m5"] = RefusedOutcome(ErrorCode.NOT_A_MEMBER, "not a member")

    view = json.loads(world.run("replay", "--all", "--json")[1])

    assert view["counts"] == {"stored": 4, "refused": 1}
    assert [result["msg_id"] for result in view["results"]] == ["m5", "m1", "m2"]


def test_a_letter_that_is_dead_lettered_again_is_no_refusal(world):
    """Nobody can say yet whether it is stored, so it is unknown, and the letter stays."""
    world.put(letter(1))
    world.answers["m1"] = RefusedOutcome(int(ErrorCode.DEAD_LETTERED), "kept as a dead letter")

    code, text = world.run("replay", "1", "--json")

    assert code == 1
    assert json.loads(text)["counts"] == {"unknown": 1}
    assert world.replays(1) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Refused(ErrorCode.OVERLOADED),
        Refused(ErrorCode.DATABASE_ERROR),
        RefusedOutcome(int(ErrorCode.DATABASE_ERROR), "the store is not available"),
        OutcomeUnknown(),
    ],
)
def test_a_replay_stops_where_the_server_takes_no_more(world, answer):
    """An outage is not the letters' fault: the run ends, nothing is marked, and the reason is shown."""
    world.put(letter(1), letter(2), letter(3))
    world.answers["m2"] = answer

    exit_code, out = world.run("replay", "--all")

    assert exit_code == 1
    assert f"stopped: {int(answer.code)}" in out
    assert world.sent == ["m1", "m2"]
    assert world.ids() == [2, 3]
    assert world.replays(2) == 0


def test_a_dry_run_sends_nothing(world):
    """It says what would be replayed and what cannot be."""
    world.put(letter(1), letter(2, raw=b"\xff", code=50002))

    code, text = world.run("replay", "--all", "--dry-run", "--json")

    assert code == 1
    assert json.loads(text)["counts"] == {"would_replay": 1, "undecodable": 1}
    assert world.sent == []
    assert world.ids() == [1, 2]


def test_the_rate_is_kept(world):
    """Between two messages there is the time that the rate leaves; before the first there is none."""
    world.put(*(letter(number) for number in range(4)))

    world.run("replay", "--all", "--rate", "4")

    assert world.waits == [250, 250, 250]


def test_filters_choose_what_is_replayed(world):
    """`--all` with a filter replays what matches and nothing else."""
    world.put(letter(1), letter(2, sender="u9"), letter(3))

    world.run("replay", "--all", "--sender", "u9")

    assert world.sent == ["m2"]
    assert world.ids() == [1, 3]


def test_a_missing_id_is_reported(world):
    """An id that is not there fails the command, after the others were replayed."""
    world.put(letter(1))

    code, out = world.run("replay", "1", "99")

    assert code == 1
    assert "99  not found" in out
    assert world.sent == ["m1"]


def test_letters_that_come_during_a_replay_are_left(world):
    """A replay of all ends, also while new letters keep coming."""
    world.put(letter(1), letter(2))

    async def answer(command):
        world.sent.append(command.msg_id)
        await world.letters.put(letter(len(world.sent) + 10))
        return Stored("p1", 1, 1, False)

    tools = DeadLetterTools(world.letters, answer, world.clock)
    world.handlers = bind_handlers(tools)
    world.run("replay", "--all")

    assert world.sent == ["m1", "m2"]
    assert len(world.ids()) == 2


def test_purge_asks_for_yes(world):
    """Without --yes it only counts; with it the chosen letters are gone."""
    world.put(letter(1), letter(2, sender="u9"), letter(3))

    refused = world.run("purge", "--all")
    assert refused[0] == 1
    assert "3 dead letters" in refused[1]
    assert world.ids() == [1, 2, 3]

    assert world.run("purge", "--all", "--sender", "u9", "--yes") == (0, "1 deleted\n")
    assert world.ids() == [1, 3]
    assert world.run("purge", "1", "99", "--yes") == (1, "1 deleted\n")
    assert world.run("purge", "--all", "--yes", "--json")[0] == 0
    assert world.ids() == []


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_which_letters_must_be_said(world, command, arguments):
    """Neither or both of ids and --all is a wrong command line."""
    assert world.run(command, *arguments)[0] == 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("dlq.list", {"limit": 0}),
        ("dlq.list", {"limit": 1001}),
        ("dlq.list", {"sender": "u1"}),
        ("dlq.show", {}),
        ("dlq.replay", {}),
        ("dlq.replay", {"ids": [1], "all": True}),
        ("dlq.replay", {"all": True, "rate": 0}),
        ("dlq.replay", {"ids": ["1"]}),
        ("dlq.purge", {}),
        ("dlq.count", {"all": True}),
    ],
)
def test_wrong_arguments_change_nothing(world, name, arguments):
    """Each is refused with 10002."""
    world.put(letter(1))

    with pytest.raises(Refused) as refusal:
        world.call(None, name, arguments)

    assert refusal.value.code is ErrorCode.INVALID_PARAMETERS
    assert world.ids() == [1]
    assert world.sent == []


def test_count(world):
    """The number of letters, for whoever only wants that."""
    world.put(letter(1), letter(2))

    assert world.call(None, "dlq.count", {}) == {"count": 2}


def test_progress_is_reported(world):
    """Each replayed letter is a step of the whole."""
    world.put(letter(1), letter(2))
    reports: list[object] = []

    world.call(None, "dlq.replay", {"all": True}, on_progress=reports.append)

    assert reports == [{"done": 1, "total": 2}, {"done": 2, "total": 2}]
