"""Makes strangers' text fit to be shown: nothing invisible, nothing that reorders or breaks what stands around it."""

from __future__ import annotations

import re

# What Unicode calls control, format, surrogate, line and paragraph separator, and characters that are shown as nothing:
# CR and LF would end a header or a row, U+202E shows "exe.fdp" as "pdf.exe", lone surrogates no encoder takes.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

ELLIPSIS = "…"


def visible(text: str) -> str:
    """One line in which every character that cannot be seen stands as an escape. A tab becomes a space."""
    return _UNSEEN.sub(_escape, text.replace("\t", " "))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shown(text: str, limit: int) -> str:
    """`visible`, in at most `limit` characters, with an ellipsis where something is missing."""
    # Escapes only lengthen: cutting before saves the work on a line of many kilobytes, cutting after keeps the limit.
    text = visible(text[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS
