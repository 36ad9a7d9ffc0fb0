"""`pingme dlq`: list, show, replay and purge dead letters.

Exit codes: 0 everything asked for was done; 1 something was not (the output says what); 2 wrong usage.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="List, show, replay and purge dead letters: messages that the store did not take after all retries.",
)

Ids = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]...", help="Dead letters, as `list` numbers them.")
]
All = Annotated[bool, typer.Option("--all", help="All letters (that match the filters).")]
Sender = Annotated[str | None, typer.Option(metavar="USER_ID", help="Only letters of this sender.")]
Conversation = Annotated[
    str | None, typer.Option(metavar="CONVERSATION_ID", help="Only letters to this conversation.")
]
Code = Annotated[int | None, typer.Option(help="Only letters with this error code, such as 50006.")]
GOOD = frozenset({"stored", "duplicate", "would_replay"})
NUMBERS = 4  # columns of the list that are numbers, the first ones
GAP = "  "  # between two columns
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command(name="list")
def list_letters(
    *,
    sender: Sender = None,
    conversation: Conversation = None,
    code: Code = None,
    after: Annotated[int, typer.Option(min=0, help="Only ids above this one.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest id first; content is not shown."""
    answer = ask("dlq.list", {"after_id": after, "limit": limit, **filters(sender, conversation, code)})
    if as_json:
        print_json(answer)
    elif answer["items"]:
        print_letters(answer["items"])
        if answer["next_after_id"]:
            print(f"There are more: pingme dlq list --after {answer['next_after_id']}")
    else:
        print("No dead letters.")


