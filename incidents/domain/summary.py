"""What a message, a page and `tocsin replay` say about one incident. Every figure equals awk's on the same log.

Figures sum whole minutes from `first_minute` to `last_minute`, late lines included. Minutes are starts of minutes; all
times are whole seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from incidents.domain.incident import CloseReason, Confidence, CulpritKind, Incident, Message, State, Symptom
from incidents.domain.minute import (
    MINUTE,
    NO_NODE,
    AttemptTally,
    Evidence,
    ServiceTally,
    add_counts,
)
from incidents.domain.rule import Count, Rule, Severity, Unit

MAX_SAMPLES = 5


class SymptomFigures(msgspec.Struct):
    """One rule in breach, on a node or over the service, with its units counted from its first to its last minute."""

    rule: str
    node: str | None
    first_minute: int
    last_minute: int
    bad: int
    total: int
    description: str = ""


class Blame(msgspec.Struct):
    """Who is to blame (`kind`, `nodes`) and how sure that is (`verdict`)."""

    kind: CulpritKind
    nodes: tuple[str, ...]
    verdict: Confidence


class NodeFigures(msgspec.Struct):
    """One node of the service: attempts, how many were bad, its share of all bad attempts, counts by status."""

    node: str
    attempts: int
    bad: int
    share: float
    by_status: dict[str, int]


class Totals(msgspec.Struct):
    """The service as a whole. `masked_by_retry`: requests answered well although an attempt was bad."""

    requests: int = 0
    bad_requests: int = 0
    attempts: int = 0
    bad_attempts: int = 0
    masked_by_retry: int = 0
    by_status: dict[str, int] = msgspec.field(default_factory=dict)


class Peak(msgspec.Struct):
    """The minute with the most bad attempts of the culprit."""

    minute: int
    bad: int
    total: int


class Sample(msgspec.Struct):
    """One redacted log line."""

    request_id: str
    line: str
    node: str
    status: str
    at: int


class SentMessage(msgspec.Struct):
    """One message that the incident caused, and when (event time in a replay)."""

    kind: Message
    at: int


class MinutePoint(msgspec.Struct):
    """One minute of the culprit for the chart: attempts, bad ones, and the bad ones by status."""

    minute: int
    total: int
    bad: int
    by_status: dict[str, int]


class Summary(msgspec.Struct, kw_only=True):
    """All that is known of one incident. The first fields are the contract of `tocsin replay --json`."""

    id: str
    service: str
    state: State
    merged_into: str | None
    severity: Severity
    onset_at: int
    detected_at: int
    resolved_at: int | None
    closed_at: int | None
    reopened: int
    first_minute: int
    last_minute: int
    symptoms: list[SymptomFigures]
    blame: Blame
    nodes: list[NodeFigures]
    totals: Totals
    peak: Peak
    first_bad_at: int | None
    last_bad_at: int | None
    samples: list[Sample]
    messages: list[SentMessage]
    # What a person wants besides.
    close_reason: CloseReason | None = None
    breach_minutes: int = 0
    previous_id: str | None = None
    rulebook_version: int = 0
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    late_lines: int = 0
    unaffected: list[str] = msgspec.field(default_factory=list)
    minutes: list[MinutePoint] = msgspec.field(default_factory=list)
    first_line: Sample | None = None
    last_line: Sample | None = None

    @property
    def duration(self) -> int:
        """Seconds from onset to the end of the last bad minute."""
        return self.last_minute + MINUTE - self.onset_at


def counts_of(rule: Rule, tally: ServiceTally | None, node: str | None) -> Count:
    """Bad and total units of one rule in one minute, on one node, or (None) over the service."""
    if tally is None:
        return Count(0, 0)
    if rule.unit is Unit.REQUEST:
        return _count(rule, tally.total, tally.statuses, tally.slow)
    if node is not None:
        found = tally.nodes.get(node)
        return _count(rule, found.total, found.statuses, found.slow) if found else Count(0, 0)
    bad = total = 0
    for found in tally.nodes.values():
        part = _count(rule, found.total, found.statuses, found.slow)
        bad += part.bad
        total += part.total
    return Count(bad, total)


def _count(rule: Rule, total: int, statuses: Mapping[str, int], slow: Mapping[int, int]) -> Count:
    if rule.over is None:
        return Count(rule.bad_of(statuses), total)
    return Count(slow.get(limit_key(rule.over), 0), total)


def limit_key(seconds: float) -> int:
    """Limits are kept in whole milliseconds: nginx logs no finer."""
    return round(seconds * 1000)


def summarise(
    incident: Incident,
    minutes: Sequence[tuple[int, ServiceTally]],
    rules: Mapping[str, Rule],
    messages: Iterable[SentMessage],
    late_lines: int = 0,
) -> Summary:
    """Everything there is to say about an incident.

    `minutes`: the service's tallies around the incident in order; those outside first..last only feed the chart.
    `rules`: by name, as the incident's rulebook has them for this service.
    """
    inside = [(minute, tally) for minute, tally in minutes if incident.first_minute <= minute <= incident.last_minute]
    culprits = frozenset(incident.culprit.nodes)
    whole = ServiceTally()
    for _, tally in inside:
        whole.merge(tally)
    real = {name: tally for name, tally in whole.nodes.items() if name != NO_NODE}
    points = [_point(minute, tally, culprits) for minute, tally in minutes]
    peak = max(
        (point for point in points if incident.first_minute <= point.minute <= incident.last_minute),
        key=lambda point: (point.bad, -point.minute),
        default=MinutePoint(incident.first_minute, 0, 0, {}),
    )
    blamed = [tally for name, tally in whole.nodes.items() if tally.bad and (not culprits or name in culprits)]
    evidence = sorted(line for _, tally in inside for line in tally.evidence if not culprits or line.node in culprits)
    bad_attempts = sum(tally.bad for tally in real.values())
    return Summary(
        id=incident.id,
        service=incident.service,
        state=incident.state,
        merged_into=incident.merged_into,
        severity=incident.severity,
        onset_at=incident.first_minute,
        detected_at=incident.detected_at,
        resolved_at=incident.resolved_at,
        closed_at=incident.closed_at,
        reopened=incident.reopened,
        first_minute=incident.first_minute,
        last_minute=incident.last_minute,
        symptoms=[_figures(symptom, inside, rules) for symptom in incident.symptoms],
        blame=Blame(incident.culprit.kind, incident.culprit.nodes, incident.confidence),
        nodes=[_node(name, tally, bad_attempts) for name, tally in sorted(real.items())],
        totals=_totals(whole, real, bad_attempts),
        peak=Peak(peak.minute, peak.bad, peak.total),
        first_bad_at=min((tally.first_bad for tally in blamed if tally.first_bad), default=None),
        last_bad_at=max((tally.last_bad for tally in blamed if tally.last_bad), default=None),
        samples=[_sample(line) for line in choose_samples(evidence)],
        messages=list(messages),
        close_reason=incident.close_reason,
        breach_minutes=incident.breach_minutes,
        previous_id=incident.previous_id,
        rulebook_version=incident.rulebook_version,
        labels=dict(incident.labels),
        late_lines=late_lines,
        unaffected=[name for name, tally in sorted(real.items()) if not tally.bad and name not in culprits],
        minutes=points,
        first_line=_sample(evidence[0]) if evidence else None,
        last_line=_sample(evidence[-1]) if evidence else None,
    )


def choose_samples(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Up to MAX_SAMPLES lines: one of each status first, so that a rare failure is seen beside a common one."""
    seen: set[str] = set()
    firsts: list[Evidence] = []
    rest: list[Evidence] = []
    for line in evidence:
        (rest if line.status in seen else firsts).append(line)
        seen.add(line.status)
    return sorted((firsts + rest)[:MAX_SAMPLES])


