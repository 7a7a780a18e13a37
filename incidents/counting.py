"""Counting big logs on every processor: helpers fold pieces of a log, one process puts the pieces together in order.

Whether a line is late or doubtful depends on the lines before it, which a helper has not seen. So a helper counts its
piece on the assumption that nothing in it is, and says what it saw; `fits` decides whether that holds after what came
before. Where it does not, the piece is counted again in order, by the one process. The result is the same in any case.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import IO

import msgspec

from backends.lines import BLOCK, LineBuffer
from incidents.domain.access_log import Parser, parser_for
from incidents.domain.errors import TocsinError
from incidents.domain.fold import Fold
from incidents.domain.minute import ServiceTally
from incidents.domain.redact import redact
from incidents.domain.rulebook import Rulebook
from incidents.domain.watermark import AHEAD, late_before

PIECE = 8 << 20
"""Bytes of one piece: some ten thousand lines, so that a piece counted again costs little."""

SLICE = 2000
"""Lines parsed and folded together."""

SAMPLES = 3
"""Malformed lines kept of each reason and piece."""

UNREADABLE = 20
"""Lines that must all be malformed before a piece is left to the process that may look at the format again."""


class Piece(msgspec.Struct, frozen=True):
    """A part of a plain file that begins and ends between two lines, in bytes."""

    path: str
    start: int
    end: int


class Task(msgspec.Struct, frozen=True):
    """What a helper is told at its start. `sample` are the log's first lines: the format is recognised from them."""

    rulebook: Rulebook
    log_format: str
    sample: list[bytes]
    lateness: int


class Counted(msgspec.Struct):
    """One piece, counted as if nothing in it were late. `simple` is False when the piece itself says otherwise."""

    simple: bool = True
    lines: int = 0
    first: int = 0
    lowest: int = 0
    highest: int = 0
    tallies: list[tuple[int, dict[str, ServiceTally]]] = []
    services: list[str] = []
    first_second: int = 0
    malformed: dict[str, list[str]] = {}
    malformed_counts: dict[str, int] = {}

    def fits(self, watermark: int, lateness: int, services: set[str], most_services: int) -> bool:
        """Whether counting in order, with this watermark before the piece, would have counted the same."""
        return (
            self.simple
            and watermark > 0
            and self.first <= watermark + AHEAD
            and self.lowest >= late_before(watermark, lateness)
            and len(services.union(self.services)) < most_services
        )


def pieces(path: str, size: int = PIECE) -> Iterator[Piece]:
    """Cuts a plain file into pieces at line ends."""
    with Path(path).open("rb") as log:
        end = os.fstat(log.fileno()).st_size
        start = 0
        while start < end:
            log.seek(min(start + size, end))
            log.readline()
            stop = min(log.tell(), end)
            yield Piece(path, start, stop)
            start = stop


def lines_of(piece: Piece) -> Iterator[list[bytes]]:
    """The lines of a piece, a block at a time."""
    buffer = LineBuffer()
    with Path(piece.path).open("rb", buffering=0) as log:
        log.seek(piece.start)
        left = piece.end - piece.start
        while left and (data := log.read(min(BLOCK, left))):
            left -= len(data)
            buffer.feed(data)
            yield buffer.take()
    yield buffer.flush()


def count(piece: Piece, parser: Parser, task: Task) -> Counted:
    """Folds one piece on the assumption that nothing in it is late."""
    counted = Counted(tallies=[], services=[], malformed={}, malformed_counts={})
    fold: Fold | None = None
    for block in lines_of(piece):
        counted.lines += len(block)
        for at in range(0, len(block), SLICE):
            some = block[at : at + SLICE]
            parsed = parser.parse(some)
            for reason, line in parsed.malformed:
                counted.malformed_counts[reason] = counted.malformed_counts.get(reason, 0) + 1
                if counted.malformed_counts[reason] <= SAMPLES:
                    counted.malformed.setdefault(reason, []).append(redact(line))
            if not parsed.requests:
                counted.simple = counted.simple and len(some) < UNREADABLE
                continue
            seconds = [int(request.time) for request in parsed.requests]
            if fold is None:
                counted.first = counted.lowest = seconds[0]
                fold = Fold(task.rulebook, set(), seconds[0], task.lateness)
            counted.lowest = min(counted.lowest, *seconds)
            fold.add(parsed.requests, parsed.lines)
    if fold is None:
        counted.simple = False  # nothing to go by
        return counted
    folded = fold.take()
    counted.simple = counted.simple and not (folded.late or folded.quarantined or fold.is_holding)
    counted.highest = fold.watermark
    counted.tallies = [(key.minute, tallies) for key, tallies in folded.tallies.items()]
    counted.services = folded.new_services
    counted.first_second = folded.first_second
    return counted


def count_all(task: Task, todo: Iterator[Piece], helpers: int) -> Iterator[tuple[Piece, Counted]]:
    """Has the pieces counted by so many helper processes; gives them back in order."""
    with ExitStack() as closing:
        hands = [closing.enter_context(_Helper(task)) for _ in range(helpers)]
        waiting: deque[tuple[Piece, _Helper]] = deque()
        for piece, hand in zip(todo, cycle(hands), strict=False):
            hand.ask(piece)
            waiting.append((piece, hand))
            if len(waiting) >= 2 * helpers:
                done, helper = waiting.popleft()
                yield done, helper.answer()
        while waiting:
            done, helper = waiting.popleft()
            yield done, helper.answer()


class _Helper:
    """One helper process, spoken to through pipes: msgpack messages behind their lengths."""

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "incidents.counting"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        _write(self._process.stdin, msgspec.msgpack.encode(task))

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends with its input; killed when there is no reason any more to let it finish."""
        self._process.kill()
        self._process.communicate()

    def ask(self, piece: Piece) -> None:
        _write(self._process.stdin, msgspec.msgpack.encode(piece))

    def answer(self) -> Counted:
        data = _read(self._process.stdout)
        if data is None:
            raise TocsinError("a process that counts lines has died; is there enough memory?")
        return msgspec.msgpack.decode(data, type=Counted)


def _write(stream: IO[bytes] | None, data: bytes) -> None:
    if stream is not None:
        stream.write(len(data).to_bytes(8, "big") + data)
        stream.flush()


def _read(stream: IO[bytes] | None) -> bytes | None:
    head = stream.read(8) if stream is not None else b""
    if stream is None or len(head) < 8:
        return None
    return stream.read(int.from_bytes(head, "big"))


def main() -> None:
    """A helper: a task, then pieces until the input ends."""
    given = _read(sys.stdin.buffer)
    if given is None:
        return
    task = msgspec.msgpack.decode(given, type=Task)
    parser = parser_for(task.log_format, task.sample)
    while (asked := _read(sys.stdin.buffer)) is not None:
        counted = count(msgspec.msgpack.decode(asked, type=Piece), parser, task)
        _write(sys.stdout.buffer, msgspec.msgpack.encode(counted))


def can_share(paths: Sequence[str], smallest: int = 8 * PIECE) -> bool:
    """Whether the work is worth sharing: plain files, big enough, and more than one processor."""
    if (os.cpu_count() or 1) < 2:
        return False
    total = 0
    for path in paths:
        found = Path(path)
        if path == "-" or not found.is_file():
            return False
        with found.open("rb") as log:
            if log.read(2) == b"\x1f\x8b":
                return False
        total += found.stat().st_size
    return total >= smallest


if __name__ == "__main__":
    main()
