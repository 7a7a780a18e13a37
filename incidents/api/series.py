"""Minutes as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from incidents.documents import moment, moment_or_none
from incidents.domain.minute import quantile
from incidents.store.series import Figures, MinuteRow


def minute_document(row: MinuteRow) -> dict[str, object]:
    """A closed minute as it was judged, with what came late beside it."""
    document: dict[str, object] = {
        "minute": moment(row.minute),
        **_figures(row.closed),
        "latency": latency_document(row.latency),
        "late": _figures(row.late),
        "revised_at": moment_or_none(row.revised_at),
    }
    return document


def latency_document(histogram: Mapping[int, int]) -> dict[str, object]:
    """Quantiles in seconds."""
    return {name: _rounded(quantile(histogram, q)) for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _figures(found: Figures) -> dict[str, object]:
    document: dict[str, object] = {
        "total": found.total,
        "bad": found.bad,
        "by_status": dict(sorted(found.statuses.items())),
    }
    return document if found.masked is None else document | {"masked_by_retry": found.masked}


def minutes_document(rows: Iterable[MinuteRow]) -> list[dict[str, object]]:
    return [minute_document(row) for row in rows]


def span_document(start: int, end: int, closed_through: int | None) -> dict[str, object]:
    """What a series is of."""
    return {"from": moment(start), "to": moment(end), "closed_through": moment_or_none(closed_through)}
