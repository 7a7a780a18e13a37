"""What an incident is about, in one measure: failing, clients giving up, slow, or hits of a rule of somebody's own.

Only `bad` has figures by node and minute (5xx and 499, detection.md section 1). An incident that is only slow has no
bad attempts at all, and "0 bad" would be nonsense: its figures come from its symptoms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from incidents.domain.incident import CulpritKind
from incidents.domain.rule import Unit
from incidents.domain.summary import NodeFigures, Summary, SymptomFigures, is_bad_status
from incidents.render import rules


class Mode(StrEnum):
    """What to call the units that are counted."""

    FAILING = "failing"
    ABORTED = "aborted"  # failing, and nothing but 499
    SLOW = "slow"
    WATCHED = "watched"  # a rule on a status that nobody else calls bad, such as 429

    @property
    def counts_bad(self) -> bool:
        return self in (Mode.FAILING, Mode.ABORTED)


@dataclass(frozen=True, slots=True)
class Measure:
    """The culprit's figures. `statuses`: the bad ones, most frequent first. `rule` and `limit` (seconds): the main
    symptom's, when the mode does not count bad."""

    mode: Mode
    bad: int
    total: int
    unit: Unit
    statuses: tuple[tuple[str, int], ...] = ()
    rule: str = ""
    limit: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The statuses that say what is going on: each at least a tenth of the bad."""
        return tuple(status for status, n in self.statuses if n * 10 >= self.bad)


def measure(summary: Summary) -> Measure:
    """Sums up the culprit over the incident's minutes."""
    thresholds = {symptom.rule: rules.read(symptom.description) for symptom in summary.symptoms}
    on_bad = [name for name, threshold in thresholds.items() if threshold is None or threshold.is_bad]
    bad, total, unit, statuses = _bad(summary)
    if bad and (on_bad or not thresholds):
        aborted = all(status == "499" for status, _ in statuses)
        return Measure(Mode.ABORTED if aborted else Mode.FAILING, bad, total, unit, statuses)
    main = _main_symptom(summary, [name for name in thresholds if name not in on_bad])
    if main is None:
        return Measure(Mode.FAILING, bad, total, unit, statuses)
    threshold = thresholds[main.rule]
    if threshold is not None and threshold.limit is not None:
        return Measure(Mode.SLOW, main.bad, main.total, threshold.unit, rule=main.rule, limit=threshold.limit)
    return Measure(Mode.WATCHED, main.bad, main.total, threshold.unit if threshold else unit, rule=main.rule)


def bad_statuses(by_status: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """The bad ones among counts by status, most frequent first."""
    bad = [(status, n) for status, n in by_status.items() if n and is_bad_status(status)]
    return tuple(sorted(bad, key=lambda found: (-found[1], found[0])))


def culprits(summary: Summary) -> list[NodeFigures]:
    """The nodes to blame: some, or all of them when it is the whole."""
    if summary.blame.kind.is_whole:
        return summary.nodes
    return [node for node in summary.nodes if node.node in summary.blame.nodes]


def _bad(summary: Summary) -> tuple[int, int, Unit, tuple[tuple[str, int], ...]]:
    totals = summary.totals
    if summary.blame.kind is CulpritKind.SERVICE or not totals.attempts:
        # No upstream was logged: requests are all there is, and their statuses are only known by the minute.
        by_status: dict[str, int] = {}
        for point in summary.minutes:
            if summary.first_minute <= point.minute <= summary.last_minute:
                for status, n in point.by_status.items():
                    by_status[status] = by_status.get(status, 0) + n
        return totals.bad_requests, totals.requests, Unit.REQUEST, bad_statuses(by_status)
    nodes = culprits(summary)
    by_status = {}
    for node in nodes:
        for status, n in node.by_status.items():
            by_status[status] = by_status.get(status, 0) + n
    return sum(node.bad for node in nodes), sum(node.attempts for node in nodes), Unit.ATTEMPT, bad_statuses(by_status)


def _main_symptom(summary: Summary, names: list[str]) -> SymptomFigures | None:
    """The rule with the most hits, over the culprit's nodes or over the service, whichever the incident is about."""
    best: SymptomFigures | None = None
    for name in names:
        rows = [symptom for symptom in summary.symptoms if symptom.rule == name]
        on_service = [row for row in rows if row.node is None]
        on_nodes = [row for row in rows if row.node is not None]
        # Never both: a service's figures hold those of its nodes.
        chosen = (on_service or on_nodes) if summary.blame.kind.is_whole else (on_nodes or on_service)
        found = SymptomFigures(
            rule=name,
            node=None,
            first_minute=min(row.first_minute for row in chosen),
            last_minute=max(row.last_minute for row in chosen),
            bad=sum(row.bad for row in chosen),
            total=sum(row.total for row in chosen),
        )
        if best is None or found.bad > best.bad:
            best = found
    return best
