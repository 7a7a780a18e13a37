"""What leaves Tocsin as JSON: one incident, and the result of one replay. Said once, for every way out.

The keys of CONTRACT are the contract of `tocsin replay --json`; `incident_document` adds what else is known. Times are
RFC 3339, UTC, in whole seconds; a minute is the start of that minute. Beginnings are inclusive, ends are exclusive.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from incidents.domain.incident import Incident
from incidents.domain.minute import MINUTE
from incidents.domain.summary import MinutePoint, NodeFigures, Peak, Sample, Summary, SymptomFigures, Totals

if TYPE_CHECKING:
    from incidents.replay import Replay
    from incidents.tables import SelfIncident

CONTRACT = (
    "id",
    "service",
    "state",
    "merged_into",
    "severity",
    "onset_at",
    "detected_at",
    "resolved_at",
    "closed_at",
    "reopened",
    "first_minute",
    "last_minute",
    "symptoms",
    "blame",
    "nodes",
    "totals",
    "peak",
    "first_bad_at",
    "last_bad_at",
    "samples",
    "messages",
)
"""Keys of an incident in `tocsin replay --json`, in their order."""

_SYMPTOM = ("rule", "node", "first_minute", "last_minute", "bad", "total")
_SAMPLE = ("request_id", "line")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)


def moment(second: float) -> str:
    """Seconds since the epoch as RFC 3339, UTC. Parts of a second are cut off, never rounded up to the next minute."""
    # Not fromtimestamp(): it rounds, and refuses on some systems what a timedelta takes. A wild value is shown capped.
    at = _EPOCH + timedelta(seconds=min(max(int(second), 0), _LAST))
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at.year >= 1000 else at.isoformat().replace("+00:00", "Z")


def moment_or_none(second: float | None) -> str | None:
    return None if second is None else moment(second)


_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def second_of(text: str) -> int:
    """The inverse of `moment`, of any RFC 3339 time: whole seconds since the epoch. Raises ValueError."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a time such as 2026-11-23T02:51:00Z or 2026-11-23T10:51:00+08:00")
    date, time, zone = found.groups()
    at = datetime.fromisoformat(f"{date}T{time}{'+00:00' if zone in 'Zz' else zone}")
    return (at - _EPOCH) // timedelta(seconds=1)


def incident_document(summary: Summary) -> dict[str, object]:
    """All that is known of one incident: the contract's keys first."""
    return {
        "id": summary.id,
        "service": summary.service,
        "state": summary.state.value,
        "merged_into": summary.merged_into,
        "severity": summary.severity.value,
        "onset_at": moment(summary.onset_at),
        "detected_at": moment(summary.detected_at),
        "resolved_at": moment_or_none(summary.resolved_at),
        "closed_at": moment_or_none(summary.closed_at),
        "reopened": summary.reopened,
        "first_minute": moment(summary.first_minute),
        "last_minute": moment(summary.last_minute),
        "symptoms": [_symptom(symptom) for symptom in summary.symptoms],
        "blame": {
            "kind": summary.blame.kind.value,
            "nodes": list(summary.blame.nodes),
            "verdict": summary.blame.verdict.value,
        },
        "nodes": [_node(node) for node in summary.nodes],
        "totals": _totals(summary.totals),
        "peak": _peak(summary.peak),
        "first_bad_at": moment_or_none(summary.first_bad_at),
        "last_bad_at": moment_or_none(summary.last_bad_at),
        "samples": [sample_document(sample) for sample in summary.samples],
        "messages": [{"kind": message.kind.value, "at": moment(message.at)} for message in summary.messages],
        "duration_seconds": summary.duration,
        "close_reason": summary.close_reason.value if summary.close_reason else None,
        "breach_minutes": summary.breach_minutes,
        "previous_id": summary.previous_id,
        "rulebook_version": summary.rulebook_version,
        "labels": dict(summary.labels),
        "late_lines": summary.late_lines,
        "unaffected": list(summary.unaffected),
        "minutes": [_point(point) for point in summary.minutes],
        "first_line": sample_document(summary.first_line) if summary.first_line else None,
        "last_line": sample_document(summary.last_line) if summary.last_line else None,
    }


