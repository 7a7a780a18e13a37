"""Text logs: one regular expression match a line, then nine strings become a Request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from incidents.domain.access_log.escapes import UNESCAPE
from incidents.domain.access_log.names import FIELDS, Field, describe
from incidents.domain.access_log.pattern import Pattern
from incidents.domain.access_log.request import LONGEST_LINE, Batch, Malformed, Reason, Request
from incidents.domain.access_log.times import epoch, event_time

Nine = tuple[str, ...]
"""The texts of FIELDS, in that order; "" for what is not there."""


class TextLines:
    """Parser of logs that follow one pattern.

    `labels` are what the log itself calls fields, for the description.
    `otherwise` gets the lines that do not, as latin-1 text: it raises Malformed or finds the nine fields after all.
    """

    def __init__(
        self,
        name: str,
        pattern: Pattern,
        otherwise: Callable[[str], Nine] | None = None,
        labels: Mapping[Field, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.description = f"{name}; " + describe({**pattern.variables, **labels})
        self._otherwise = otherwise
        self._unescape = UNESCAPE[pattern.escape]
        # A group that is always empty stands for every field that this format lacks, so that all formats give the
        # same nine strings and share one loop.
        regex, unescaped = (re.compile(each.pattern + "()", each.flags) for each in pattern[:2])
        self._fullmatch = regex.fullmatch
        self._unescaped_fullmatch = unescaped.fullmatch
        self._groups = tuple(regex.groupindex.get(field, regex.groups) for field in FIELDS)
        # Milliseconds hardly ever repeat, so remembering them is waste; what `otherwise` finds may be in any form.
        exact = pattern.variables["time"] == "msec" and otherwise is None
        self._moment = _epoch if exact else event_time
        self._no_service = "-" if "service" in pattern.variables else ""
        self._no_host = "-" if "host" in pattern.variables else ""

    def parse(self, lines: Sequence[bytes]) -> Batch:
        batch = Batch([], [], [])
        add_request = batch.requests.append
        add_line = batch.lines.append
        one = self._one
        for line in lines:
            try:
                request = one(line)
            except Malformed as found:
                batch.malformed.append((found.reason, line))
            else:
                add_request(request)
                add_line(line)
        return batch

    def _one(self, line: bytes) -> Request:
        if len(line) > LONGEST_LINE:
            raise Malformed(Reason.TOO_LONG)
        text = line.decode("latin-1")
        escaped = "\\" in text
        match = self._fullmatch(text) if escaped else self._unescaped_fullmatch(text)
        nine = match.group(*self._groups) if match is not None else self._odd(text)
        time, status, taken, service, host, addr, answers, times, request_id = nine
        if escaped or not text.isascii():
            undo = self._unescape
            service, host, addr, request_id = undo(service), undo(host), undo(addr), undo(request_id)
        # nginx writes "-" for nothing; escape=json writes nothing for nothing. One request must look the same in both.
        # With an address, though, "-" stands in both for an upstream that did not answer.
        if addr == "-":
            addr = answers = times = ""
        return Request(
            self._moment(time),
            int(status),
            float(taken) if taken and taken != "-" else -1.0,
            service or self._no_service,
            host if host and host != "-" else self._no_host,
            addr,
            answers,
            times,
            request_id if request_id != "-" else "",
        )

    def _odd(self, text: str) -> Nine:
        if not text.strip():
            raise Malformed(Reason.EMPTY)
        if self._otherwise is None:
            raise Malformed(Reason.NO_MATCH)
        return self._otherwise(text)


def _epoch(text: str) -> float:
    return epoch(float(text))
