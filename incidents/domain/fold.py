"""Folds parsed lines into minute tallies: the hot loop of ingest.

Lines of one minute that share (service, host, status, upstream_addr, upstream_status) are counted together, so that
Python works once per group and the C of the standard library once per line. A group's shape, which service and nodes it
belongs to and which of its attempts are bad, is worked out once and remembered. Times are added once per service and
node, not once per group: at a few hundred lines a minute most groups hold few lines, and the calls would cost more.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

from incidents.domain.access_log import Request, attempts
from incidents.domain.columns import Columns, ShapeKey, bin_of, columns_of, longest_time, nth_time
from incidents.domain.minute import (
    EVIDENCE_PER_NODE,
    MINUTE,
    NO_NODE,
    AttemptTally,
    Evidence,
    ServiceTally,
    cap_evidence,
)
from incidents.domain.redact import redact
from incidents.domain.rule import Unit
from incidents.domain.rulebook import OTHER, Rulebook
from incidents.domain.summary import is_bad_status, limit_key
from incidents.domain.watermark import LATENESS, Admission, Watermark

MAX_NODES = 1000
"""Nodes told apart in one service and minute; attempts beyond it count under OTHER, so that totals stay exact."""

_EVIDENCE_BUFFER = 256
_FEW = 16
_SHAPES_KEPT = 50_000
_LONGEST_NAME = 200
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
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


_Times = dict[int, tuple[ServiceTally | AttemptTally, list[float]]]
"""id of a tally -> the tally and the times to be added to it. Tallies cannot be keys, and outlive the batch."""


class Fold:
    """Tallies of one partition since the last flush.

    `services` are the names known so far; new ones are added to it up to the rulebook's cap. `ceiling` of `add` is as
    in `Watermark`.
    """

    def __init__(self, rulebook: Rulebook, services: set[str], watermark: int = 0, lateness: int = LATENESS) -> None:
        self.rulebook = rulebook
        self.services = services
        self._minutes: dict[MinuteKey, dict[str, ServiceTally]] = {}
        self._new_services: list[str] = []
        self._late = self._quarantined = self._first_second = 0
        self._watermark: Watermark[tuple[Request, bytes]] = Watermark(watermark, lateness)
        self._shapes: dict[ShapeKey, _Shape] = {}
        self._request_limits = rulebook.limits[Unit.REQUEST]
        self._attempt_limits = rulebook.limits[Unit.ATTEMPT]
        self._notable = rulebook.watched_statuses

    @property
    def watermark(self) -> int:
        """The latest event time read, in seconds since the epoch; 0 before the first line."""
        return self._watermark.second

    @property
    def is_holding(self) -> bool:
        """Whether lines are held back until others confirm their event time."""
        return self._watermark.is_holding

    def absorb(
        self, tallies: Iterable[tuple[int, dict[str, ServiceTally]]], highest: int, services: Iterable[str], first: int
    ) -> None:
        """Adds what another process counted of lines that come next and are all on time."""
        for minute, counted in tallies:
            merge_minutes(self._minutes.setdefault(MinuteKey(minute, late=False), {}), counted)
        self._watermark.second = max(self.watermark, highest)
        for name in services:
            if name not in self.services:
                self.services.add(name)
                self._new_services.append(name)
        self._first_second = self._first_second or first

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
        columns = columns_of(requests, lines, seconds)
        if self._watermark.is_plain(lowest, highest, ceiling):
            self._watermark.second = max(self.watermark, highest)
            self._fold(columns, range(len(seconds)))
            return
        admission = self._watermark.admit(seconds, lambda i: (requests[i], lines[i]), ceiling)
        set_aside = {*admission.late, *admission.quarantined, *admission.held}
        on_time = [i for i in range(len(seconds)) if i not in set_aside] if set_aside else range(len(seconds))
        self._fold(columns, on_time)
        self._fold(columns, admission.late, late=True)
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
            seconds = [int(request.time) for request in requests]
            self._fold(columns_of(requests, lines, seconds), range(len(seconds)))

    def _fold(self, columns: Columns, rows: Sequence[int], late: bool = False) -> None:
        """Counts some rows of a batch."""
        if not rows:
            return
        seconds, keys = columns.seconds, columns.keys
        earliest = min(map(seconds.__getitem__, rows))
        self._first_second = min(self._first_second or earliest, earliest)
        # Not itertools.groupby: where one minute passes into the next, their lines alternate.
        groups: defaultdict[tuple[int, ShapeKey], list[int]] = defaultdict(list)
        for i in rows:
            groups[seconds[i] // MINUTE, keys[i]].append(i)
        slow = self._slow_rows(columns)
        taken: _Times = {}
        waited: _Times = {}
        for (minute, key), members in groups.items():
            shape = self._shapes.get(key) or self._new_shape(key)
            tallies = self._minutes.setdefault(MinuteKey(minute * MINUTE, late), {})
            tally = tallies.get(shape.service)
            if tally is None:
                tally = tallies[shape.service] = ServiceTally()
            _count(tally, shape, len(members))
            _times_of(taken, tally).extend(map(columns.taken.__getitem__, members))
            for position, (name, status, bad) in enumerate(shape.nodes):
                node = _node_of(tally, name)
                _count_attempts(node, status, bad, members, seconds)
                if name == NO_NODE:
                    continue
                if len(shape.nodes) == 1:
                    _times_of(waited, node).extend(map(columns.waited.__getitem__, members))
                else:
                    lists = [columns.requests[i].upstream_response_time for i in members]
                    _times_of(waited, node).extend(nth_time(text, position) for text in lists)
            if shape.notable or len(shape.nodes) > 1 or not slow.isdisjoint(members):
                self._keep_evidence(tally, shape, members, slow, columns)
        for times, limits in ((taken, self._request_limits), (waited, self._attempt_limits)):
            for counted, values in times.values():
                _add_times(counted, values, limits)

    def _keep_evidence(
        self, tally: ServiceTally, shape: _Shape, members: Sequence[int], slow: Set[int], columns: Columns
    ) -> None:
        requests, lines, seconds = columns.requests, columns.lines, columns.seconds
        if not shape.notable:
            members = [i for i in members if i in slow or self._waited_long(requests[i])]
            if not members:
                return
        ranked = sorted(members, key=lambda i: (seconds[i], requests[i].request_id, lines[i]))
        node, status, _ = next((found for found in reversed(shape.nodes) if found[2]), shape.nodes[-1])
        for i in dict.fromkeys((*ranked[:EVIDENCE_PER_NODE], ranked[-1])):
            tally.evidence.append(Evidence(seconds[i], requests[i].request_id, node, status, redact(lines[i])))
        if len(tally.evidence) > _EVIDENCE_BUFFER:
            tally.evidence = cap_evidence(tally.evidence)

    def _slow_rows(self, columns: Columns) -> Set[int]:
        """Rows over a limit, but for requests that tried several upstreams and waited long for one of them."""
        slow: set[int] = set()
        for limits, times in ((self._request_limits, columns.taken), (self._attempt_limits, columns.waited)):
            if limits and max(times) > limits[0]:
                slow.update(i for i, value in enumerate(times) if value > limits[0])
        return slow

    def _waited_long(self, request: Request) -> bool:
        limits = self._attempt_limits
        return bool(limits) and longest_time(request.upstream_response_time) > limits[0]

    def _new_shape(self, key: ShapeKey) -> _Shape:
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
        too_many = len(self.services) >= self.rulebook.max_services
        if too_many or len(name) > _LONGEST_NAME or not name.isprintable():
            name = OTHER
            if name in self.services:
                return name
        self.services.add(name)
        self._new_services.append(name)
        return name


def _count(tally: ServiceTally, shape: _Shape, n: int) -> None:
    tally.total += n
    tally.statuses[shape.status] = tally.statuses.get(shape.status, 0) + n
    if shape.bad:
        tally.bad += n
    if shape.masked:
        tally.masked += n


def _count_attempts(node: AttemptTally, status: str, bad: bool, members: Sequence[int], seconds: Sequence[int]) -> None:
    n = len(members)
    node.total += n
    node.statuses[status] = node.statuses.get(status, 0) + n
    if bad:
        bad_at = [seconds[i] for i in members]
        node.bad += n
        node.first_bad = min(node.first_bad or bad_at[0], *bad_at)
        node.last_bad = max(node.last_bad, *bad_at)


def _node_of(tally: ServiceTally, name: str) -> AttemptTally:
    if name in tally.nodes or len(tally.nodes) < MAX_NODES:
        return tally.node(name)
    return tally.node(OTHER)


def _times_of(times: _Times, tally: ServiceTally | AttemptTally) -> list[float]:
    found = times.get(id(tally))
    if found is None:
        found = times[id(tally)] = (tally, [])
    return found[1]


def _add_times(tally: ServiceTally | AttemptTally, values: Sequence[float], limits: Sequence[float]) -> None:
    """Adds times in seconds to the histogram and to the exact counts over each limit."""
    latency = tally.latency
    numbers = map(bin_of, values)
    # A Counter counts in C, but costs 2 us to make: too much for the few lines of a node among thousands.
    counted = Counter(numbers).items() if len(values) > _FEW else zip(numbers, repeat(1))
    for number, n in counted:
        if number >= 0:
            latency[number] = latency.get(number, 0) + n
    if not limits or max(values) <= limits[0]:
        return
    for limit in limits:
        over = sum(1 for value in values if value > limit)
        if over:
            key = limit_key(limit)
            tally.slow[key] = tally.slow.get(key, 0) + over


def merge_minutes(into: dict[str, ServiceTally], more: Mapping[str, ServiceTally]) -> None:
    """Adds the tallies of one minute, service by service."""
    for service, tally in more.items():
        found = into.get(service)
        if found is None:
            into[service] = tally
        else:
            found.merge(tally)