def brief_document(incident: Incident) -> dict[str, object]:
    """An incident in a list: what it is, without the figures that take a query each."""
    return {
        "id": incident.id,
        "service": incident.service,
        "state": incident.state.value,
        "merged_into": incident.merged_into,
        "severity": incident.severity.value,
        "onset_at": moment(incident.first_minute),
        "detected_at": moment(incident.detected_at),
        "resolved_at": moment_or_none(incident.resolved_at),
        "closed_at": moment_or_none(incident.closed_at),
        "reopened": incident.reopened,
        "first_minute": moment(incident.first_minute),
        "last_minute": moment(incident.last_minute),
        "symptoms": [
            {
                "rule": symptom.rule,
                "node": symptom.node,
                "first_minute": moment(symptom.first_minute),
                "last_minute": moment(symptom.last_minute),
            }
            for symptom in incident.symptoms
        ],
        "blame": {
            "kind": incident.culprit.kind.value,
            "nodes": list(incident.culprit.nodes),
            "verdict": incident.confidence.value,
        },
        "duration_seconds": incident.last_minute + MINUTE - incident.first_minute,
        "close_reason": incident.close_reason.value if incident.close_reason else None,
        "breach_minutes": incident.breach_minutes,
        "previous_id": incident.previous_id,
        "rulebook_version": incident.rulebook_version,
        "labels": dict(incident.labels),
    }


def replay_document(replay: Replay) -> dict[str, object]:
    """The one object that `tocsin replay --json` prints. `from` and `to` are null when not one line had a time."""
    return {
        "lines": {
            "read": replay.lines.read,
            "parsed": replay.lines.parsed,
            "malformed": replay.lines.malformed,
            "late": replay.lines.late,
            "quarantined": replay.lines.quarantined,
        },
        "from": moment_or_none(replay.start),
        "to": moment_or_none(replay.end),
        "self": [self_document(found) for found in replay.self_incidents],
        "incidents": [contract_document(summary) for summary in replay.incidents],
    }


def contract_document(summary: Summary) -> dict[str, object]:
    """An incident with the contract's keys and no other: what a text and a JSON log of the same requests agree on."""
    document = incident_document(summary)
    found = {key: document[key] for key in CONTRACT}
    found["symptoms"] = [_only(_SYMPTOM, _symptom(symptom)) for symptom in summary.symptoms]
    found["samples"] = [_only(_SAMPLE, sample_document(sample)) for sample in summary.samples]
    return found


def self_document(found: SelfIncident) -> dict[str, object]:
    """An incident of Tocsin's own. `to` is null while it lasts, `lost` when nobody can know how much."""
    return {
        "kind": found.kind,
        "from": moment(found.started_at),
        "to": moment_or_none(found.ended_at),
        "source": found.source,
        "partition": found.partition,
        "detail": found.detail,
        "lost": found.lost,
        "unit": found.unit,
    }


def sample_document(sample: Sample) -> dict[str, object]:
    return {
        "request_id": sample.request_id,
        "line": sample.line,
        "node": sample.node or None,
        "status": sample.status,
        "at": moment(sample.at),
    }


def _only(keys: tuple[str, ...], document: dict[str, object]) -> dict[str, object]:
    return {key: document[key] for key in keys}


def _symptom(symptom: SymptomFigures) -> dict[str, object]:
    return {
        "rule": symptom.rule,
        "node": symptom.node,
        "first_minute": moment(symptom.first_minute),
        "last_minute": moment(symptom.last_minute),
        "bad": symptom.bad,
        "total": symptom.total,
        "description": symptom.description,
    }


def _node(node: NodeFigures) -> dict[str, object]:
    return {
        "node": node.node,
        "attempts": node.attempts,
        "bad": node.bad,
        "share": node.share,
        "by_status": dict(node.by_status),
    }


def _totals(totals: Totals) -> dict[str, object]:
    return {
        "requests": totals.requests,
        "bad_requests": totals.bad_requests,
        "attempts": totals.attempts,
        "bad_attempts": totals.bad_attempts,
        "masked_by_retry": totals.masked_by_retry,
        "by_status": dict(totals.by_status),
    }


def _peak(peak: Peak) -> dict[str, object]:
    return {"minute": moment(peak.minute), "bad": peak.bad, "total": peak.total}


def _point(point: MinutePoint) -> dict[str, object]:
    return {
        "minute": moment(point.minute),
        "total": point.total,
        "bad": point.bad,
        "by_status": dict(sorted(point.by_status.items())),
    }
