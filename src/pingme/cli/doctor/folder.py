"""The data folder: whose it is, what is in it, what is left on its disk, and how fast that flushes."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from pingme.adapters.disk_probe import FsyncTimes, measure_fsync
from pingme.cli.doctor.findings import Finding, fail, ok, size, warn
from pingme.config import Settings

SPACE_FAIL = 64 << 20  # four times the log that one checkpoint leaves
SPACE_WARN = 1 << 30
INODES_WARN = 1_000
SLOW_MS = 100  # a lone message waits for one flush; people notice a tenth of a second
UNREAL_MS = 0.01  # no flush that leaves the memory is faster
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"})
FORGETFUL = frozenset({"tmpfs", "ramfs"})
FSYNC_BUDGET_S = 2.0


def check_stranger(folder: Path) -> Finding | None:
    """Return what to do when the data folder is another user's, who alone may look into it; None otherwise."""
    owner = _owner(folder)
    me = os.geteuid()
    if owner is None or owner == me or os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return None
    text = (
        f"{folder} belongs to user {_name(owner)}, and this user, {_name(me)}, may not look into it: "
        "server, ports, secrets, disk and store were not looked at"
    )
    return fail("folder.owner", text, f"sudo -u {_name(owner)} pingme doctor   # with the server's settings")


def _owner(folder: Path) -> int | None:
    """Return whose a folder is, or the nearest one above it that can be seen; None when it is not there."""
    for each in (folder, *folder.absolute().parents):
        try:
            return each.stat().st_uid
        except PermissionError:
            continue
        except OSError:
            return None
    return None


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"'#{user}'"  # as sudo takes it


def check_folder(settings: Settings) -> Iterator[Finding]:
    """Tell whose the data folder is, and whether others may look into it."""
    folder = settings.data_dir
    if not folder.exists():
        yield _missing(folder)
        return
    if not folder.is_dir():
        yield fail("folder.exists", f"{folder} is no folder", "app.data_dir: a folder")
        return
    facts = folder.stat()
    mode = facts.st_mode & 0o777
    if facts.st_uid != os.geteuid():
        text = f"{folder} belongs to user {facts.st_uid}, this is user {os.geteuid()}"
        fix = f"run as that user, or: sudo chown -R {os.geteuid()} {folder}"
        status = warn if os.geteuid() == 0 else fail
        yield status("folder.owner", text, fix)
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fail("folder.writable", f"{folder} cannot be written", f"chmod 700 {folder}")
    elif mode & 0o077:
        text = f"others may look into {folder} (mode {mode:04o}): password hashes and messages are there"
        yield warn("folder.mode", text, f"chmod 700 {folder}")
    else:
        yield ok("folder.mode", f"{folder} is yours alone (mode {mode:04o})")
    yield from _files(folder, closed=not mode & 0o077)


def _missing(folder: Path) -> Finding:
    parent = existing_part(folder)
    if os.access(parent, os.W_OK | os.X_OK):
        return ok("folder.exists", f"{folder} is not there yet; the first start makes it")
    text = f"{folder} is not there, and cannot be made in {parent}"
    return fail(
        "folder.exists", text, f"sudo install -d -m 700 -o {os.geteuid()} {folder}, or set app.data_dir"
    )


def existing_part(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path("/"))


def _files(folder: Path, *, closed: bool) -> Iterator[Finding]:
    """Look at each file; in a folder that is closed to others a file's own mode matters less."""
    wrong = 0
    files = [each for each in sorted(folder.iterdir()) if each.name.startswith(("pingme.", "jwt.", "admin."))]
    for file in files:
        try:
            facts = file.lstat()
        except FileNotFoundError:
            continue  # SQLite and the server come and go
        mode = facts.st_mode & 0o777
        if facts.st_uid != folder.stat().st_uid:
            text = f"{file} belongs to user {facts.st_uid}, its folder to {folder.stat().st_uid}"
            yield fail("folder.files", text, f"sudo chown {folder.stat().st_uid} {file}")
        elif mode & 0o077:
            text = f"{file.name} may be read by others (mode {mode:04o})"
            status = warn if closed or stat.S_ISSOCK(facts.st_mode) else fail
            yield status("folder.files", text, f"chmod 600 {file}")
        else:
            continue
        wrong += 1
    if files and not wrong:
        yield ok("folder.files", f"{len(files)} files, each yours alone (mode 0600)")


# The disk.


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Tell what kind of disk it is, and what is left of space and inodes."""
    folder = existing_part(settings.sqlite_path.parent)
    yield from _kind(folder)
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    text = f"{size(free)} free of {size(facts.f_blocks * facts.f_frsize)}"
    fix = f"make room on the disk of {folder}, or put app.data_dir on another"
    if free < SPACE_FAIL:
        yield fail("disk.space", f"{text}: when it is full, sends are refused (20001)", fix)
    elif free < SPACE_WARN:
        yield warn("disk.space", text, fix)
    else:
        yield ok("disk.space", text)
    if facts.f_files:  # file systems that make inodes as they need them say 0
        few = facts.f_favail < INODES_WARN
        text = f"{facts.f_favail:,} inodes free"
        yield warn("disk.inodes", text, fix) if few else ok("disk.inodes", text)


def _kind(folder: Path) -> Iterator[Finding]:
    kind = file_system_of(folder)
    fix = "app.data_dir: a folder on a local disk"
    if kind in REMOTE:
        text = f"{folder} is on {kind}: network file systems do not keep the locks and flushes of SQLite"
        yield fail("disk.kind", text, fix)
    elif kind in FORGETFUL:
        yield warn("disk.kind", f"{folder} is on {kind}: everything is gone after a restart", fix)


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system that holds a folder (fstab(5)), "" where it cannot be told."""
    try:
        lines = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    target, found, kind = folder.resolve(), Path(), ""
    for fields in lines:
        at = Path(fields[1].replace("\\040", " "))
        if at.is_absolute() and target.is_relative_to(at) and len(at.parts) >= len(found.parts):
            found, kind = at, fields[2]
    return kind


def check_fsync(settings: Settings) -> Iterator[Finding]:
    """Measure how long a flush takes where the store is, or will be."""
    folder = existing_part(settings.sqlite_path.parent)
    try:
        yield judge_fsync(measure_fsync(folder, budget_s=FSYNC_BUDGET_S), folder)
    except OSError as exc:
        text = f"nothing can be written in {folder}: {exc.strerror or exc}"
        yield fail("disk.fsync", text, f"make room, or make {folder} writable")


def judge_fsync(times: FsyncTimes, folder: Path) -> Finding:
    """Return what measured times mean."""
    text = (
        f"a flush takes p50 {times.p50_ms:.2f} ms, p99 {times.p99_ms:.2f} ms, max {times.max_ms:.2f} ms "
        f"({times.samples} appends of 4 KiB). An acknowledgement waits for one: one sender after the other gets "
        f"some {1_000 / max(times.p50_ms, 0.001):,.0f} a second; many at once share a flush"
    )
    if times.p50_ms < UNREAL_MS:
        text += ". That is faster than a disk can be: what is flushed may not survive a power cut"
        return warn("disk.fsync", text, f"put app.data_dir on a real disk; {folder} seems to be in memory")
    if times.p99_ms > SLOW_MS:
        return warn(
            "disk.fsync", text, "put app.data_dir on a faster disk (an SSD), or see what else writes to it"
        )
    return ok("disk.fsync", text)
