"""Makes the logs that are measured: real traces, repeated until there are enough lines. The same bytes every time.

Two paces of the same traffic, because a minute costs something too:

traces  as recorded, about 530 lines a minute: a million lines are 31 hours, nearly 1,900 closed minutes (the hard one)
dense   38 clients wherever there was one, about 20,000 lines a minute: a busy gateway

Bytes that are no UTF-8 are replaced, which Tocsin does not need: mtail 3.0.0-rc50 stops counting at the first of them.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple

TRACES = ("train1", "train2")
PACES = {"traces": 1, "dense": 38}
"""Pace -> how often each line is repeated in its place."""

_JSON_TIME = re.compile(rb'("time":"?)(\d+)(\.\d{3})("?,"ts":")([^"]+)')
_JSON_ID = re.compile(rb'("request_id":")([0-9a-f]{8})')
_TEXT_TIME = re.compile(rb"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_TEXT_ID = re.compile(rb"( rid=)([0-9a-f]{8})")


class Made(NamedTuple):
    """A log on disk. `minutes`: how many minutes of event time it spans."""

    path: Path
    lines: int
    bytes: int
    minutes: int


class _Line(NamedTuple):
    """A line cut where the moment and the request id go; `second` is what the moment was."""

    second: int
    before: bytes
    between: bytes
    after: bytes
    stamps: tuple[bytes, ...]


def make_log(folder: Path, traces: Path, lines: int, pace: str, form: str = "json") -> Made:
    """`lines` lines of the traces in `form` (json or text) at a pace of PACES, made once and kept in `folder`."""
    path = folder / f"{form}-{pace}-{lines}.log"
    note = path.with_suffix(".minutes")
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        first = last = 0
        with path.open("wb") as out:
            for second, line in islice(_repeated(traces, PACES[pace], form), lines):
                first, last = first or second, max(last, second)
                out.write(line)
        # Written last: a log that was cut short by a full disk or a key press is made again.
        note.write_text(str(last // 60 - first // 60 + 1))
    return Made(path, lines, path.stat().st_size, int(note.read_text()))


def _repeated(traces: Path, copies: int, form: str) -> Iterator[tuple[int, bytes]]:
    """Lines without end, with their second: the traces one after another, again and again, each behind the last."""
    cut = _cut_json if form == "json" else _cut_text
    recorded = []
    for name in TRACES:
        with gzip.open(traces / name / f"access.{form}.log.gz") as log:
            recorded.append([cut(line.decode("utf-8", "replace").replace("\ufffd", "?").encode()) for line in log])
    number = 0
    start = min(line.second for line in recorded[0]) // 60 * 60
    while True:
        for trace in recorded:
            base = min(line.second for line in trace) // 60 * 60
            end = max(line.second for line in trace) // 60 * 60 + 60
            for line in trace:
                second = line.second + start - base
                for _ in range(copies):
                    number += 1
                    yield second, _join(line, second, number, form)
            start += end - base


def _cut_json(line: bytes) -> _Line:
    moment, identity = _JSON_TIME.search(line), _JSON_ID.search(line)
    assert moment is not None and identity is not None, line
    return _Line(
        second=int(moment[2]),
        before=line[: moment.end(1)],
        between=line[moment.end(5) : identity.end(1)],
        after=line[identity.end(2) :],
        stamps=(moment[3], moment[4]),
    )


def _cut_text(line: bytes) -> _Line:
    moment, identity = _TEXT_TIME.search(line), _TEXT_ID.search(line)
    assert moment is not None and identity is not None, line
    return _Line(
        second=int(datetime.strptime(moment[1].decode(), "%d/%b/%Y:%H:%M:%S %z").timestamp()),
        before=line[: moment.start(1)],
        between=line[moment.end(1) : identity.end(1)],
        after=line[identity.end(2) :],
        stamps=(),
    )


def _join(line: _Line, second: int, number: int, form: str) -> bytes:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    if form == "json":
        fraction, quotes = line.stamps
        when = b"%d%s%s%s" % (second, fraction, quotes, moment.isoformat().encode())
    else:
        when = moment.strftime("%d/%b/%Y:%H:%M:%S %z").encode()
    # Otherwise every copy would have the request id of its original, which no log has.
    return b"%s%s%s%08x%s" % (line.before, when, line.between, number, line.after)
