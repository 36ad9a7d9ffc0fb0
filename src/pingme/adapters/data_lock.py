"""The lock on the data folder: one process at a time works on it, a server or an offline command.

It is an advisory lock of the system (flock), so it dies with its holder, however that ends. The file
stays; what stands in it (the holder's process id) is only for the message.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pingme.domain.errors import ErrorCode, PingMeError

LOCK_NAME = "pingme.lock"


class DataFolderInUse(PingMeError):
    """Another process holds the lock.

    Args:
        data_dir: the folder.
        pid: of the holder, 0 when it is not known.
    """

    code = ErrorCode.CONFLICT

    def __init__(self, data_dir: Path, pid: int) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"the data folder {data_dir} is in use by {holder}; stop it first, or set another app.data_dir"
        )


class DataLock:
    """The lock of one data folder; also a context manager.

    Args:
        data_dir: the folder; made when it is missing, readable by its owner only.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock, or fail at once.

        Raises:
            DataFolderInUse: somebody else holds it.
            PingMeError: the folder cannot be made or written.
        """
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            message = f"cannot use the data folder {self._data_dir}: {exc.strerror or exc}"
            raise PingMeError(message) from exc
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            pid = _read_pid(file)
            os.close(file)
            raise DataFolderInUse(self._data_dir, pid) from exc
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its holder's name
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode("ascii"), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; without it nothing happens."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
            os.close(file)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(data_dir: Path) -> int:
    """Return the id of the process that holds a data folder, 0 = nobody, or not known. The lock stays as it is.

    An id that stands there from a holder that is gone may be another process's by now, so the lock itself is asked:
    for a moment, shared, and only while such a process lives.
    """
    try:
        file = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    pid = 0
    try:
        pid = _read_pid(file)
        if not pid or not _lives(pid):
            return 0
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return pid
    except OSError:
        return 0
    else:
        return 0
    finally:
        os.close(file)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _read_pid(file: int) -> int:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else 0
