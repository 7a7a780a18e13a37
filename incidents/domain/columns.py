"""A batch of requests as columns, so that the fold's work on each line is done by the C of the standard library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from incidents.domain.access_log import Request
from incidents.domain.minute import latency_bin

ShapeKey = tuple[str, str, int, str, str]
"""service, host, status, upstream_addr, upstream_status of a request, as logged: what decides where it is counted."""

_REMEMBERED = 200_000
_SEPARATOR = re.compile(" : |, ")
_SECONDS = re.compile(r"\d{1,9}+(?:\.\d{0,9}+)?", re.ASCII)
_shape_key = attrgetter("service", "host", "status", "upstream_addr", "upstream_status")
_request_time = attrgetter("request_time")
_upstream_time = attrgetter("upstream_response_time")


class _Bins(dict[float, int]):
    """Seconds as nginx logs them -> latency bin; -1 for "not logged". nginx logs whole milliseconds: few values."""

    def __missing__(self, seconds: float) -> int:
        found = -1 if seconds < 0 else latency_bin(round(seconds * 1000))
        if len(self) < _REMEMBERED:
            self[seconds] = found
        return found


class _Seconds(dict[str, float]):
    """A single upstream time as text -> seconds; -1.0 for "-", for lists and whatever else is not a number."""

    def __missing__(self, text: str) -> float:
        if not _SECONDS.fullmatch(text):  # float() alone would take "nan" and "inf", which have no bin
            return -1.0
        found = float(text)
        if len(self) < _REMEMBERED:
            self[text] = found
        return found


_bins = _Bins()
_seconds = _Seconds()
_seconds.update({"": -1.0, "-": -1.0})

bin_of = _bins.__getitem__
"""Latency bin of a time in seconds; -1 when it was not logged."""


class Columns(NamedTuple):
    """One batch. Row i of each column belongs to line i.

    `seconds` are whole event seconds, `taken` the request times, `waited` the upstream times of requests that tried one
    upstream; times are in seconds, -1.0 when there is none.
    """

    requests: Sequence[Request]
    lines: Sequence[bytes]
    seconds: Sequence[int]
    keys: Sequence[ShapeKey]
    taken: Sequence[float]
    waited: Sequence[float]


def columns_of(requests: Sequence[Request], lines: Sequence[bytes], seconds: Sequence[int]) -> Columns:
    """The columns of a batch."""
    return Columns(
        requests,
        lines,
        seconds,
        keys=list(map(_shape_key, requests)),
        taken=list(map(_request_time, requests)),
        waited=list(map(_seconds.__getitem__, map(_upstream_time, requests))),
    )


def nth_time(listed: str, position: int) -> float:
    """The time of one attempt out of a list as nginx writes it, in seconds; -1.0 when there is none."""
    parts = _SEPARATOR.split(listed)
    return _seconds[parts[position]] if position < len(parts) else -1.0


def longest_time(listed: str) -> float:
    """The longest time in a list as nginx writes it, in seconds; -1.0 when there is none."""
    return max(map(_seconds.__getitem__, _SEPARATOR.split(listed)))