@app.command()
def show(
    letter_id: Annotated[int, typer.Argument(metavar="ID", help="As `list` numbers them.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with everything that is known, its content included."""
    answer = ask("dlq.show", {"id": letter_id})
    if as_json:
        print_json(answer)
    else:
        print_letter(answer["letter"])


@app.command()
def replay(
    ids: Ids = None,
    *,
    every: All = False,
    sender: Sender = None,
    conversation: Conversation = None,
    code: Code = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    rate: Annotated[float, typer.Option(min=0.01, max=10_000, help="Messages a second.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again under their own msg_id; those that are then stored are removed.

    Repeating it is harmless: a message that was stored before is found, not stored twice.
    """
    arguments = choose(ids, every=every) | filters(sender, conversation, code)
    answer = failures_first(
        ask("dlq.replay", arguments | {"dry_run": dry_run, "rate": rate}, progress="Replaying")
    )
    if as_json:
        print_json(answer)
    else:
        print_replay(answer)
    if answer["missing"] or answer["stopped"] or set(answer["counts"]) - GOOD:
        raise typer.Exit(1)


@app.command()
def purge(
    ids: Ids = None,
    *,
    every: All = False,
    sender: Sender = None,
    conversation: Conversation = None,
    code: Code = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, the command only tells.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters for good: their messages will not be stored by anybody."""
    arguments = choose(ids, every=every) | filters(sender, conversation, code)
    if not yes:
        answer = ask("dlq.replay", arguments | {"dry_run": True})
        count = sum(answer["counts"].values())
        typer.echo(f"error: this would delete {count} dead letters for good; repeat with --yes", err=True)
        raise typer.Exit(1)
    answer = ask("dlq.purge", arguments)
    if as_json:
        print_json(answer)
    else:
        print(f"{answer['deleted']} deleted")
    if ids and answer["deleted"] < len(set(ids)):
        raise typer.Exit(1)


def ask(command: str, arguments: dict[str, Any], *, progress: str = "") -> dict[str, Any]:
    """Run one admin call, in the running server or here; with a bar on stderr when ``progress`` names it.

    Raises:
        PingMeError: it was refused, or the settings are wrong.
    """
    from pingme.cli.admin import call  # noqa: PLC0415  # `pingme dlq --help` needs none of these
    from pingme.cli.progress import progress_bar  # noqa: PLC0415
    from pingme.config import load_settings  # noqa: PLC0415

    if not progress:
        return call(load_settings(), command, arguments)
    with progress_bar(progress) as report:
        return call(load_settings(), command, arguments, on_progress=report)


def choose(ids: Sequence[int] | None, *, every: bool) -> dict[str, Any]:
    """Return the arguments that say which letters are meant.

    Raises:
        typer.BadParameter: neither or both of ids and --all were given.
    """
    if bool(ids) == every:
        raise typer.BadParameter("expected either ids or --all")
    return {"all": True} if every else {"ids": list(ids or ())}


def filters(sender: str | None, conversation: str | None, code: int | None) -> dict[str, Any]:
    """Return the arguments of the filters that were given."""
    given = {"sender_id": sender, "conversation_id": conversation, "code": code}
    return {name: value for name, value in given.items() if value is not None}


def print_json(answer: dict[str, Any]) -> None:
    """Print an answer as it came."""
    print(json.dumps(answer, indent=2, ensure_ascii=False))


def at(timestamp_ms: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def print_letters(items: list[dict[str, Any]]) -> None:
    """Print a table, one line per letter however wide it gets: what is folded cannot be searched or copied."""
    rows: list[tuple[str, ...]] = [
        ("ID", "CODE", "TRIES", "REPLAYS", "SINCE", "SENDER", "CONVERSATION", "ERROR")
    ]
    for item in items:
        numbers = (item["id"], item["code"], item["attempts"], item["replays"])
        texts = (at(item["created_ts"]), item["sender_id"], item["conversation_id"], item["error"])
        rows.append((*map(str, numbers), *(printable(text or "-") for text in texts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            text.rjust(width) if place < NUMBERS else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print(GAP.join(cells).rstrip())


def print_letter(letter: dict[str, Any]) -> None:
    """Print one letter, a field a line."""
    fields = {
        "id": letter["id"],
        "since": at(letter["created_ts"]),
        "sender": letter["sender_id"] or "unknown",
        "msg_id": letter["msg_id"] or "unknown",
        "conversation": letter["conversation_id"] or "unknown",
        "code": f"{letter['code']}",
        "error": letter["error"],
        "attempts": letter["attempts"],
        "replays": letter["replays"],
        "origin": letter["origin"],
        "size": f"{letter['size_bytes']} bytes",
    }
    for name, value in fields.items():
        print(f"{name:<14}{printable(str(value))}")
    if letter["record"]:
        print(f"{'kind':<14}{letter['record']['kind']}")
        print(f"{'body':<14}{json.dumps(letter['record']['body'], ensure_ascii=False)}")
    else:
        print(f"{'undecodable':<14}{printable(letter['undecodable'])}")
        print(f"{'raw':<14}{base64.b64decode(letter['raw_base64'])[:2_000]!r}")


def printable(text: str) -> str:
    """Return text in which control characters, which may move the cursor, are shown as escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def failures_first(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what became of the letters, the failures before the others, and how many more the answer does not list."""
    results = sorted(answer["results"], key=lambda result: result["outcome"] in GOOD)
    left_out = sum(answer["counts"].values()) - len(results)
    return answer | {"results": results, "results_left_out": left_out}


def print_replay(answer: dict[str, Any]) -> None:
    """Print what became of each letter, then the sums."""
    for result in answer["results"]:
        reason = f"  {result['code']}: {printable(result['message'])}" if "code" in result else ""
        place = f"  {result['conversation_id']} seq {result['seq']}" if "seq" in result else ""
        print(f"{result['id']:>6}  {result['outcome']}{place}{reason}")
    if answer["results_left_out"]:
        print(f"… and {answer['results_left_out']} more")
    for letter_id in answer["missing"]:
        print(f"{letter_id:>6}  not found")
    sums = ", ".join(f"{count} {outcome}" for outcome, count in answer["counts"].items())
    print(sums.replace("_", " ") or "nothing to replay")
    if answer["stopped"]:
        print(f"stopped: {answer['stopped']}")
