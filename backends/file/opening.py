"""Opening a log file, and reading plain and compressed ones alike."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from backends.errors import LogForbiddenError, LogMissingError, NotALogError
from backends.lines import MAX_LINE

HEAD = 1024
"""How many of a file's first bytes are its fingerprint: several lines, each with a time in it."""

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z")
_READABLE = (".gz", ".bz2", ".xz")

DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""What reading a compressed log raises when it is damaged (bz2 raises a bare OSError, see Compressed.read)."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device (the nginx container image links its logs to the terminal)"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: str) -> int:
    """A descriptor for reading. Raises LogMissingError, LogForbiddenError and NotALogError."""
    try:
        # Non-blocking, or opening a named pipe that nobody writes to would hang for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LogMissingError(path) from error
    except PermissionError as error:
        raise LogForbiddenError(path) from error
    except OSError as error:  # a socket (ENXIO), a loop of links, a dead network file system
        raise NotALogError(path, f"not readable ({os.strerror(error.errno or 0)})") from error
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise NotALogError(path, next((name for test, name in _KINDS if test(mode)), "something else"))
    return fd


class Opened(Protocol):
    """A log file that is open. It stays the same file whatever its name becomes.

    `final`: nobody writes to it any more, so there is no point in waiting for more. `head` is the longest beginning
    seen so far, at most HEAD bytes.
    """

    path: str
    head: bytes
    final: bool

    def status(self) -> os.stat_result: ...
    def read(self, at: int, count: int) -> bytes: ...
    def read_head(self) -> bytes: ...
    def close(self) -> None: ...


class Plain:
    """A plain log file."""

    def __init__(self, path: str, *, final: bool = False) -> None:
        self.path = path
        self.final = final
        self._fd = open_regular(path)
        self.head = self.read_head()

    def status(self) -> os.stat_result:
        return os.fstat(self._fd)

    def read(self, at: int, count: int) -> bytes:
        return os.pread(self._fd, count, at)

    def read_head(self) -> bytes:
        return os.pread(self._fd, HEAD, 0)

    def close(self) -> None:
        os.close(self._fd)


class Compressed:
    """A compressed log; offsets are those of the decompressed bytes. Reading backwards starts over, so do not.

    `damaged`: not even its first bytes could be had.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.final = True
        self._raw = os.fdopen(open_regular(path), "rb")
        self._log = self._decoder()
        self._at = 0
        self.damaged = False
        self.head = self.read_head()

    def status(self) -> os.stat_result:
        return os.fstat(self._raw.fileno())

    def read(self, at: int, count: int) -> bytes:
        """Some bytes from `at` on, b"" at the end. Raises one of DAMAGE."""
        if at < self._at:
            self._rewind()
        try:
            while self._at < at:
                skipped = len(self._log.read1(min(at - self._at, 1 << 20)))
                if not skipped:
                    return b""
                self._at += skipped
            data = self._log.read1(count)
        except OSError as error:
            if isinstance(error, gzip.BadGzipFile) or error.errno is not None:
                raise
            raise EOFError(str(error)) from error  # how bz2 says "damaged"; an I/O error has a number
        self._at += len(data)
        return data

    def read_head(self) -> bytes:
        self._rewind()
        head = b""
        try:
            while len(head) < HEAD and (more := self.read(len(head), HEAD - len(head))):
                head += more
        except DAMAGE:  # not lost: who reads on to this place meets it again
            self.damaged = True
        return head

    def close(self) -> None:
        self._log.close()
        self._raw.close()

    def _rewind(self) -> None:
        self._raw.seek(0)
        self._log = self._decoder()
        self._at = 0

    def _decoder(self) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
        if self.path.endswith(".bz2"):
            return bz2.BZ2File(self._raw)
        if self.path.endswith(".xz"):
            return lzma.LZMAFile(self._raw)
        return gzip.GzipFile(fileobj=cast("BinaryIO", self._raw), mode="rb")


def is_compressed(path: str) -> bool:
    return path.endswith(COMPRESSED)


def is_readable(path: str) -> bool:
    """Whether the standard library can decompress it (zstd, lz4 and compress it cannot)."""
    return not is_compressed(path) or path.endswith(_READABLE)


def open_log(path: str) -> Opened:
    return Compressed(path) if is_compressed(path) else Plain(path)


def look(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except FileNotFoundError:
        return None


def last_line_end(file: Opened) -> int:
    """Where the last whole line ends. In a very long unfinished one: the end of the file."""
    size = file.status().st_size
    begin = max(0, size - MAX_LINE)
    newline = file.read(begin, size - begin).rfind(b"\n")
    return begin + newline + 1 if newline >= 0 else size
