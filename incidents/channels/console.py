"""Writes messages to standard output, in a frame: for a first look, for demos, for containers whose output is kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from incidents.channels.attempt import Attempt, run
from incidents.channels.base import Channel, Outgoing
from incidents.channels.options import Options
from incidents.domain.errors import DeliveryError

_RULE = "─" * 78


class ConsoleChannel(Channel):
    """Takes no options. `stream` stands in for standard output."""

    def __init__(
        self,
        name: str,
        options: Mapping[str, object],
        clock: Callable[[], float] = time.time,
        *,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(name, options, clock)
        Options(name, "console", options, ())
        self._stream = stream

    @property
    def target(self) -> str:
        return "standard output"

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        # Looked up now, not at start: whoever redirects sys.stdout later means messages too.
        stream = self._stream or sys.stdout
        if stream is None or stream.closed:
            raise DeliveryError("standard output is closed", permanent=True)
        return run(lambda attempt: _write(stream, outgoing, attempt), deadline_seconds)


def _write(stream: TextIO, outgoing: Outgoing, attempt: Attempt) -> str:
    encoding = stream.encoding or "utf-8"
    framed = _framed(outgoing).encode(encoding, "backslashreplace").decode(encoding)
    attempt.commit()  # a full pipe blocks after the first part of it went out
    try:
        stream.write(framed)  # in one piece, so that messages of several workers do not mix
        stream.flush()
    except (OSError, ValueError) as error:
        # BrokenPipeError: the reader has gone. ValueError: closed meanwhile.
        raise DeliveryError(f"standard output is gone: {type(error).__name__}", permanent=True) from error
    return f"written, {len(framed)} characters"


def _framed(outgoing: Outgoing) -> str:
    body = "\n".join(f"│ {line}".rstrip() for line in outgoing.rendered.text.rstrip().split("\n"))
    return f"┌{_RULE}\n│ {outgoing.rendered.subject}\n├{_RULE}\n{body}\n└{_RULE}\n"
