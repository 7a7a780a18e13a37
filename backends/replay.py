"""Reading whole logs once, for `tocsin replay`: plain or compressed with gzip, `-` for standard input."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, cast

from backends.errors import DamagedLogError
from backends.file.opening import open_regular
from backends.lines import BLOCK, LineBuffer

STDIN = "-"
_GZIP_MAGIC = b"\x1f\x8b"


def read_logs(paths: Sequence[str], block: int = BLOCK) -> Iterator[tuple[list[bytes], int]]:
    """Yield (complete lines, bytes consumed so far of all logs) in the order given.

    Bytes are those of the files as they lie there (compressed ones for gzip), so that they run up to total_size().
    The last line of a log counts as complete without a newline, except where a damaged log breaks off: half a line
    could pass for a whole one with a wrong figure in it. All logs are looked at before the first is read, so that a
    wrong path is not found out after an hour. Raises LogMissingError, LogForbiddenError, NotALogError, and
    DamagedLogError after what could be read.
    """
    total_size(paths)
    consumed = 0
    for path in paths:
        with ExitStack() as closing:
            source = _Counted(sys.stdin.buffer if path == STDIN else closing.enter_context(_open(path)))
            for lines in _lines(path, source, min(block, BLOCK)):
                yield lines, consumed + source.count
            consumed += source.count


def total_size(paths: Sequence[str]) -> int | None:
    """How many bytes read_logs() will consume, None if standard input is among them."""
    sizes = []
    for path in paths:
        if path != STDIN:
            with _open(path) as log:
                sizes.append(os.fstat(log.fileno()).st_size)
    return None if STDIN in paths else sum(sizes)


def _open(path: str) -> BinaryIO:
    return os.fdopen(open_regular(path), "rb", buffering=0)


def _lines(path: str, source: _Counted, block: int) -> Iterator[list[bytes]]:
    buffer = LineBuffer()
    if source.peek(len(_GZIP_MAGIC)) == _GZIP_MAGIC:
        name = "standard input" if path == STDIN else path
        pieces = _decompressed(name, gzip.GzipFile(fileobj=cast("BinaryIO", source), mode="rb"), block)
    else:
        pieces = iter(lambda: source.read(block), b"")
    for piece in pieces:
        buffer.feed(piece)
        yield buffer.take()
    yield buffer.flush()


def _decompressed(name: str, log: gzip.GzipFile, block: int) -> Iterator[bytes]:
    # read1, because read() collects several pieces and throws away the good ones when a later one is damaged
    try:
        while piece := log.read1(block):
            yield piece
    except EOFError as error:
        raise DamagedLogError(name, "it ends too early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedLogError(name, str(error)) from error


class _Counted:
    """A stream that counts what was read from it and lets its first bytes be looked at, which a pipe does not."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._ahead = b""
        self.count = 0

    def peek(self, size: int) -> bytes:
        while len(self._ahead) < size:
            more = self._raw.read(size - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        data = self._ahead or self._raw.read(size)
        self._ahead = b""
        self.count += len(data)
        return data
