"""What a log line becomes: a Request, or a reason why it is none."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

LONGEST_LINE = 64 * 1024
"""Bytes. A longer line is not parsed: nginx cannot write it with any sane buffer, so it is junk or an attack."""


class Request(msgspec.Struct, gc=False):
    """One line of the access log.

    In every text field but `service`, "-" and "" are the same: nginx writes the first in text logs and the second with
    `escape=json`. Parsers of text lines turn "-" into ""; the JSON parser leaves what it finds, because touching each
    row would cost as much as decoding it. `attempts()` takes either.

    The JSON parser returns instances of a subclass that is made for the log's key names, so compare field by field:
    `==` between msgspec Structs is False when their types differ.
    """

    time: float
    """Event time: the end of the request, seconds since the epoch, UTC."""
    status: int
    """Final status, 0 to 999; nginx's "000" is 0 and the "009" of an HTTP/0.9 request is 9."""
    request_time: float = -1.0
    """Seconds; -1.0 when it is not logged or "-"."""
    service: str = ""
    """The log's own service field; "" when the format has none, "-" when the field is there and empty."""
    host: str = ""
    """Server name or host, whichever the format has; "" when it has none, "-" when the field is there and empty."""
    upstream_addr: str = ""
    """The list as nginx writes it, as the next two: see `attempts()`. "" (or "-") when there was no upstream."""
    upstream_status: str = ""
    upstream_response_time: str = ""
    request_id: str = ""


class Reason(StrEnum):
    """Why a line is malformed: a closed set, so that it can be a label of a metric."""

    EMPTY = "empty"
    TOO_LONG = "too-long"
    NOT_JSON = "not-json"
    """Not JSON, or JSON that is not an object."""
    NO_MATCH = "no-match"
    """A text line of another shape than the format's."""
    MISSING_TIME = "missing-time"
    BAD_TIME = "bad-time"
    MISSING_STATUS = "missing-status"
    BAD_STATUS = "bad-status"


class Batch(NamedTuple):
    """The outcome for a sequence of lines. Each line is in exactly one of the two: nothing is uncounted."""

    requests: list[Request]
    lines: list[bytes]
    """lines[i] is the line of requests[i]."""
    malformed: list[tuple[str, bytes]]
    """(Reason, line), in order."""


class Parser(Protocol):
    """Turns lines into requests. Never raises on any bytes; keeps no state but caches."""

    @property
    def name(self) -> str:
        """json, combined, combined+, common or log_format."""

    @property
    def description(self) -> str:
        """One phrase for people: which fields were found, and under which names."""

    def parse(self, lines: Sequence[bytes]) -> Batch:
        """Lines with or without their line end."""


class Malformed(Exception):
    """A line is no request, for this reason. Never leaves this package."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason)
