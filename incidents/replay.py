"""The verb that replays: log files through the same engine in event time, into a database in memory.

The clock is the log's: minutes close as the watermark passes them, and an onset leaves when its minute has closed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Self

import msgspec

from backends.base import Backend, Batch
from incidents.counting import PIECE, Counted, Task, count_all, lines_of, pieces
from incidents.domain.minute import MINUTE
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.domain.watermark import LATENESS
from incidents.evaluate import Clocks, close_minutes, summary_of
from incidents.ingest import SAMPLE, Ingest
from incidents.store import Store, incidents, minutes, positions, processes
from incidents.tables import SelfIncident

PARTITION = "replay"
FLUSH_LINES = 50_000
"""Lines between two transactions; memory stays flat whatever the size of the log."""


class Lines(msgspec.Struct, frozen=True):
    """What became of every line: read = parsed + malformed; late and quarantined are part of parsed."""

    read: int
    parsed: int
    malformed: int
    late: int
    quarantined: int


class Replay(msgspec.Struct, frozen=True):
    """The result. `start` and `end` are the first and the last event second, None when there was no line."""

    lines: Lines
    malformed: Mapping[str, int]
    format: str
    start: int | None
    end: int | None
    self_incidents: list[SelfIncident]
    incidents: list[Summary]


class _Nowhere(Backend):
    """A replay hands its batches over itself."""

    unit: ClassVar[str] = "lines"

    @classmethod
    def from_url(cls, url: str) -> Self:
        return cls()

    def assign(self, positions: Mapping[str, str]) -> None: ...

    def read(self, max_lines: int, timeout: float) -> list[Batch]:
        return []

    def problems(self) -> list[str]:
        return []

    def check(self) -> None: ...

    def close(self) -> None: ...


def replay(
    chunks: Iterable[list[bytes]],
    rulebook: Rulebook,
    *,
    log_format: str = "auto",
    lateness: int = LATENESS,
    flush_lines: int = FLUSH_LINES,
    progress: Callable[[int], None] = lambda lines: None,
) -> Replay:
    """Runs lines through the engine. `progress` is called with the lines of each flush."""
    run = Run(rulebook, log_format, lateness)
    waiting: list[bytes] = []
    for lines in chunks:
        waiting += lines
        if len(waiting) >= flush_lines:
            run.flush(waiting)
            progress(len(waiting))
            waiting = []
    run.flush(waiting, last=True)
    progress(len(waiting))
    return run.result()


def replay_files(
    paths: Sequence[str],
    rulebook: Rulebook,
    *,
    log_format: str = "auto",
    lateness: int = LATENESS,
    piece: int = PIECE,
    helpers: int = 0,
    progress: Callable[[int, int], None] = lambda lines, consumed: None,
) -> Replay:
    """The same for plain files, counted on every processor. `progress` is called with lines and bytes of each piece."""
    run = Run(rulebook, log_format, lateness)
    todo = (part for path in paths for part in pieces(path, piece))
    first = next(todo, None)
    if first is not None:
        head = [line for block in lines_of(first) for line in block]
        run.flush(head)
        progress(len(head), first.end - first.start)
        task = Task(rulebook, log_format, head[:SAMPLE], lateness)
        for part, counted in count_all(task, todo, helpers or os.cpu_count() or 1):
            if not run.take(counted):
                run.flush([line for block in lines_of(part) for line in block])
            progress(counted.lines, part.end - part.start)
    run.flush([], last=True)
    return run.result()


class Run:
    """One replay in the making; `store` can be asked meanwhile."""

    def __init__(self, rulebook: Rulebook, log_format: str = "auto", lateness: int = LATENESS) -> None:
        self.rulebook = rulebook
        self.lateness = lateness
        self.store = Store("sqlite://")
        self.store.create()
        self._number = 0
        self._ingest = Ingest(
            self.store,
            _Nowhere(),
            PARTITION,
            lambda: rulebook,
            lambda: 0.0,
            log_format=log_format,
            lateness=lateness,
            ahead=None,
        )
        self._clocks = Clocks(now=lambda: 0.0, detected=lambda minute: minute + MINUTE + lateness)

    def flush(self, lines: list[bytes], last: bool = False) -> None:
        """Counts these lines and closes what they let close; at the end, every minute that was begun."""
        start = str(self._number) if self._number else ""
        self._number += 1
        batch = Batch(PARTITION, start, str(self._number), lines, at_end=False, backlog=None)
        self._ingest.flush(batch, read_at=0.0, last=last)
        self._judge(last)

    def take(self, counted: Counted) -> bool:
        """The same for lines that a helper has counted; False when they must be flushed in order instead."""
        batch = Batch(PARTITION, str(self._number), str(self._number + 1), [], at_end=False, backlog=None)
        if not self._ingest.store_counted(batch, counted):
            return False
        self._number += 1
        self._judge()
        return True

    def _judge(self, last: bool = False) -> None:
        until = None
        if last:
            with self.store.read() as tx:
                segment = minutes.last_segment(tx, 0)
                closed = minutes.closed_through(tx, 0)
            until = segment + MINUTE if segment is not None else closed.second if closed else None
            if until is None:
                return
        while self._close(until):
            pass

    def _close(self, until: int | None) -> bool:
        return close_minutes(
            self.store,
            0,
            1,
            lambda tx: self.rulebook,
            lambda version: self.rulebook,
            self._clocks,
            self.lateness,
            source=PARTITION,
            until=until,
        ).more

    def result(self) -> Replay:
        """What there is to say at the end."""
        with self.store.read() as tx:
            known = positions.every(tx)[0]
            found = incidents.find(tx, incidents.Filter(limit=1_000_000))
            found.sort(key=lambda incident: (incident.opened_minute, incident.first_minute, incident.id))
            summaries = [summary_of(tx, incident, self.rulebook) for incident in found]
            first = min(positions.services(tx).values(), default=None)
            reasons = {row.reason: row.lines for row in positions.malformed(tx)}
            own = processes.self_incidents(tx)
        lines = Lines(known.lines, known.lines - known.malformed, known.malformed, known.late, known.quarantined)
        return Replay(lines, reasons, known.format, first, known.watermark or None, own, summaries)
