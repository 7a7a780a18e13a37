"""The bad of each minute as bars: columns for a mail's tables, and one line of block characters for plain text."""

from __future__ import annotations

from dataclasses import dataclass

from incidents.domain.minute import MINUTE
from incidents.domain.summary import MinutePoint, Summary

MOST_COLUMNS = 48
"""A phone shows about this many; a longer incident is drawn in steps of several minutes."""

HEIGHT = 88
"""Pixels of the highest column."""

COLOURS = {"502": "#d1373f", "503": "#d9820b", "504": "#2779bd", "500": "#a8328f", "499": "#7c5cd6"}
OTHER_COLOUR = "#6b7280"
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a column: so many pixels of a colour."""

    colour: str
    pixels: int


@dataclass(frozen=True, slots=True)
class Column:
    """One step of time from `at`. `inside`: it touches the incident. Segments stand on each other, the first on top."""

    at: int
    bad: int
    inside: bool
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns of `step` seconds, and the statuses that occur with their colours ("" is the rest)."""

    step: int
    peak: int
    columns: tuple[Column, ...]
    legend: tuple[tuple[str, str], ...]

    @property
    def line(self) -> str:
        """The same in one line of characters; a dot is a step without anything bad."""
        return "".join(_block(column.bad, self.peak) for column in self.columns)

    @property
    def end(self) -> int:
        return self.columns[-1].at + self.step


def chart(summary: Summary) -> Chart | None:
    """The chart of a summary's minutes, or None when nothing in them was bad or there is but one."""
    points = summary.minutes
    if len(points) < 2 or not any(point.bad for point in points):
        return None
    first, last = points[0].minute, points[-1].minute
    minutes = (last - first) // MINUTE + 1
    step = -(-minutes // MOST_COLUMNS) * MINUTE
    steps: dict[int, dict[str, int]] = {at: {} for at in range(first, last + MINUTE, step)}
    for point in points:
        _add(steps[first + (point.minute - first) // step * step], point)
    peak = max(sum(found.values()) for found in steps.values())
    seen = {status for found in steps.values() for status in found}
    order = [status for status in (*COLOURS, "") if status in seen]
    columns = tuple(
        Column(
            at,
            sum(found.values()),
            at <= summary.last_minute and at + step > summary.first_minute,
            _segments(found, order, peak),
        )
        for at, found in steps.items()
    )
    return Chart(step, peak, columns, tuple((status, COLOURS.get(status, OTHER_COLOUR)) for status in order))


def _add(into: dict[str, int], point: MinutePoint) -> None:
    known = 0
    for status, n in point.by_status.items():
        if status in COLOURS:
            into[status] = into.get(status, 0) + n
            known += n
    if point.bad > known:
        into[""] = into.get("", 0) + point.bad - known


def _segments(found: dict[str, int], order: list[str], peak: int) -> tuple[Segment, ...]:
    return tuple(
        Segment(COLOURS.get(status, OTHER_COLOUR), max(2, round(found[status] * HEIGHT / peak)))
        for status in reversed(order)
        if found.get(status)
    )


def _block(bad: int, peak: int) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, bad * len(_BLOCKS) // (peak + 1))] if bad else "·"
