"""Incidents as files: JSON lines hold all that is known, CSV what a spreadsheet can hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from incidents.documents import incident_document, moment, moment_or_none
from incidents.domain.summary import Summary

Format = Literal["csv", "jsonl"]

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


def exported(pages: Iterable[list[Summary]], as_format: Format) -> Iterator[str]:
    """The file in pieces, one a page; a CSV begins with its header."""
    if as_format == "csv":
        yield _csv([COLUMNS])
    for page in pages:
        if as_format == "csv":
            yield _csv(_row(summary) for summary in page)
        else:
            yield "".join(msgspec.json.encode(incident_document(summary)).decode() + "\n" for summary in page)


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _row(summary: Summary) -> list[str]:
    totals = summary.totals
    values: tuple[object, ...] = (
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
    )
    return [defused(str(value)) for value in values]


def defused(text: str) -> str:
    """A spreadsheet would run what begins like a formula, and a service's name is a stranger's to choose."""
    return f"'{text}" if text.startswith(_FORMULA) else text
