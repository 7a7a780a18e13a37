"""The source of lines: readable, recognised, and on the same clock."""

from __future__ import annotations

import os
import time

from backends import BackendError, open_backend
from incidents.cli.checkup import Finding, failed, note, ok
from incidents.cli.words import harmless, second_text, span_text
from incidents.domain.access_log import parser_for
from incidents.domain.errors import UnknownFormat
from incidents.domain.watermark import AHEAD
from incidents.settings import Settings
from incidents.status import masked_url

_LOOKED_AT = 200
_TAIL = 256 * 1024
QUIET = 3600.0
"""Seconds without a new line after which a log is worth a word: nginx may write elsewhere."""


def source(settings: Settings) -> list[Finding]:
    """Whether it can be read, and the format and the newest line of a file."""
    shown = masked_url(settings.source)
    try:
        backend = open_backend(settings.source)
        try:
            backend.check()
        finally:
            backend.close()
    except BackendError as error:
        return [failed("source", harmless(str(error)), "set TOCSIN_SOURCE, or --source, to the log that nginx writes")]
    return [ok("source", f"{shown}: can be read"), *_lines(settings)]


def _lines(settings: Settings) -> list[Finding]:
    """Format and clock, for files: looking at lines of a queue would need a place in it."""
    paths = _paths(settings.source)
    if not paths:
        return [note("format", "not looked at: the source is no file")]
    found: list[Finding] = []
    for path in paths:
        newest = _tail(path)
        if not newest:
            found.append(note("format", f"{path}: no line in it yet", "send a request through nginx"))
            continue
        found += _format(path, newest, settings.log_format)
    return found


def _format(path: str, lines: list[bytes], log_format: str) -> list[Finding]:
    try:
        parser = parser_for(log_format, lines)
    except UnknownFormat as error:
        return [failed("format", f"{path}: {harmless(str(error))}", "set TOCSIN_LOG_FORMAT to the log_format of nginx")]
    batch = parser.parse(lines)
    detail = f"{path}: {parser.name} ({parser.description})"
    bad = len(batch.malformed)
    if bad:
        reasons = ", ".join(sorted({str(reason) for reason, _ in batch.malformed}))
        detail += f"; {bad} of the last {len(lines)} lines are malformed ({reasons})"
    findings = [note("format", detail) if bad else ok("format", detail)]
    if batch.requests:
        findings.append(_clock(path, max(request.time for request in batch.requests)))
    return findings


def _clock(path: str, newest: float) -> Finding:
    ahead = newest - time.time()
    detail = f"{path}: the newest line is of {second_text(newest)}"
    if ahead > AHEAD:
        remedy = "set the clocks of this machine and of the gateway (NTP): such lines are set aside, not counted"
        return failed("clock", f"{detail}, {span_text(ahead)} ahead of this machine", remedy)
    if ahead < -QUIET:
        return note("clock", f"{detail}, {span_text(-ahead)} ago", "is this the log that nginx writes now?")
    return ok("clock", f"{detail}, {span_text(-ahead)} ago")


def _paths(url: str) -> list[str]:
    from backends.file.source import Source

    scheme, colon, _ = url.partition(":")
    if colon and scheme.isalnum() and scheme.lower() != "file":
        return []
    return Source.from_url(url).paths()[:5]


def _tail(path: str) -> list[bytes]:
    """The last whole lines of a file."""
    with open(path, "rb") as file:  # noqa: PTH123  (a path from a URL, as the backend opens it)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        data = file.read(_TAIL)
    lines = data.split(b"\n")
    # The last piece has no line end yet, and the first one no beginning when the file is longer than what was read.
    return lines[1 if size > _TAIL else 0 : -1][-_LOOKED_AT:]
