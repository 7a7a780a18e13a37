"""The losses that following a file can meet, in words."""

from __future__ import annotations

from backends.base import Gap
from backends.file.position import Position


def truncated(path: str, lost: int) -> Gap:
    return _gap("truncated", f"{path} was truncated with {lost} bytes unread, and no copy of them was found", lost)


def shrunk(path: str, by: int) -> Gap:
    """How much of new lines this hides is not known: it grew again after it had become even shorter, or did not."""
    detail = f"{path} is {by} bytes shorter than what was read of it, though it begins as before; going on at its end"
    return _gap("truncated", detail, None)


def gone(path: str, position: Position, *, truncated: bool) -> Gap:
    """The file that a position is in was not found, under no name."""
    known = position.size - position.offset
    much = f"at least {known} bytes" if known > 0 else "what was written to it after that"
    if truncated:
        detail = f"{path} was truncated while nobody read it, and no copy was found: lost is {much}"
    else:
        detail = f"the file that {path} was when it was read last is gone: lost is {much}"
    return _gap("truncated" if truncated else "vanished", detail, known if known > 0 else None)


def left_behind(path: str, lost: int) -> Gap:
    detail = f"{lost} bytes were written to {path} after it was rotated and left (see the option grace)"
    return _gap("left-behind", detail, lost)


def damaged(path: str, error: BaseException) -> Gap:
    return _gap("damaged", f"{path} does not decompress to its end ({error})", None)


def unreadable(path: str) -> Gap:
    return _gap("unreadable", f"{path} cannot be decompressed (gzip, bzip2 and xz can)", None)


def _gap(kind: str, detail: str, lost: int | None) -> Gap:
    return Gap(kind, detail, lost, "bytes")
