"""Minute tallies: what one service and its nodes did in one minute of event time. Values that merge.

Merging is associative and commutative, evidence caps included (the smallest by second and request id are kept, which no
order of arrival can change), so any split of a log into flushes, partitions and collectors gives the same minute.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

MINUTE = 60
NO_NODE = ""
"""Key of requests that nginx answered without any upstream."""

EVIDENCE_PER_NODE = 3
"""Lines kept of one node in one minute, and the last one besides."""

_OCTAVE = 32
_EXACT_BELOW = 64


def minute_of(second: float) -> int:
    """The start of the minute that holds this second, in seconds since the epoch."""
    return int(second) // MINUTE * MINUTE


def latency_bin(milliseconds: int) -> int:
    """Bin of a log-linear histogram: exact below 64 ms, 32 bins an octave above, error at most 1.6 %."""
    if milliseconds < _EXACT_BELOW:
        return max(milliseconds, 0)
    octave = milliseconds.bit_length() - 6
    return _EXACT_BELOW + (octave - 1) * _OCTAVE + (milliseconds >> octave) - _OCTAVE


def bin_value(number: int) -> float:
    """The middle of a latency bin, in milliseconds."""
    if number < _EXACT_BELOW:
        return float(number)
    octave, step = divmod(number - _EXACT_BELOW, _OCTAVE)
    width = 1 << (octave + 1)
    return float((step + _OCTAVE) * width) + (width - 1) / 2


def quantile(histogram: Mapping[int, int], q: float) -> float | None:
    """The q-quantile of a latency histogram, in seconds; None when it is empty."""
    total = sum(histogram.values())
    if not total:
        return None
    rank = q * total
    seen = 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= rank:
            return bin_value(number) / 1000
    return None


class Evidence(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """One sample line. Ordered by whole second and request id, so that every log format picks the same ones."""

    second: int
    request_id: str
    node: str
    status: str
    line: str


class AttemptTally(msgspec.Struct, array_like=True, gc=False):
    """What one node did in one minute. `slow` counts attempts over each limit in ms; `latency` is a histogram.

    `first_bad` and `last_bad` are seconds since the epoch, 0 when nothing was bad.
    """

    total: int = 0
    bad: int = 0
    statuses: dict[str, int] = msgspec.field(default_factory=dict)
    slow: dict[int, int] = msgspec.field(default_factory=dict)
    latency: dict[int, int] = msgspec.field(default_factory=dict)
    first_bad: int = 0
    last_bad: int = 0

    def merge(self, other: AttemptTally) -> None:
        self.total += other.total
        self.bad += other.bad
        add_counts(self.statuses, other.statuses)
        add_counts(self.slow, other.slow)
        add_counts(self.latency, other.latency)
        if other.first_bad:
            self.first_bad = min(self.first_bad or other.first_bad, other.first_bad)
            self.last_bad = max(self.last_bad, other.last_bad)


class ServiceTally(msgspec.Struct, array_like=True, gc=False):
    """What one service did in one minute.

    Request level: `total`, `bad` (final status 5xx or 499), `masked` (answered well although an attempt was bad),
    `statuses`, `slow`, `latency`. Attempt level: `nodes`, with NO_NODE for requests that had no upstream.
    """

    total: int = 0
    bad: int = 0
    masked: int = 0
    statuses: dict[str, int] = msgspec.field(default_factory=dict)
    slow: dict[int, int] = msgspec.field(default_factory=dict)
    latency: dict[int, int] = msgspec.field(default_factory=dict)
    nodes: dict[str, AttemptTally] = msgspec.field(default_factory=dict)
    evidence: list[Evidence] = msgspec.field(default_factory=list)

    def node(self, name: str) -> AttemptTally:
        tally = self.nodes.get(name)
        if tally is None:
            tally = self.nodes[name] = AttemptTally()
        return tally

    def merge(self, other: ServiceTally) -> None:
        self.total += other.total
        self.bad += other.bad
        self.masked += other.masked
        add_counts(self.statuses, other.statuses)
        add_counts(self.slow, other.slow)
        add_counts(self.latency, other.latency)
        for name, tally in other.nodes.items():
            self.node(name).merge(tally)
        if other.evidence:
            self.evidence = cap_evidence([*self.evidence, *other.evidence])


_Key = TypeVar("_Key")


def add_counts(into: dict[_Key, int], more: Mapping[_Key, int]) -> None:
    """Adds counts by key, in place."""
    for key, n in more.items():
        into[key] = into.get(key, 0) + n


def cap_evidence(lines: Iterable[Evidence]) -> list[Evidence]:
    """Keeps the first EVIDENCE_PER_NODE lines and the last one of each node, in order.

    Capping in any order gives the same result: the first few of a union are among the first few of its parts.
    """
    by_node: dict[str, list[Evidence]] = {}
    for line in lines:
        by_node.setdefault(line.node, []).append(line)
    kept: set[Evidence] = set()
    for found in by_node.values():
        kept.update(heapq.nsmallest(EVIDENCE_PER_NODE, set(found)))
        kept.add(max(found))
    return sorted(kept)