def _sample(line: Evidence) -> Sample:
    return Sample(line.request_id, line.line, line.node, line.status, line.second)


def _figures(
    symptom: Symptom, minutes: Sequence[tuple[int, ServiceTally]], rules: Mapping[str, Rule]
) -> SymptomFigures:
    rule = rules.get(symptom.rule)
    bad = total = 0
    if rule is not None:
        for minute, tally in minutes:
            if symptom.first_minute <= minute <= symptom.last_minute:
                part = counts_of(rule, tally, symptom.node)
                bad += part.bad
                total += part.total
    return SymptomFigures(
        rule=symptom.rule,
        node=symptom.node,
        first_minute=symptom.first_minute,
        last_minute=symptom.last_minute,
        bad=bad,
        total=total,
        description=rule.describe() if rule else "",
    )


def _node(name: str, tally: AttemptTally, bad_attempts: int) -> NodeFigures:
    share = round(tally.bad / bad_attempts, 4) if bad_attempts else 0.0
    return NodeFigures(name, tally.total, tally.bad, share, dict(sorted(tally.statuses.items())))


def _totals(whole: ServiceTally, real: Mapping[str, AttemptTally], bad_attempts: int) -> Totals:
    by_status: dict[str, int] = {}
    for tally in real.values():
        add_counts(by_status, tally.statuses)
    return Totals(
        requests=whole.total,
        bad_requests=whole.bad,
        attempts=sum(tally.total for tally in real.values()),
        bad_attempts=bad_attempts,
        masked_by_retry=whole.masked,
        by_status=dict(sorted(by_status.items())),
    )


def _point(minute: int, tally: ServiceTally, culprits: frozenset[str]) -> MinutePoint:
    point = MinutePoint(minute, 0, 0, {})
    for name, found in tally.nodes.items():
        if culprits and name not in culprits:
            continue
        point.total += found.total
        point.bad += found.bad
        if found.bad:
            add_counts(point.by_status, {s: n for s, n in found.statuses.items() if is_bad_status(s)})
    return point


def is_bad_status(status: str) -> bool:
    """`bad` of detection.md section 1, whatever rules are in force: 5xx, or 499 on the last node tried."""
    return status == "499" or (len(status) == 3 and status[0] == "5")
