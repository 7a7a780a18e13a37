"""Text on a terminal: log text made harmless, times in the reader's zone, spans and counts as people say them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RELATIVE = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_FIRST, _LAST = 0, 253402214400  # year 9999 less a day: no zone can push it out of what datetime takes


def harmless(text: str) -> str:
    """Every character that cannot be seen stands as an escape: log text can neither recolour nor rename a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def one_line(text: str) -> str:
    """`harmless`, with line breaks and tabs as spaces."""
    return harmless(" ".join(text.split()))


def local(second: float) -> datetime:
    """An instant in the zone of this machine (or of the TZ variable)."""
    return datetime.fromtimestamp(min(max(int(second), _FIRST), _LAST), UTC).astimezone()


def _offset(at: datetime) -> str:
    return at.isoformat()[19:]


def minute_text(second: float) -> str:
    """2026-11-23 10:56 +08:00"""
    at = local(second)
    return f"{at:%Y-%m-%d %H:%M} {_offset(at)}"


def second_text(second: float) -> str:
    """2026-11-23 10:56:07 +08:00"""
    at = local(second)
    return f"{at:%Y-%m-%d %H:%M:%S} {_offset(at)}"


def minutes_text(first: float, last: float) -> str:
    """2026-11-23 10:51..10:56 +08:00; the end's date only where it is another, both offsets where the clock changed."""
    start, end = local(first), local(last)
    if first == last:
        return minute_text(first)
    if _offset(start) != _offset(end):
        return f"{minute_text(first)}..{minute_text(last)}"
    day = "" if start.date() == end.date() else f"{end:%m-%d} " if start.year == end.year else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M}..{day}{end:%H:%M} {_offset(end)}"


def span_text(seconds: float) -> str:
    """42 s, 3 min, 1 h 36 min, 2 d 3 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    large, small, names = (whole // 3600, whole % 3600 // 60, "h min") if whole < 86400 else (0, 0, "")
    if not names:
        large, small, names = whole // 86400, whole % 86400 // 3600, "d h"
    first, second = names.split()
    return f"{large} {first} {small} {second}" if small else f"{large} {first}"


def count_text(n: int) -> str:
    """72,537"""
    return f"{n:,}"


def size_text(size: float) -> str:
    """Bytes with a unit of the power of 1024: 1.4 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def instant(text: str, now: float) -> int:
    """Seconds since the epoch of what people type: RFC 3339, a local date or time, or a span ago such as 24h.

    Raises ValueError with what was expected.
    """
    text = text.strip()
    if relative := _RELATIVE.fullmatch(text):
        return max(0, int(now) - int(relative[1]) * _SECONDS[relative[2]])
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.astimezone()
        return (at - datetime.fromtimestamp(0, UTC)) // timedelta(seconds=1)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text!r} is no time; expected 2026-11-23T10:00:00+08:00, '2026-11-23 10:00' (local), or 24h for a day ago"
        ) from None
