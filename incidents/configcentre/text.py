"""Bytes into text that a YAML parser can be given: UTF-8, printable, of a bounded size."""

from __future__ import annotations

import re

from incidents.domain.errors import BadRulebook

MAX_BYTES = 1024 * 1024

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def decoded(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise _too_large(source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line_at(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise BadRulebook(source, line, message) from None


def checked(text: str, source: str) -> str:
    # The first comparison is cheap and spares the second a copy of something huge.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _too_large(source)
    if found := UNPRINTABLE.search(text):
        what = "a NUL byte" if found[0] == "\0" else f"the control character U+{ord(found[0]):04X}"
        raise BadRulebook(source, _line_at(text[: found.start()]), f"{what} does not belong into a text file")
    return text


def _too_large(source: str) -> BadRulebook:
    return BadRulebook(source, 0, f"the document is larger than {MAX_BYTES // 1024} KiB")


def _line_at(before: str) -> int:
    return 1 + len(LINE_BREAK.findall(before))
