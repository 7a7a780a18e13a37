"""The files that a log was rotated to, oldest first, and which names are such files at all.

Recognised are the names that logrotate, savelog, cronolog-like scripts and Python handlers give: the log's name with
`.N` or a date or an epoch behind it (`access.log.1`, `access.log-20261123`, `access.log-2026-11-23_10`), the same
before the extension (`access-20261123.log`, logrotate's `extension`), each also compressed.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Container, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from backends.file.opening import COMPRESSED, HEAD, Compressed, Plain, is_compressed, is_readable, open_log
from backends.file.position import Position

_DATE = r"[-._](?P<date>\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{1,10})*|\d{10,13})"
_NUMBER = r"\.(?P<number>\d{1,4})"
_SUFFIX = rf"(?:{_NUMBER}|{_DATE})"
_TAIL = re.compile(rf"(?P<stem>.+?){_SUFFIX}?(?P<packed>{'|'.join(map(re.escape, COMPRESSED))})?", re.DOTALL)
_INNER = re.compile(rf"(?P<stem>.+?){_SUFFIX}(?P<extension>\.[A-Za-z]+)", re.DOTALL)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file as the folder shows it."""

    path: str
    dev: int
    ino: int
    size: int
    mtime: int  # nanoseconds
    changed: float  # seconds; the later of writing and renaming
    number: int | None = None
    date: str | None = None

    @property
    def identity(self) -> tuple[int, int]:
        return self.dev, self.ino

    @property
    def compressed(self) -> bool:
        return is_compressed(self.path)


@dataclass(frozen=True, slots=True)
class RotatedName:
    """A name taken apart: the name of the log it came from, and its place in the order."""

    log: str
    number: int | None
    date: str | None
    inner: bool  # the number or date stands before the extension


def rotated_name(name: str) -> RotatedName | None:
    """Take a rotated file's name apart; None when it does not look like one."""
    tail = _TAIL.fullmatch(name)
    if tail is None:
        return None
    packed = tail["packed"] or ""
    if tail["number"] or tail["date"]:
        return RotatedName(tail["stem"], *_order(tail), inner=False)
    inner = _INNER.fullmatch(name.removesuffix(packed))
    if inner is not None:
        return RotatedName(inner["stem"] + inner["extension"], *_order(inner), inner=True)
    return RotatedName(tail["stem"], None, None, inner=False) if packed else None


def _order(match: re.Match[str]) -> tuple[int | None, str | None]:
    date = match["date"]
    return (int(match["number"]) if match["number"] else None), (re.sub(r"\D", "", date) if date else None)


def is_partition(path: str, pattern: str, known: Container[str]) -> bool:
    """Whether a path that a pattern found is a log of its own, rather than a rotated form of one.

    Compressed files never are logs of their own. A number or date at the end of a name makes it a rotated form if the
    log it came from lies beside it, or would fit the pattern too (it is missing for a moment in every rotation):
    `access.log*` follows access.log only, `access.log-2026*` what it asks for, unless there is an access.log.
    A number or date before the extension does so only if that log is there, or is among the known ones: nginx can
    write to `access-$date.log` itself.
    """
    folder, name = os.path.split(path)
    rotated = rotated_name(name)
    if rotated is None:
        return True
    log = f"{folder}/{rotated.log}"
    if is_compressed(name) or log in known or Path(log).exists():
        return False
    return rotated.inner or not fnmatch.fnmatchcase(log, pattern)


def chain(path: str, folders: Sequence[str] = ()) -> list[LogFile]:
    """The rotated files of a log, oldest first, and the log itself last (if it exists).

    A rotation renames files one after the other; a listing taken in the middle may show one twice or not at all.
    So it is taken until two in a row agree. The sizes of rotated files must agree, too: one that was empty when it was
    looked at may have got a line before the log itself was looked at.
    """
    before = _listing(path, folders)
    for _ in range(_TRIES):
        now = _listing(path, folders)
        if [_key(f, path) for f in now] == [_key(f, path) for f in before]:
            return now
        before = now
    return before


def _key(file: LogFile, log: str) -> tuple[str, tuple[int, int], int]:
    return file.path, file.identity, -1 if file.path == log else file.size


