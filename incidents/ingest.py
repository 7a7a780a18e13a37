"""The verb that counts: batches of lines become tallies, and are stored with the position in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from backends.base import Backend, Batch
from incidents.counting import SAMPLES, UNREADABLE, Counted
from incidents.domain.access_log import Batch as Parsed
from incidents.domain.access_log import Parser, parser_for
from incidents.domain.errors import UnknownFormat
from incidents.domain.fold import Fold
from incidents.domain.redact import redact
from incidents.domain.rulebook import Rulebook
from incidents.domain.watermark import AHEAD
from incidents.store import Store, minutes, positions, processes

log = logging.getLogger(__name__)

UNKNOWN_FORMAT = "unknown-format"
"""Why a line is malformed in a log whose format could not be recognised."""

SAMPLE = 200
"""Lines that a format is recognised from."""

TOGETHER = 1000
"""Lines parsed and folded at once: few enough to stay in the processor's cache. 50,000 took 1.3 times as long."""


class Ingest:
    """Reads one backend into one store. One instance is one collector.

    `now` is the clock in seconds; `ahead` (seconds) is how far a line may be ahead of it, None for a replay, which has
    no such clock. `shards` divide the services among evaluators.
    """

    def __init__(
        self,
        store: Store,
        backend: Backend,
        source: str,
        rulebook: Callable[[], Rulebook],
        now: Callable[[], float],
        *,
        log_format: str = "auto",
        lateness: int = 5,
        ahead: int | None = AHEAD,
        shards: int = 1,
    ) -> None:
        self.store = store
        self.backend = backend
        self.source = source
        self.lines_read = 0
        self.problems: list[str] = []
        self._rulebook = rulebook
        self._now = now
        self._log_format = log_format
        self._lateness = lateness
        self._ahead = ahead
        self._shards = shards
        self._parsers: dict[str, Parser] = {}
        self._folds: dict[str, Fold] = {}
        self._services: set[str] = set()
        self._watermarks: dict[str, int] = {}
        self._idle_noted: dict[str, float] = {}
        self._unreadable: dict[str, list[bytes]] = {}
        self._must_resume = True

    def resume(self) -> None:
        """Goes back to what the database says was counted: at start, and whenever a flush came to nothing."""
        with self.store.read() as tx:
            known = positions.of_source(tx, self.source)
            self._services = set(positions.services(tx))
        self._folds.clear()
        self._watermarks = {position.partition: position.watermark for position in known}
        self.backend.assign({position.partition: position.next for position in known})

    def poll(self, max_lines: int, timeout: float) -> int:
        """Reads what is there, waits up to `timeout` seconds for the first line, stores it; how many lines."""
        if self._must_resume:
            self.resume()
        began = self._now()
        # Whatever goes wrong from here on, what was read and not stored is forgotten and read again.
        self._must_resume = True
        batches = self.backend.read(max_lines, timeout)
        unknown: dict[str, str] = {}
        for batch in batches:
            try:
                self.flush(batch, began)
            except UnknownFormat as error:
                unknown[batch.partition] = f"{batch.partition}: {error}"
        # One log that is none must not hold up the others; its lines are read again, when there are more of them.
        self._must_resume = bool(unknown)
        self.problems = list(unknown.values())
        return sum(len(batch.lines) for batch in batches if batch.partition not in unknown)

    def flush(self, batch: Batch, read_at: float, last: bool = False) -> None:
        """Counts one batch and stores it with its position, in one transaction.

        read_at: clock seconds when its reading began. last: the end of a replay; lines still doubted are decided about.
        Raises UnknownFormat when its lines fit no format and there may be others to come.
        """
        moved = batch.next != batch.start or batch.gaps or last
        if not moved and not self._worth_noting(batch, read_at):
            return
        fold = self._fold_of(batch.partition)
        malformed: dict[str, list[str]] = {}
        counts: dict[str, int] = {}
        ceiling = self._ceiling()
        for start in range(0, len(batch.lines), TOGETHER):
            parsed = self._parse(batch.partition, batch.lines[start : start + TOGETHER])
            fold.add(parsed.requests, parsed.lines, ceiling)
            for reason, line in parsed.malformed:
                counts[reason] = counts.get(reason, 0) + 1
                if counts[reason] <= SAMPLES:
                    malformed.setdefault(reason, []).append(redact(line))
        if last:
            fold.finish()
        with self.store.write() as tx:
            self._store(tx, batch, fold, malformed, counts, read_at, len(batch.lines))
        self.lines_read += len(batch.lines)

    def store_counted(self, batch: Batch, counted: Counted) -> bool:
        """Stores what a helper counted of the lines that come next; False: they must be read and counted in order."""
        fold = self._fold_of(batch.partition)
        if fold.is_holding or not counted.fits(
            fold.watermark, self._lateness, self._services, fold.rulebook.max_services
        ):
            return False
        fold.absorb(counted.tallies, counted.highest, counted.services, counted.first_second)
        with self.store.write() as tx:
            self._store(tx, batch, fold, counted.malformed, counted.malformed_counts, 0.0, counted.lines)
        return True

    def _fold_of(self, partition: str) -> Fold:
        rulebook = self._rulebook()
        fold = self._folds.get(partition)
        if fold is None or fold.rulebook is not rulebook:
            watermark = fold.watermark if fold else self._watermarks.get(partition, 0)
            fold = self._folds[partition] = Fold(rulebook, self._services, watermark, self._lateness)
        return fold

    def _store(
        self,
        tx: Connection,
        batch: Batch,
        fold: Fold,
        malformed: dict[str, list[str]],
        counts: dict[str, int],
        read_at: float,
        lines: int,
    ) -> None:
        closed = {}
        for shard in range(self._shards):
            through = minutes.closed_through(tx, shard, lock=True)
            closed[shard] = through.second if through else 0
        folded = fold.take()
        too_late = minutes.append(tx, folded.tallies, self._shards, closed)
        parser = self._parsers.get(batch.partition)
        flush = positions.Advance(
            source=self.source,
            partition=batch.partition,
            old=batch.start,
            new=batch.next,
            watermark=fold.watermark,
            caught_up_at=read_at if batch.at_end else None,
            backlog=batch.backlog,
            unit=self.backend.unit,
            format=parser.name if parser else "",
            lines=lines,
            late=folded.late + too_late,
            quarantined=folded.quarantined,
            malformed=malformed,
            malformed_counts=counts,
            at=self._now(),
        )
        positions.advance(tx, flush)
        positions.add_services(tx, folded.new_services, folded.first_second)
        for gap in batch.gaps:
            at = fold.watermark or int(read_at)
            processes.report(tx, gap.kind, gap.detail, at, at, self.source, batch.partition, gap.lost, gap.unit)

    def _ceiling(self) -> int | None:
        return None if self._ahead is None else int(self._now()) + self._ahead

    def _worth_noting(self, batch: Batch, read_at: float) -> bool:
        """An idle partition is noted every second, so that its minutes can close."""
        if not batch.at_end or read_at - self._idle_noted.get(batch.partition, 0.0) < 1.0:
            return False
        self._idle_noted[batch.partition] = read_at
        return True

    def _parse(self, partition: str, lines: Sequence[bytes]) -> Parsed:
        parser = self._parsers.get(partition) or self._recognise(partition, lines)
        parsed = parser.parse(lines) if parser else Parsed([], [], [(UNKNOWN_FORMAT, line) for line in lines])
        if parsed.requests or self._log_format != "auto":
            self._unreadable.pop(partition, None)
            return parsed
        # Not one line: nginx may have been given another log_format. Blindness must not last until somebody notices.
        unreadable = [*self._unreadable.get(partition, ()), *lines][-SAMPLE:]
        self._unreadable[partition] = unreadable
        if len(unreadable) < UNREADABLE:
            return parsed
        try:
            found = parser_for("auto", unreadable)
        except UnknownFormat:
            return parsed
        self._take_format(partition, found)
        self._unreadable.pop(partition, None)
        return found.parse(lines)

    def _recognise(self, partition: str, lines: Sequence[bytes]) -> Parser | None:
        """Recognises the format from the first lines of a partition. None: enough lines were seen, and it is no log."""
        try:
            found = parser_for(self._log_format, lines[:SAMPLE])
        except UnknownFormat as error:
            if len(lines) < SAMPLE or self._log_format != "auto" or self._ahead is None:
                raise
            log.error("%s: %s", partition, error)
            return None
        self._take_format(partition, found)
        return found

    def _take_format(self, partition: str, parser: Parser) -> None:
        self._parsers[partition] = parser
        log.info("%s: %s, %s", partition, parser.name, parser.description)
