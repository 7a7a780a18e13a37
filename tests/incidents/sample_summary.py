"""Summaries for the tests of messages: one plain incident, and whatever a test wants to be different in it."""

from __future__ import annotations

import msgspec

from incidents.domain.incident import CloseReason, Confidence, CulpritKind, State
from incidents.domain.minute import MINUTE
from incidents.domain.rule import DEFAULT_RULES, Severity
from incidents.domain.summary import (
    Blame,
    MinutePoint,
    NodeFigures,
    Peak,
    Sample,
    Summary,
    SymptomFigures,
    Totals,
)

START = 1795402260  # 2026-11-23 02:51 UTC
RULES = {rule.name: rule for rule in DEFAULT_RULES}
CULPRIT = "127.11.1.2:9002"
OTHERS = ["127.11.1.1:9002", "127.11.1.3:9002"]


def plain(**different: object) -> Summary:
    """Four minutes of one node answering 500, closed."""
    samples = [sample(i) for i in range(5)]
    summary = Summary(
        id="319ddf5ea38024b9",
        service="order",
        state=State.CLOSED,
        merged_into=None,
        severity=Severity.CRITICAL,
        onset_at=START,
        detected_at=START + MINUTE + 5,
        resolved_at=START + 4 * MINUTE,
        closed_at=START + 9 * MINUTE,
        reopened=0,
        first_minute=START,
        last_minute=START + 3 * MINUTE,
        symptoms=[symptom("5xx", CULPRIT, 272, 337)],
        blame=Blame(CulpritKind.NODE, (CULPRIT,), Confidence.NODE),
        nodes=[
            NodeFigures(CULPRIT, 337, 273, 0.9964, {"200": 64, "500": 272, "499": 1}),
            NodeFigures(OTHERS[0], 336, 0, 0.0, {"200": 336}),
            NodeFigures(OTHERS[1], 336, 1, 0.0036, {"200": 335, "500": 1}),
        ],
        totals=Totals(1009, 274, 1009, 274, 0, {"200": 735, "499": 1, "500": 273}),
        peak=Peak(START + 2 * MINUTE, 83, 83),
        first_bad_at=START + 11,
        last_bad_at=START + 204,
        samples=samples,
        messages=[],
        close_reason=CloseReason.RECOVERED,
        breach_minutes=3,
        rulebook_version=7,
        unaffected=[OTHERS[0]],
        minutes=[MinutePoint(START + (i - 4) * MINUTE, 84, 0, {}) for i in range(4)]
        + [MinutePoint(START + i * MINUTE, 84, bad, {"500": bad}) for i, bad in enumerate((71, 76, 83, 42))]
        + [MinutePoint(START + 4 * MINUTE, 84, 1, {"499": 1})],
        first_line=samples[0],
        last_line=sample(9, at=START + 204),
    )
    return msgspec.structs.replace(summary, **different)


def symptom(rule: str, node: str | None, bad: int, total: int) -> SymptomFigures:
    return SymptomFigures(rule, node, START, START + 3 * MINUTE, bad, total, RULES[rule].describe())


def sample(number: int, line: str = "", at: int = START + 11) -> Sample:
    return Sample(f"rid{number:04}", line or f'"GET /item/{number} HTTP/1.1" 500', CULPRIT, "500", at)


def slow(**different: object) -> Summary:
    """Nothing bad at all: one node answers after more than 3 s, the service's requests take longer than 5 s."""
    quiet = [NodeFigures(node, 300, 0, 0.0, {"200": 300}) for node in (CULPRIT, *OTHERS)]
    changes: dict[str, object] = {
        "severity": Severity.WARNING,
        "symptoms": [
            symptom("request_time", None, 90, 900),
            symptom("upstream_response_time", CULPRIT, 120, 300),
        ],
        "blame": Blame(CulpritKind.NODE, (CULPRIT,), Confidence.INSUFFICIENT),
        "nodes": quiet,
        "totals": Totals(900, 0, 900, 0, 0, {"200": 900}),
        "peak": Peak(START, 0, 300),
        "first_bad_at": None,
        "last_bad_at": None,
        "unaffected": OTHERS,
        "minutes": [MinutePoint(START + i * MINUTE, 84, 0, {}) for i in range(4)],
        "samples": [],
        "first_line": None,
        "last_line": None,
    }
    return plain(**(changes | different))


def pool(**different: object) -> Summary:
    """All nodes alike, most of it saved by a retry."""
    changes: dict[str, object] = {
        "symptoms": [symptom("5xx", None, 274, 1009)],
        "blame": Blame(CulpritKind.POOL, (), Confidence.POOL),
        "nodes": [NodeFigures(node, 300, 90, 0.333, {"200": 210, "502": 60, "504": 30}) for node in (CULPRIT, *OTHERS)],
        "totals": Totals(630, 12, 900, 270, 200, {"200": 630, "502": 180, "504": 90}),
        "unaffected": [],
    }
    return plain(**(changes | different))


def without_upstream(**different: object) -> Summary:
    """A log that names no nodes."""
    changes: dict[str, object] = {
        "symptoms": [symptom("5xx", None, 272, 1009)],
        "blame": Blame(CulpritKind.SERVICE, (), Confidence.INSUFFICIENT),
        "nodes": [],
        "totals": Totals(1009, 272, 0, 0, 0, {}),
        "unaffected": [],
    }
    return plain(**(changes | different))
