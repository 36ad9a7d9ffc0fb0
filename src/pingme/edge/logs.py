"""One pipeline for every log line: PingMe's own events and those of libraries, as text or JSON.

Events are static names with fields beside them. Content, tokens and passwords are never given to a logger;
should one slip in under its own name, `drop_secrets` removes it here, as the last net.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pingme.domain.errors import PingMeError

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

SECRET_NAMES = ("content", "token", "password", "secret", "authorization")
HANDLER = "pingme"  # by this name the next call finds what an earlier one has set up
NESTING_MAX = 4  # mappings inside a field are searched this deep, deeper ones are dropped as a whole
# Access lines of uvicorn and httpx show whole URLs, and their queries are the clients'.
QUIET = ("picows", "uvicorn.access", "httpx", "httpcore")

log_context = structlog.contextvars.bound_contextvars
"""``with log_context(request_id=…):`` adds fields to every line of the current task, foreign ones too."""


def is_secret(name: str) -> bool:
    """Tell whether a field is dropped: ``token``, ``refresh_token``, ``Password``; not ``content_type``."""
    plain = name.lower().replace("-", "_")
    return any(plain == secret or plain.endswith("_" + secret) for secret in SECRET_NAMES)


def drop_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove fields with the name of a secret, in nested mappings, too; a structlog processor."""
    return {key: _clean(value, NESTING_MAX) for key, value in event.items() if not is_secret(key)}


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        if depth == 0:
            return "…"
        return {key: _clean(item, depth - 1) for key, item in value.items() if not is_secret(str(key))}
    if isinstance(value, list | tuple):
        return [_clean(item, depth - 1) for item in value] if depth else "…"
    return value


def configure_logging(level: Level, format: Format, output: str) -> None:  # noqa: A002  # the setting's own name
    """Send every log line to one place; calling it again replaces what an earlier call set up.

    Loggers that have been used keep the level of the first call.

    Args:
        level: the least level that is written.
        format: ``text`` for people, ``json`` for one object per line.
        output: ``stderr``, ``stdout``, or the path of a file, which is opened anew when it was rotated.

    Raises:
        PingMeError: the file cannot be opened.
    """
    number = getattr(logging, level.upper())
    handler = _handler(output)
    colors = output in {"stderr", "stdout"} and _stream(output).isatty()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=_last_steps(format, colors=colors), foreign_pre_chain=_first_steps()
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == HANDLER]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(number)
    _tame_libraries(number)
    structlog.configure(
        processors=[*_first_steps(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,  # a filtered log.debug() then costs 0.1 µs
    )


def reopen_log() -> bool:
    """Open the log file anew if it was moved away; False when the log is no file, or it cannot be opened."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LogFile):
            return handler.reopen()
    return False


class _LogFile(logging.handlers.WatchedFileHandler):
    """A file that is opened anew when it was moved away; a line that cannot be written costs nobody more than the line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; when the file cannot be opened anew, say so on standard error, as for any failure to write."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def reopen(self) -> bool:
        """Open it anew if need be; False when it cannot be opened."""
        self.acquire()
        try:
            self.reopenIfNeeded()
        except OSError:
            return False
        finally:
            self.release()
        return True


def _stream(output: str) -> Any:
    return sys.stdout if output == "stdout" else sys.stderr


def _handler(output: str) -> logging.Handler:
    handler: logging.Handler
    if output in {"stderr", "stdout"}:
        handler = logging.StreamHandler(_stream(output))
    else:
        try:
            Path(output).absolute().parent.mkdir(parents=True, exist_ok=True)
            handler = _LogFile(output, encoding="utf-8")
        except OSError as exc:
            message = f"logging.output: cannot write {output}: {exc.strerror or exc}"
            raise PingMeError(message) from exc
    handler.set_name(HANDLER)
    return handler


def _tame_libraries(level: int) -> None:
    """Let the loggers of libraries speak through the root handler only."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", *QUIET):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("asyncio").setLevel(max(level, logging.INFO))  # its debug line names the selector


def _first_steps() -> list[Processor]:
    """What every event passes, PingMe's own and foreign ones."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _name_logger,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        drop_secrets,
    ]


def _name_logger(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say which module speaks."""
    record = event.get("_record")
    name = record.name if record is not None else getattr(logger, "name", None)
    if name:
        event["logger"] = name
    return event


def _last_steps(format: Format, *, colors: bool) -> list[Processor]:  # noqa: A002  # as above
    """Turn an event into a line."""
    last: list[Processor] = [_drop_color_message, structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if format == "json":
        return [
            *last,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    # plain_traceback: Rich's would print the values of local variables, and with them content.
    return [
        *last,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    ]


def _drop_color_message(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> EventDict:
    """Remove uvicorn's second copy of its message."""
    event.pop("color_message", None)
    return dict(event)
