"""MariaDB with throw-away data."""

from __future__ import annotations

import getpass
import shutil
import signal
import subprocess
from pathlib import Path

from tests.services.service import ServiceFailed, apt_install, end, free_port, tail, wait_until

USERNAME = "pingme"
PASSWORD = "throw-away"
LOG = "mariadbd.log"
READY = b"ready for connections"  # said after the accounts are made
ATTEMPTS = 3  # the free port may be taken before it is used

# Settings as in production, but small, because several services share the machine, and a database is made in no time.
OPTIONS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-file-per-table=OFF",
    "--sync-frm=OFF",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=64M",
    "--max-connections=400",
    "--performance-schema=OFF",
)
NO_FLUSH = "--innodb-flush-method=nosync"  # nothing waits for the disk: nobody can see it without a power cut
# One statement a line.
ACCOUNT = f"""CREATE USER IF NOT EXISTS '{USERNAME}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO '{USERNAME}'@'%' WITH GRANT OPTION;
"""


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/libexec")


class MariaDB:
    """A MariaDB server (`Service`) with one account that may do everything.

    `kill` and `start_again` keep its data and its port.

    Args:
        flush: a commit waits for the disk, as figures need it and tests do not.
    """

    name = "mariadb"

    def __init__(self, *, flush: bool = False) -> None:
        self._flush = flush
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self.port = 0

    def missing(self) -> str | None:
        """See `Service.missing`."""
        absent = [name for name in ("mariadbd", "mariadb-install-db") if _program(name) is None]
        return f"{' and '.join(absent)} not found (Debian: mariadb-server)" if absent else None

    def install(self) -> None:
        """See `Installable.install`."""
        apt_install("mariadb-server")

    def start(self, folder: Path) -> None:
        """See `Service.start`; as root it goes on running as root."""
        self._folder = folder
        (folder / "account.sql").write_text(ACCOUNT, "utf-8")
        _install(folder / "data", folder / LOG)
        for attempt in range(1, ATTEMPTS + 1):
            self.port = free_port()
            try:
                self.start_again()
            except ServiceFailed:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    def start_again(self) -> None:
        """Start it on the data and the port that it had; returns when it answers.

        Raises:
            ServiceFailed: it does not start.
        """
        log = self._folder / LOG
        with log.open("ab") as output:
            already = output.tell()  # what an earlier start has said does not count
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,  # a Ctrl-C in the terminal is for whoever started it
            )
        wait_until(lambda: READY in log.read_bytes()[already:], self._process, log)

    def kill(self) -> None:
        """End it with SIGKILL and wait until it has gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal, SIGSTOP and SIGCONT for instance; nothing when it does not run."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """See `Service.stop`."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def _command(self) -> list[str]:
        folder = self._folder
        return [
            str(_program("mariadbd")), "--no-defaults", f"--datadir={folder / 'data'}", _user(), f"--port={self.port}",
            f"--socket={folder / 'mariadbd.sock'}", f"--pid-file={folder / 'mariadbd.pid'}",
            f"--init-file={folder / 'account.sql'}", *OPTIONS,
            *(() if self._flush else (NO_FLUSH,)),
        ]  # fmt: skip

    def env(self) -> dict[str, str]:
        """See `Service.env`."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_USERNAME": USERNAME,
            "DB_PASSWORD": PASSWORD,
        }


def _user() -> str:
    return f"--user={getpass.getuser()}"


def _install(data: Path, log: Path) -> None:
    command = [
        str(_program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", _user(),
        "--auth-root-authentication-method=normal", "--skip-test-db",
    ]  # fmt: skip
    with log.open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise ServiceFailed(f"mariadb-install-db failed:\n{tail(log)}")
