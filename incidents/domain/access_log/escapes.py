"""What nginx and Apache do to bytes that would break a line, undone.

Text arrives here as latin-1: one character for each byte. It leaves as what the bytes mean in UTF-8; bytes that mean
nothing stay visible as \\xHH, so that two logs of the same request agree on them whatever their escaping.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Escape = Literal["default", "json", "none"]

_HEX = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_JSON = re.compile(
    r"\\(?:u([0-9A-Fa-f]{4})(?:(?<=u[Dd][89ABab]..)\\u([Dd][C-Fc-f][0-9A-Fa-f]{2}))?+|x([0-9A-Fa-f]{2})|(.))", re.DOTALL
)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def from_default(text: str) -> str:
    """Undoes escape=default: \\xHH. Also Apache's backslash before a quote, and its \\n and the like."""
    if "\\" in text:
        text = _HEX.sub(_hex, text)
    return from_bytes(text)


def from_json(text: str) -> str:
    """Undoes escape=json. \\xHH is taken too: people put escape=default into a JSON log_format."""
    return from_bytes(_JSON.sub(_json, text) if "\\" in text else text)


def from_bytes(text: str) -> str:
    """latin-1 characters as the UTF-8 that they are the bytes of; what is not UTF-8 becomes \\xHH."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "backslashreplace")


UNESCAPE: dict[Escape, Callable[[str], str]] = {"default": from_default, "json": from_json, "none": from_bytes}


def _hex(match: re.Match[str]) -> str:
    code, other = match.groups()
    return chr(int(code, 16)) if code else _CONTROL.get(other, other)


def _json(match: re.Match[str]) -> str:
    wide, half, code, other = match.groups()
    if code:
        return chr(int(code, 16))
    if not wide:
        return _CONTROL.get(other, other)
    point = int(wide, 16)
    if half:
        point = 0x10000 + (point - 0xD800 << 10) + int(half, 16) - 0xDC00
    # Back into UTF-8 bytes, each a latin-1 character, as everything around it is. Half a surrogate pair alone would
    # make text that no database can store: it becomes "?".
    return chr(point).encode("utf-8", "replace").decode("latin-1")
