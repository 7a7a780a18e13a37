"""Incidents as files: JSON lines with everything, CSV with the figures."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

import msgspec

from incidents.documents import incident_document, moment, moment_or_none

if TYPE_CHECKING:
    from incidents.domain.summary import Summary

COLUMNS = (
    "id",
    "service",
    "state",
    "severity",
    "culprit",
    "nodes",
    "onset_at",
    "resolved_at",
    "closed_at",
    "duration_seconds",
    "requests",
    "bad_requests",
    "attempts",
    "bad_attempts",
    "masked_by_retry",
    "by_status",
    "close_reason",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_to(file: TextIO, summaries: Iterable[Summary], as_format: str) -> None:
    """Writes them one by one."""
    if as_format == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(_row, summaries))
        return
    file.writelines(msgspec.json.encode(incident_document(summary)).decode() + "\n" for summary in summaries)


def _row(summary: Summary) -> list[str]:
    totals = summary.totals
    values: list[object] = [
        summary.id,
        summary.service,
        summary.state.value,
        summary.severity.value,
        summary.blame.kind.value,
        " ".join(summary.blame.nodes),
        moment(summary.onset_at),
        moment_or_none(summary.resolved_at) or "",
        moment_or_none(summary.closed_at) or "",
        summary.duration,
        totals.requests,
        totals.bad_requests,
        totals.attempts,
        totals.bad_attempts,
        totals.masked_by_retry,
        " ".join(f"{status}={n}" for status, n in totals.by_status.items()),
        summary.close_reason.value if summary.close_reason else "",
    ]
    return [_defused(str(value)) for value in values]


def _defused(text: str) -> str:
    """A spreadsheet would run a service's name that begins like a formula: log text is written by strangers."""
    return f"'{text}" if text.startswith(_FORMULA) else text
