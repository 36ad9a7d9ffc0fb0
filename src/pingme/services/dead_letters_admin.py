"""What `pingme dlq …` asks of a server: look at dead letters, send them again, delete them.

Rules of this file:
- A replay goes through the log like any send, under its own msg_id: stored twice it can never be.
- A letter is deleted only when its message is known to be stored; everything else leaves it where it is.
- The list shows no content. `show` does: who asks for one letter wants to see it.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog

from pingme.domain.errors import UNKNOWN_OUTCOME, ErrorCode, PingMeError, RecordUndecodable, Refused
from pingme.domain.events import Command, Outcome, Stored
from pingme.ports.admin import AdminHandler, Progress
from pingme.ports.clock import Clock
from pingme.ports.dead_letters import DeadLetterRecord, DeadLetters
from pingme.wire.records import decode_record

log = structlog.get_logger(__name__)

Resubmit = Callable[[Command], Awaitable[Outcome]]
"""Appends a command to the log and returns its outcome.

Raises:
    Refused: 10008 or another answer of this moment.
    OutcomeUnknown: 10009, or 50006 when it was dead-lettered again.
"""

PAGE = 500  # letters read at once
LIST_MAX = 1_000
RATE_DEFAULT = 50  # replays a second: a backlog of thousands leaves room for people
RATE_MAX = 10_000
RESULTS_MAX = 1_000  # results returned one by one; the counts are always complete
FAILURES = frozenset({"refused", "unknown", "undecodable"})
# The server cannot take more now, so the letters that follow would only fail in the same way.
STOPPING = frozenset({ErrorCode.OVERLOADED, ErrorCode.DATABASE_ERROR, ErrorCode.OUTCOME_UNKNOWN})


@dataclass(frozen=True, slots=True)
class DeadLetterTools:
    """What the handlers work with."""

    letters: DeadLetters
    resubmit: Resubmit
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters are meant: those of these ids, or all; of them those that match every filter."""

    ids: tuple[int, ...] | None = None
    sender_id: str | None = None
    conversation_id: str | None = None
    code: int | None = None

    def matches(self, letter: DeadLetterRecord) -> bool:
        """Tell whether a letter passes the filters."""
        wanted = (self.sender_id, self.conversation_id, self.code)
        actual = (letter.sender_id, letter.conversation_id, letter.code)
        return all(want is None or want == have for want, have in zip(wanted, actual, strict=True))

    @property
    def filters(self) -> bool:
        """True when there is a filter."""
        return (self.sender_id, self.conversation_id, self.code) != (None, None, None)


class _Filters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    sender_id: str | None = None
    conversation_id: str | None = None
    code: int | None = None


class _List(_Filters, kw_only=True):
    after_id: int = 0
    limit: int = 100


class _Chosen(_Filters, kw_only=True):
    ids: list[int] | None = None
    all: bool = False


class _Replay(_Chosen, kw_only=True):
    dry_run: bool = False
    rate: float = RATE_DEFAULT


