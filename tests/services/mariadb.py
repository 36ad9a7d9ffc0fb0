"""MariaDB with throw-away data."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from pathlib import Path

from tests.services.service import ServiceFailed, apt_install, end, free_port, listens, tail, wait_until

USERNAME = "pingme"
PASSWORD = "throw-away"
ATTEMPTS = 3  # the free port may be taken before it is used

# Durable as in production; small, because several services share the machine.
OPTIONS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=64M",
    "--max-connections=400",
    "--performance-schema=OFF",
)
ACCOUNT = f"CREATE USER '{USERNAME}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO '{USERNAME}'@'%';\n"


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/libexec")


class MariaDB:
    """A MariaDB server (`Service`) with one account that may do everything."""

    name = "mariadb"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
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
        log = folder / "mariadbd.log"
        data = folder / "data"
        account = folder / "account.sql"
        account.write_text(ACCOUNT, "utf-8")
        user = f"--user={getpass.getuser()}"
        _install(data, log, user)
        for attempt in range(1, ATTEMPTS + 1):
            self.port = free_port()
            command = [
                str(_program("mariadbd")), "--no-defaults", f"--datadir={data}", user, f"--port={self.port}",
                f"--socket={folder / 'mariadbd.sock'}", f"--pid-file={folder / 'mariadbd.pid'}",
                f"--init-file={account}", *OPTIONS,
            ]  # fmt: skip
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    start_new_session=True,  # a Ctrl-C in the terminal is for whoever started it
                )
            try:
                wait_until(lambda: listens(self.port), self._process, log)
            except ServiceFailed:
                if attempt == ATTEMPTS:
                    raise
            else:
                account.write_text("", "utf-8")
                return

    def stop(self) -> None:
        """See `Service.stop`."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def env(self) -> dict[str, str]:
        """See `Service.env`."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_USERNAME": USERNAME,
            "DB_PASSWORD": PASSWORD,
        }


def _install(data: Path, log: Path, user: str) -> None:
    command = [
        str(_program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", user,
        "--auth-root-authentication-method=normal", "--skip-test-db",
    ]  # fmt: skip
    with log.open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        raise ServiceFailed(f"mariadb-install-db failed:\n{tail(log)}")
