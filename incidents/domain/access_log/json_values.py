"""One JSON line with patience: what the fast decoder refuses, and what a sample line holds."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from incidents.domain.access_log.escapes import from_json
from incidents.domain.access_log.names import Field
from incidents.domain.access_log.request import LONGEST_LINE, Malformed, Reason, Request
from incidents.domain.access_log.times import epoch, event_time

Value = object
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on foreign input. RecursionError is its answer to thousands of brackets."""

LONGEST_REQUEST = 1e9
"""Seconds; more is no duration."""

_LARGEST = 1e15
"""No number of ours is larger, and Python refuses to write out an int of some thousand digits."""

_decode = msgspec.json.Decoder().decode
_NUMBER = re.compile(r"\d{1,20}+(?:\.\d{0,20}+)?", re.ASCII)

# One `"key": value` with what follows it. nginx writes status 009 and an empty $upstream_response_time just so into
# a bare place, and raw bytes of any kind into strings: neither is JSON, both are plain to read. Every quantifier is
# possessive, so a hostile line costs no more than its length.
_PAIR = re.compile(
    r"""\s*+"((?:[^"\\]|\\.)*+)"\s*+:\s*+"""
    r"""(?:"((?:[^"\\]|\\.)*+)"|((?:[^",{}\[\]]|,(?!\s*+"))*+))"""
    r"""\s*+(,|\}\s*+\Z)""",
    re.DOTALL | re.ASCII,
)


def object_of(line: bytes) -> Mapping[str, Value]:
    """The keys of a line that is one flat JSON object, or nearly. Raises Malformed."""
    if len(line) > LONGEST_LINE:
        raise Malformed(Reason.TOO_LONG)
    try:
        value = _decode(line)
    except UNDECODABLE:
        return _scan(line.strip().decode("latin-1"))
    if not isinstance(value, dict):
        raise Malformed(Reason.NOT_JSON)
    return value


def request_of(values: Mapping[str, Value], keys: Mapping[Field, str], optional: Mapping[Field, str]) -> Request:
    """Builds the Request by hand; `optional` says what stands in for an empty field. Raises Malformed."""
    text = {field: text_of(values.get(keys[field])) or optional.get(field, "") for field in TEXT_FIELDS}
    return Request(
        time=_time_of(values.get(keys["time"])),
        status=_status_of(values.get(keys["status"])),
        request_time=duration_of(values.get(keys["request_time"])),
        **text,
    )


TEXT_FIELDS: tuple[Field, ...] = (
    "service",
    "host",
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "request_id",
)


def text_of(value: Value) -> str:
    """Numbers as nginx would have written them; null, true and whole objects count as nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def duration_of(value: Value) -> float:
    """Seconds, or -1.0 when there are none to read."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return -1.0
    # Written so that NaN fails too.
    return float(value) if 0 <= value <= LONGEST_REQUEST else -1.0


def time_of(value: Value) -> float:
    """Event time out of any value. Raises Malformed(bad-time)."""
    if isinstance(value, str):
        return event_time(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(Reason.BAD_TIME)
    return epoch(value)


def _time_of(value: Value) -> float:
    if value is None or value in ("", "-"):
        raise Malformed(Reason.MISSING_TIME)
    return time_of(value)


def _status_of(value: Value) -> int:
    if value is None or value in ("", "-"):
        raise Malformed(Reason.MISSING_STATUS)
    if isinstance(value, str) and len(value) <= 3 and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or not 0 <= value <= 999:
        raise Malformed(Reason.BAD_STATUS)
    return int(value)


def _scan(text: str) -> dict[str, Value]:
    if not text:
        raise Malformed(Reason.EMPTY)
    if text[0] != "{":
        raise Malformed(Reason.NOT_JSON)
    found: dict[str, Value] = {}
    at = 1
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            raise Malformed(Reason.NOT_JSON)
        key, quoted, bare, _ = pair.groups()
        found[from_json(key)] = from_json(quoted if bare is None else bare.strip())
        at = pair.end()
    # A line cut off right after a comma gets here too.
    if text[-1] != "}":
        raise Malformed(Reason.NOT_JSON)
    return found
