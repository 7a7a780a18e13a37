"""Event time out of the ways in which logs write it. All of it ends as seconds since the epoch, UTC."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime

from incidents.domain.access_log.request import Malformed, Reason

EARLIEST = 631_152_000.0
"""1990-01-01. What is older is no access log: mostly a duration under a key such as "time"."""
LATEST = 4_102_444_800.0
"""2100-01-01."""

_MILLISECONDS_FROM = 1e11
"""The year 5138 in seconds, 1973 in milliseconds: no number can be meant in both ways."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_EPOCH = re.compile(r"\d{9,14}+(?:\.\d{0,9}+)?", re.ASCII)
_LOCAL = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)

_LONGEST = 64
"""Characters. A fraction of some thousand digits would be read, and remembered."""

_CACHED = 4096
_cache: dict[str, float] = {}


def event_time(text: str) -> float:
    """Epoch seconds or milliseconds, ISO 8601 with an offset, or $time_local. Raises Malformed(bad-time).

    Text logs repeat each second many times, so the last few thousand are remembered.
    """
    seconds = _cache.get(text)
    if seconds is None:
        seconds = _read(text)
        if len(_cache) >= _CACHED:
            _cache.clear()
        _cache[text] = seconds
    return seconds


def epoch(number: float) -> float:
    """A number as event time; milliseconds are told from seconds by their size. Raises Malformed(bad-time)."""
    if _MILLISECONDS_FROM < number < 1e15:
        number /= 1000
    # Written so that NaN fails too.
    if not EARLIEST <= number <= LATEST:
        raise Malformed(Reason.BAD_TIME)
    return number


def _read(text: str) -> float:
    if len(text) > _LONGEST:
        raise Malformed(Reason.BAD_TIME)
    if _EPOCH.fullmatch(text):
        return epoch(float(text))
    local = _LOCAL.fullmatch(text)
    if local is not None:
        return _local(*local.groups())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(Reason.BAD_TIME) from None
    # Without an offset nobody can say which hour it was: nginx always writes one.
    if moment.tzinfo is None:
        raise Malformed(Reason.BAD_TIME)
    return epoch(moment.timestamp())


def _local(
    day: str, month: str, year: str, hour: str, minute: str, second: str, sign: str, off_hours: str, off_minutes: str
) -> float:
    number = _MONTHS.get(month)
    date = (int(year), number or 0, int(day), int(hour), int(minute), int(second))
    # timegm() carries over, so the 31st of February would quietly be in March.
    if number is None or date[3] > 23 or date[4] > 59 or date[5] > 60 or int(off_minutes) > 59:
        raise Malformed(Reason.BAD_TIME)
    try:
        datetime(date[0], date[1], date[2])  # noqa: DTZ001 - only asks whether that day exists
    except ValueError:
        raise Malformed(Reason.BAD_TIME) from None
    offset = int(off_hours) * 3600 + int(off_minutes) * 60
    return epoch(float(timegm(date) - (offset if sign == "+" else -offset)))
