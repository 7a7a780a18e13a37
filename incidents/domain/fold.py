"""Folds parsed lines into minute tallies: the hot loop of ingest.

Lines of one minute that share (service, status, upstream_addr, upstream_status) are counted together, so that Python
works once per group and the C of the standard library once per line. A group's shape, which service and nodes it belongs
to and which of its attempts are bad, is worked out once and remembered.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from incidents.domain.access_log import Request, attempts
from incidents.domain.minute import (
    EVIDENCE_PER_NODE,
    MINUTE,
    NO_NODE,
    AttemptTally,
    Evidence,
    ServiceTally,
    cap_evidence,
    latency_bin,
)
from incidents.domain.redact import redact
from incidents.domain.rule import Unit
from incidents.domain.rulebook import OTHER, Rulebook
from incidents.domain.summary import is_bad_status, limit_key
from incidents.domain.watermark import LATENESS, Admission, Watermark

MAX_NODES = 1000
"""Nodes told apart in one service and minute; attempts beyond it count under OTHER, so that totals stay exact."""

_EVIDENCE_BUFFER = 256
_SHAPES_KEPT = 50_000
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_SEPARATOR = re.compile(" : |, ")
_shape_key = attrgetter("service", "host", "status", "upstream_addr", "upstream_status")
_time = attrgetter("time")


class MinuteKey(NamedTuple):
    """Where tallies are kept: the start of the minute, and whether its lines came late."""

    minute: int
    late: bool


class Folded(NamedTuple):
    """What was counted since the last `take`. `first_second`: the earliest event time (0: nothing was counted)."""

    tallies: dict[MinuteKey, dict[str, ServiceTally]]
    late: int
    quarantined: int
    new_services: list[str]
    first_second: int


class _Shape(NamedTuple):
    service: str
    status: str
    bad: bool
    masked: bool
    notable: bool
    nodes: tuple[tuple[str, str, bool], ...]


class _Bins(dict[float, int]):
    """Seconds as nginx logs them -> latency bin; -1 for "not logged". nginx times are whole milliseconds: few values."""

    def __missing__(self, seconds: float) -> int:
        found = -1 if seconds < 0 else latency_bin(round(seconds * 1000))
        if len(self) < 200_000:
            self[seconds] = found
        return found


class _Seconds(dict[str, float]):
    """A single upstream time as text -> seconds; -1.0 for "-" and whatever is not a number."""

    def __missing__(self, text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = -1.0
        if len(self) < 200_000:
            self[text] = found
        return found


_bins = _Bins()
_seconds = _Seconds()


class Fold:
    """Tallies of one partition since the last flush.

    `services` are the names known so far; new ones are added to it up to the rulebook's cap. `ceiling` of `add` is as in
    `Watermark`.
    """

    def __init__(self, rulebook: Rulebook, services: set[str], watermark: int = 0, lateness: int = LATENESS) -> None:
        self.rulebook = rulebook
        self.services = services
        self._minutes: dict[MinuteKey, dict[str, ServiceTally]] = {}
        self._new_services: list[str] = []
        self._late = self._quarantined = self._first_second = 0
        self._watermark: Watermark[tuple[Request, bytes]] = Watermark(watermark, lateness)
        self._shapes: dict[tuple[str, str, int, str, str], _Shape] = {}
        self._request_limits = rulebook.limits[Unit.REQUEST]
        self._attempt_limits = rulebook.limits[Unit.ATTEMPT]
        self._notable = rulebook.watched_statuses

    @property
    def watermark(self) -> int:
        """The latest event time read, in seconds since the epoch; 0 before the first line."""
        return self._watermark.second

    def take(self) -> Folded:
        """Hands over what was counted and starts afresh; the watermark and lines held back stay."""
        taken = Folded(self._minutes, self._late, self._quarantined, self._new_services, self._first_second)
        self._minutes, self._new_services = {}, []
        self._late = self._quarantined = self._first_second = 0
        for tallies in taken.tallies.values():
            for tally in tallies.values():
                if tally.evidence:
                    tally.evidence = cap_evidence(tally.evidence)
        return taken

    def add(self, requests: Sequence[Request], lines: Sequence[bytes], ceiling: int | None = None) -> None:
        """Counts one batch; `lines[i]` is the line of `requests[i]`."""
        if not requests:
            return
        seconds = list(map(int, map(_time, requests)))
        lowest, highest = min(seconds), max(seconds)
        if self._watermark.is_plain(lowest, highest, ceiling):
            self._watermark.second = max(self.watermark, highest)
            self._fold(seconds, requests, lines)
            return
        admission = self._watermark.admit(seconds, lambda i: (requests[i], lines[i]), ceiling)
        set_aside = {*admission.late, *admission.quarantined, *admission.held}
        if set_aside:
            kept = [i for i in range(len(requests)) if i not in set_aside]
            self._fold_some(kept, seconds, requests, lines)
            self._fold_some(admission.late, seconds, requests, lines, late=True)
        else:
            self._fold(seconds, requests, lines)
        self._late += len(admission.late)
        self._quarantined += len(admission.quarantined)
        self._settle(admission)

    def finish(self) -> None:
        """The end of a replay: decides about lines still held back."""
        self._settle(self._watermark.finish())

    def _settle(self, admission: Admission[tuple[Request, bytes]]) -> None:
        self._quarantined += admission.dropped
        if admission.released:
            requests = [request for request, _ in admission.released]
            lines = [line for _, line in admission.released]
            self._fold([int(request.time) for request in requests], requests, lines)

    def _fold_some(
        self,
        which: Sequence[int],
        seconds: Sequence[int],
        requests: Sequence[Request],
        lines: Sequence[bytes],
        late: bool = False,
    ) -> None:
        self._fold([seconds[i] for i in which], [requests[i] for i in which], [lines[i] for i in which], late)

    def _fold(
        self, seconds: Sequence[int], requests: Sequence[Request], lines: Sequence[bytes], late: bool = False
    ) -> None:
        if not self._first_second and seconds:
            self._first_second = min(seconds)
        keys = list(map(_shape_key, requests))
        minute_of = [second // MINUTE for second in seconds]
        for minute, run in groupby(range(len(keys)), minute_of.__getitem__):
            groups: defaultdict[tuple[str, str, int, str, str], list[int]] = defaultdict(list)
            for index in run:
                groups[keys[index]].append(index)
            tallies = self._minutes.setdefault(MinuteKey(minute * MINUTE, late), {})
            for key, members in groups.items():
                shape = self._shapes.get(key) or self._new_shape(key)
                tally = tallies.get(shape.service)
                if tally is None:
                    tally = tallies[shape.service] = ServiceTally()
                self._fold_group(tally, shape, members, seconds, requests, lines)

    def _fold_group(
        self,
        tally: ServiceTally,
        shape: _Shape,
        members: Sequence[int],
        seconds: Sequence[int],
        requests: Sequence[Request],
        lines: Sequence[bytes],
    ) -> None:
        n = len(members)
        tally.total += n
        tally.statuses[shape.status] = tally.statuses.get(shape.status, 0) + n
        if shape.bad:
            tally.bad += n
        if shape.masked:
            tally.masked += n
        slow = _add_times(tally, [requests[i].request_time for i in members], self._request_limits)
        times = [requests[i].upstream_response_time for i in members]
        for position, (node, status, bad) in enumerate(shape.nodes):
            found = _node_of(tally, node)
            found.total += n
            found.statuses[status] = found.statuses.get(status, 0) + n
            if bad:
                bad_at = [seconds[i] for i in members]
                found.bad += n
                found.first_bad = min(found.first_bad or bad_at[0], *bad_at)
                found.last_bad = max(found.last_bad, *bad_at)
            if node == NO_NODE:
                continue
            if len(shape.nodes) == 1:
                values = list(map(_seconds.__getitem__, times))
            else:
                values = [_nth_time(text, position) for text in times]
            slow = _add_times(found, values, self._attempt_limits) or slow
        if shape.notable or slow:
            self._keep_evidence(tally, shape, members, seconds, requests, lines)

    def _keep_evidence(
        self,
        tally: ServiceTally,
        shape: _Shape,
        members: Sequence[int],
        seconds: Sequence[int],
        requests: Sequence[Request],
        lines: Sequence[bytes],
    ) -> None:
        if not shape.notable:
            members = [i for i in members if self._is_slow(requests[i])]
        ranked = sorted(members, key=lambda i: (seconds[i], requests[i].request_id, lines[i]))
        node, status, _ = next((found for found in reversed(shape.nodes) if found[2]), shape.nodes[-1])
        for i in dict.fromkeys((*ranked[:EVIDENCE_PER_NODE], ranked[-1])):
            tally.evidence.append(Evidence(seconds[i], requests[i].request_id, node, status, redact(lines[i])))
        if len(tally.evidence) > _EVIDENCE_BUFFER:
            tally.evidence = cap_evidence(tally.evidence)

    def _is_slow(self, request: Request) -> bool:
        if self._request_limits and request.request_time > self._request_limits[0]:
            return True
        if not self._attempt_limits:
            return False
        times = map(_seconds.__getitem__, _SEPARATOR.split(request.upstream_response_time))
        return max(times) > self._attempt_limits[0]

    def _new_shape(self, key: tuple[str, str, int, str, str]) -> _Shape:
        service, host, code, addr, upstream_status = key
        status = f"{code:03d}"
        bad = is_bad_status(status)
        tried = attempts(addr, upstream_status, "", code)
        nodes = tuple((attempt.node, attempt.status, attempt.bad) for attempt in tried)
        some_bad = any(attempt_bad for _, _, attempt_bad in nodes)
        if not nodes:
            nodes = ((NO_NODE, status, bad),)
        statuses = {status, *(found for _, found, _ in nodes)}
        classes = {f"{found[:1]}xx" for found in statuses}
        shape = _Shape(
            service=self._service(service, host),
            status=status,
            bad=bad,
            masked=some_bad and not bad,
            notable=bad or some_bad or not self._notable.isdisjoint(statuses | classes),
            nodes=nodes,
        )
        if len(self._shapes) >= _SHAPES_KEPT:
            self._shapes.clear()
        self._shapes[key] = shape
        return shape

    def _service(self, logged: str, host: str) -> str:
        host = host.lower()
        name = self.rulebook.name_of(logged, host if _HOST.fullmatch(host) else "")
        if name in self.services:
            return name
        if name != OTHER and (len(self.services) >= self.rulebook.max_services or len(name) > 200):
            return OTHER
        self.services.add(name)
        self._new_services.append(name)
        return name


def _node_of(tally: ServiceTally, name: str) -> AttemptTally:
    if name in tally.nodes or len(tally.nodes) < MAX_NODES:
        return tally.node(name)
    return tally.node(OTHER)


def _add_times(tally: ServiceTally | AttemptTally, values: Sequence[float], limits: Sequence[float]) -> bool:
    """Adds times in seconds to the histogram and to the exact counts over each limit. Whether any limit was passed."""
    latency = tally.latency
    for number, n in Counter(map(_bins.__getitem__, values)).items():
        if number >= 0:
            latency[number] = latency.get(number, 0) + n
    if not limits or max(values) <= limits[0]:
        return False
    for limit in limits:
        over = sum(1 for value in values if value > limit)
        if over:
            key = limit_key(limit)
            tally.slow[key] = tally.slow.get(key, 0) + over
    return True


def _nth_time(text: str, position: int) -> float:
    parts = _SEPARATOR.split(text)
    return _seconds[parts[position]] if position < len(parts) else -1.0


def merge_minutes(into: dict[str, ServiceTally], more: Mapping[str, ServiceTally]) -> None:
    """Adds the tallies of one minute, service by service."""
    for service, tally in more.items():
        found = into.get(service)
        if found is None:
            into[service] = tally
        else:
            found.merge(tally)