class _Show(msgspec.Struct, forbid_unknown_fields=True):
    id: int


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No arguments."""


Arguments = dict[str, Any]
View = dict[str, Any]
Handler = Callable[["DeadLetterTools", Arguments, Progress], Awaitable[View]]
T = TypeVar("T")


def _read(arguments: Arguments, kind: type[T]) -> T:
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as exc:
        raise Refused(ErrorCode.INVALID_PARAMETERS, str(exc)) from exc


def _select(asked: _Filters, ids: Sequence[int] | None = None) -> Selection:
    return Selection(
        ids=None if ids is None else tuple(dict.fromkeys(ids)),
        sender_id=asked.sender_id,
        conversation_id=asked.conversation_id,
        code=asked.code,
    )


def _select_chosen(asked: _Chosen) -> Selection:
    """Return the letters that a replay or purge is about; one of ``ids`` and ``all`` must say so."""
    if (asked.ids is None) != asked.all:
        raise Refused(ErrorCode.INVALID_PARAMETERS, "expected either ids, or all: true")
    return _select(asked, asked.ids)


async def _walk(
    letters: DeadLetters, selection: Selection, after_id: int = 0
) -> AsyncIterator[DeadLetterRecord]:
    """Yield the selected letters in ascending id, or in the order of the ids asked for."""
    if selection.ids is not None:
        for letter_id in selection.ids:
            letter = await letters.show(letter_id)
            if letter is not None and selection.matches(letter):
                yield letter
        return
    while page := await letters.list(after_id=after_id, limit=PAGE):
        for letter in page:
            if selection.matches(letter):
                yield letter
        after_id = page[-1].id


def view(letter: DeadLetterRecord) -> View:
    """Return a letter as the list shows it: without its bytes, which may hold content."""
    shown = msgspec.structs.asdict(letter)
    shown["size_bytes"] = len(shown.pop("raw"))
    return shown


async def list_letters(tools: DeadLetterTools, arguments: Arguments, _progress: Progress) -> View:
    """``after_id?, limit? (100), sender_id?, conversation_id?, code?`` → ``{items, next_after_id}``."""
    asked = _read(arguments, _List)
    if not 1 <= asked.limit <= LIST_MAX:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"limit: expected 1 to {LIST_MAX}")
    items: list[View] = []
    async for letter in _walk(tools.letters, _select(asked), asked.after_id):
        if len(items) == asked.limit:
            return {"items": items, "next_after_id": items[-1]["id"]}
        items.append(view(letter))
    return {"items": items, "next_after_id": None}


async def show_letter(tools: DeadLetterTools, arguments: Arguments, _progress: Progress) -> View:
    """``id`` → ``{letter}``, with its bytes (``raw_base64``) and, where they can be decoded, ``record``."""
    letter_id = _read(arguments, _Show).id
    letter = await tools.letters.show(letter_id)
    if letter is None:
        raise Refused(ErrorCode.NOT_FOUND, f"no dead letter {letter_id}")
    shown = view(letter) | {"raw_base64": base64.b64encode(letter.raw).decode("ascii"), "record": None}
    try:
        command = decode_record(letter.raw)
    except RecordUndecodable as exc:
        shown["undecodable"] = exc.message
    else:
        body = msgspec.json.decode(command.payload)
        shown["record"] = {"kind": command.kind, "client_ts": command.client_ts, "body": body}
    return {"letter": shown}


async def count_letters(tools: DeadLetterTools, arguments: Arguments, _progress: Progress) -> View:
    """No arguments → ``{count}``."""
    _read(arguments, _Nothing)
    return {"count": await tools.letters.count()}


async def purge_letters(tools: DeadLetterTools, arguments: Arguments, _progress: Progress) -> View:
    """``ids`` or ``all: true``, and filters → ``{deleted}``. What is deleted is gone for good."""
    selection = _select_chosen(_read(arguments, _Chosen))
    if selection.ids is None and not selection.filters:
        deleted = await tools.letters.purge()
    else:
        chosen = [letter.id async for letter in _walk(tools.letters, selection)]
        deleted = await tools.letters.purge(chosen)
    log.info("dead_letters_purged", deleted=deleted)
    return {"deleted": deleted}


@dataclass(slots=True)
class _Run:
    """What a replay has done so far."""

    counts: dict[str, int] = field(default_factory=dict)
    failed: list[View] = field(default_factory=list)
    done_with: list[View] = field(default_factory=list)
    stopped: str = ""

    def note(self, letter: DeadLetterRecord, outcome: str, **more: object) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        kept = self.failed if outcome in FAILURES else self.done_with
        if len(kept) < RESULTS_MAX:
            ids = {"id": letter.id, "sender_id": letter.sender_id, "msg_id": letter.msg_id}
            kept.append(ids | {"outcome": outcome} | more)

    @property
    def results(self) -> list[View]:
        """At most `RESULTS_MAX`, by id; failures before all others where there are more."""
        shown = (self.failed + self.done_with)[:RESULTS_MAX]
        return sorted(shown, key=lambda result: int(str(result["id"])))

    @property
    def done(self) -> int:
        return sum(self.counts.values())


async def replay_letters(tools: DeadLetterTools, arguments: Arguments, progress: Progress) -> View:
    """Send letters again, at most ``rate`` a second, and delete those that are then stored.

    ``ids`` or ``all: true``, filters, ``dry_run?, rate?`` → ``{counts, results, missing, stopped, dry_run}``.
    Outcomes: ``stored``, ``duplicate`` (was stored before), ``refused``, ``unknown``, ``undecodable``; of a
    dry run ``would_replay`` and ``undecodable``. ``stopped`` says why the run ended early, else it is empty.
    """
    asked = _read(arguments, _Replay)
    if not 0 < asked.rate <= RATE_MAX:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"rate: expected more than 0, at most {RATE_MAX}")
    selection = _select_chosen(asked)
    total = await tools.letters.count() if selection.ids is None else len(selection.ids)
    run, seen = _Run(), set[int]()
    async for letter in _walk(tools.letters, selection):
        if run.done == total:  # what came after the start is not meant
            break
        if seen and not asked.dry_run:
            await tools.clock.sleep_ms(max(1, round(1000 / asked.rate)))
        seen.add(letter.id)
        await _replay_one(tools, letter, run, dry_run=asked.dry_run)
        progress({"done": run.done, "total": total})
        if run.stopped:
            break
    missing = [] if run.stopped else [each for each in selection.ids or () if each not in seen]
    return {
        "counts": run.counts,
        "results": run.results,
        "missing": missing,
        "stopped": run.stopped,
        "dry_run": asked.dry_run,
    }


async def _replay_one(tools: DeadLetterTools, letter: DeadLetterRecord, run: _Run, *, dry_run: bool) -> None:
    try:
        command = decode_record(letter.raw)
    except RecordUndecodable as exc:
        run.note(letter, "undecodable", code=int(ErrorCode.UNMARSHAL_FAILED), message=exc.message)
        return
    if dry_run:
        run.note(letter, "would_replay", kind=command.kind)
        return
    try:
        outcome = await tools.resubmit(command)
        if isinstance(outcome, Stored):
            await tools.letters.purge([letter.id])
            kind = "duplicate" if outcome.duplicate else "stored"
            run.note(letter, kind, conversation_id=outcome.conversation_id, seq=outcome.seq)
        else:
            await _note_failure(tools, letter, run, outcome.code, outcome.message)
    except PingMeError as exc:
        await _note_failure(tools, letter, run, exc.code, exc.message)
    log.info("dead_letter_replayed", letter_id=letter.id, msg_id=letter.msg_id, counts=dict(run.counts))


async def _note_failure(
    tools: DeadLetterTools, letter: DeadLetterRecord, run: _Run, code: int, message: str
) -> None:
    """Note a replay that did not store its message; the letter stays, and sending it again is harmless."""
    definite = code not in UNKNOWN_OUTCOME and code not in STOPPING
    run.note(letter, "refused" if definite else "unknown", code=int(code), message=message)
    if code in STOPPING:
        run.stopped = f"{int(code)}: {message}"
        return
    await tools.letters.mark_replayed(letter.id)


HANDLERS: dict[str, Handler] = {
    "dlq.list": list_letters,
    "dlq.show": show_letter,
    "dlq.count": count_letters,
    "dlq.replay": replay_letters,
    "dlq.purge": purge_letters,
}
"""By the name of the call on the admin socket."""


def bind_handlers(tools: DeadLetterTools) -> Mapping[str, AdminHandler]:
    """Return the handlers as the admin socket wants them."""
    return {name: partial(handler, tools) for name, handler in HANDLERS.items()}