def _listing(path: str, folders: Sequence[str]) -> list[LogFile]:
    folder, name = os.path.split(path)
    rotated: dict[str, LogFile] = {}
    for where in (folder, *folders):
        for entry in _entries(where):
            parts = rotated_name(entry.name)
            if parts is None or parts.log != name:
                continue
            if (log := _log_file(entry.path, parts.number, parts.date)) is not None:
                rotated[entry.path] = log
    # While a file is being compressed both forms exist, and the compressed one is not finished.
    rotated = {p: f for p, f in rotated.items() if not (f.compressed and p.rpartition(".")[0] in rotated)}
    files = _sorted(list(rotated.values()))
    current = _log_file(path, None, None)
    if current is not None:
        files = [f for f in files if f.identity != current.identity]
        files.append(current)
    return files


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _log_file(path: str, number: int | None, date: str | None) -> LogFile | None:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None  # renamed since it was listed
    if not stat.S_ISREG(status.st_mode):
        return None
    changed = max(status.st_mtime, status.st_ctime)
    size, mtime = status.st_size, status.st_mtime_ns
    return LogFile(path, status.st_dev, status.st_ino, size, mtime, changed, number, date)


def _sorted(files: list[LogFile]) -> list[LogFile]:
    # The names are surer than the times, which a backup or a late writer changes; but two schemes do not compare.
    if all(f.number is not None for f in files):
        return sorted(files, key=lambda f: -(f.number or 0))
    if all(f.date is not None for f in files):
        return sorted(files, key=lambda f: f.date or "")
    return sorted(files, key=lambda f: (f.mtime, -(f.number or 0), f.date or ""))


def find(files: Sequence[LogFile], position: Position) -> int | None:
    """The index of the file that a position is in, wherever it was renamed, copied or compressed to.

    Raises LogMissingError if one of them was renamed since it was listed: nothing is known then.
    """
    here = (position.dev, position.ino)
    for index, file in enumerate(files):
        if file.identity == here and position.fits(head_of(file)):
            return index
    fitting = [
        index
        for index, file in enumerate(files)
        if file.identity != here and file.size and position.fits(head_of(file))
    ]
    # Of several copies take one that holds all that was read, a plain one first, then the youngest.
    return max(
        fitting,
        key=lambda i: (
            not files[i].compressed and files[i].size >= position.offset,
            not files[i].compressed,
            i,
        ),
        default=None,
    )


def behind(files: list[LogFile], log: str, position: Position | None) -> list[LogFile]:
    """The files that come after the one that a position is in; all of them if it is before them all."""
    if position is None:
        return files
    # The log itself is never done with: if it looks so, it was truncated and filled with the same lines again.
    index = find([f for f in files if not (position.done and f.path == log)], position)
    if index is not None:
        return files[index + 1 :]
    # Its file is gone. What was written to later than that is later.
    return [f for f in files if f.mtime > position.mtime or f.path == log]


def head_of(file: LogFile) -> bytes:
    """A file's first bytes; b"" if there are none, which fits no position.

    Raises LogForbiddenError (a file that may not be read is not a file that is gone) and LogMissingError if it was
    renamed meanwhile.
    """
    return _beginning(file)[0]


def is_empty(file: LogFile) -> bool:
    """Whether there is nothing in it. Raises LogMissingError if it was renamed meanwhile."""
    return not file.size or (is_readable(file.path) and file.compressed and _beginning(file) == (b"", False))


def is_lost(file: LogFile) -> bool:
    """Whether nothing can be had of it: a tool compressed it that is not known here, or it is damaged from the start.

    Raises LogMissingError if it was renamed meanwhile.
    """
    return file.compressed and _beginning(file) == (b"", True)


def _beginning(file: LogFile) -> tuple[bytes, bool]:
    if not is_readable(file.path):
        return b"", True
    with closing(open_log(file.path)) as opened:
        return opened.head, isinstance(opened, Compressed) and opened.damaged


def is_copy(file: LogFile, log: LogFile) -> bool:
    """Whether a rotated file is a copy of the log as it stands: copytruncate between its two steps.

    Its lines are still in the log and will be read there (or, once the log is truncated, found in the copy).
    Raises LogMissingError if one of them was renamed meanwhile.
    """
    if file.compressed or not 0 < file.size <= log.size:
        return False
    count = min(HEAD, file.size)
    with closing(Plain(file.path)) as copy, closing(Plain(log.path)) as original:
        return all(copy.read(at, count) == original.read(at, count) for at in (0, file.size - count))
