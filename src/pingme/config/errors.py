"""The error of every wrong setting."""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, PingMeError


class ConfigError(PingMeError):
    """A setting is misspelt, of the wrong type, out of range, or does not go with another.

    The text is one line: where (file and line, or the variable), which key, what was expected and what came.
    Secrets never appear in it.
    """

    code = ErrorCode.INVALID_PARAMETERS
