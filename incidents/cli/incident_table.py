"""Incidents as a table that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from incidents.cli.output import Cell, print_table, styled
from incidents.cli.words import count_text, local, minutes_text, span_text

if TYPE_CHECKING:
    from incidents.domain.summary import Summary

COLUMNS = (
    "Service",
    "Culprit",
    "Severity",
    "First..last minute",
    "Lasted",
    "Bad/total",
    "By status",
    "State",
    "Messages",
)
_NODES_NAMED = 3
_SERVICE_WIDTH = 60


def print_incidents(summaries: Sequence[Summary], *, with_id: bool = False) -> None:
    """Prints them in the order given. `with_id`: the first column is what `tocsin incidents show` asks for."""
    columns = ("ID", *COLUMNS) if with_id else COLUMNS
    print_table(columns, [[summary.id, *_cells(summary)] if with_id else _cells(summary) for summary in summaries])


def _cells(summary: Summary) -> list[Cell]:
    from incidents.render.measure import measure

    figures = measure(summary)
    what = "" if figures.mode.counts_bad else f" over {figures.limit} s" if figures.limit else f" {figures.rule}"
    return [
        _short(summary.service),
        _culprit(summary),
        styled(summary.severity.value),
        minutes_text(summary.first_minute, summary.last_minute),
        span_text(summary.duration),
        f"{count_text(figures.bad)}/{count_text(figures.total)}{what}",
        " ".join(f"{status}×{count_text(n)}" for status, n in figures.statuses),
        _state(summary),
        ", ".join(f"{message.kind.value} {local(message.at):%H:%M}" for message in summary.messages),
    ]


def _short(name: str) -> str:
    return name if len(name) <= _SERVICE_WIDTH else name[: _SERVICE_WIDTH - 1] + "…"


def _culprit(summary: Summary) -> str:
    nodes = [_short(node) for node in summary.blame.nodes]
    if not nodes:
        return summary.blame.kind.value
    more = f" and {len(nodes) - _NODES_NAMED} more" if len(nodes) > _NODES_NAMED else ""
    return f"{summary.blame.kind.value} {', '.join(nodes[:_NODES_NAMED])}{more}"


def _state(summary: Summary) -> Cell:
    state, style = styled(summary.state.value)
    reason = summary.close_reason.value.replace("_", " ") if summary.close_reason else ""
    return (f"{state}: {reason}" if reason not in ("", "recovered", "merged") else state), style
