"""JSON logs: many lines to one call of the decoder, patience only for the lines that need it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from incidents.domain.access_log.json_keys import Keys
from incidents.domain.access_log.json_values import (
    LONGEST_REQUEST,
    TEXT_FIELDS,
    UNDECODABLE,
    object_of,
    request_of,
    text_of,
    time_of,
)
from incidents.domain.access_log.names import FIELDS, Field, describe
from incidents.domain.access_log.request import LONGEST_LINE, Batch, Malformed, Request
from incidents.domain.access_log.times import EARLIEST, LATEST

TOGETHER = 64
FEWER = 8
"""Lines decoded as one array. One bad line spoils its array, so a spoilt one is tried again in small pieces first."""


class JsonLines:
    """Parser of logs with one JSON object a line."""

    name = "json"

    def __init__(self, keys: Keys) -> None:
        self._names = keys.names
        self._optional = keys.optional()
        self._decode = msgspec.json.Decoder(_rows_of(keys), strict=False).decode
        self._repairs = [_never_empty(field) for field in self._optional]
        self._convert_time = not keys.seconds
        self._convert_text = sorted(keys.not_text)
        self.description = "JSON; " + describe({field: keys.names[field] for field in FIELDS if field in keys.found})

    def parse(self, lines: Sequence[bytes]) -> Batch:
        batch = Batch([], [], [])
        for start in range(0, len(lines), TOGETHER):
            self._parse(lines[start : start + TOGETHER], batch)
        return batch

    def _parse(self, lines: Sequence[bytes], batch: Batch) -> None:
        rows = self._together(lines)
        if rows is not None:
            batch.requests.extend(rows)
            batch.lines.extend(lines)
        elif len(lines) > FEWER:
            for start in range(0, len(lines), FEWER):
                self._parse(lines[start : start + FEWER], batch)
        else:
            for line in lines:
                self._one(line, batch)

    def _together(self, lines: Sequence[bytes]) -> list[Request] | None:
        if max(map(len, lines)) > LONGEST_LINE:
            return None
        try:
            # A newline cannot stand in a JSON string, so a quote left open cannot swallow the next line; and two
            # objects on one line, or one on two, show in the number of rows. To make up one for the other takes
            # somebody who writes raw lines, and who could as well write requests that never were.
            rows = self._decode(b"[" + b",\n".join(lines) + b"]")
        except UNDECODABLE:
            return None
        if len(rows) != len(lines):
            return None
        try:
            if self._convert_time:
                for row in rows:
                    row.time = time_of(row.time)
        except Malformed:
            return None
        for field in self._convert_text:
            for row in rows:
                setattr(row, field, text_of(getattr(row, field)))
        for repair in self._repairs:
            repair(rows)
        return rows

    def _one(self, line: bytes, batch: Batch) -> None:
        rows = self._together((line,))
        try:
            request = rows[0] if rows else request_of(object_of(line), self._names, self._optional)
        except Malformed as found:
            batch.malformed.append((found.reason, line))
        else:
            batch.requests.append(request)
            batch.lines.append(line)


def _rows_of(keys: Keys) -> type[list[Request]]:
    """A list of a Request subclass that reads this log's keys and refuses what needs a closer look."""
    types: dict[Field, Any] = {
        "time": Annotated[float, Meta(ge=EARLIEST, le=LATEST)] if keys.seconds else str | int | float,
        "status": Annotated[int, Meta(ge=0, le=999)],
        "request_time": Annotated[float, Meta(ge=0, le=LONGEST_REQUEST)],
    }
    for field in TEXT_FIELDS:
        types[field] = str | int | float | None if field in keys.not_text else str
    optional = keys.optional()
    defaults: dict[Field, Any] = {field: optional.get(field, "") for field in TEXT_FIELDS} | {"request_time": -1.0}
    row = msgspec.defstruct(
        "JsonRequest",
        [(f, types[f], defaults[f]) if f in defaults else (f, types[f]) for f in FIELDS],
        bases=(Request,),
        rename=cast(dict[str, str], dict(keys.names)),
        gc=False,
    )
    return cast(type[list[Request]], list[row])  # type: ignore[valid-type]


class _never_empty:  # noqa: N801 - used like a function
    """ "" means that the format has no such field: an empty one is "-". Looks at all rows in C, mends in Python."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._get = attrgetter(field)

    def __call__(self, rows: Sequence[Request]) -> None:
        if not all(map(self._get, rows)):
            for row in rows:
                if not self._get(row):
                    setattr(row, self._field, "-")
