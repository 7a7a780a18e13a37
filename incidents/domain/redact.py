"""Takes the secrets out of a log line before anybody but nginx keeps or shows it.

Whoever reads an alert is not whoever may hold a customer's session. What looks like a credential becomes `***`; what is
needed to find the request again (request id, upstream address, status, times) stays. The same line always gives the
same result, and a redacted line redacts to itself.

Linear time: every pattern starts at a fixed word or behind a look-behind and repeats classes that exclude what follows
them, so no pattern can start over inside its own match. Lines are strangers' input: a slow pattern would be a weapon.
"""

from __future__ import annotations

import re

MASK = "***"
CAP = 2048
"""Bytes of UTF-8 that a kept line may have, the ellipsis included."""

_LOOKED_AT = 4 * CAP
"""Bytes that are searched: more than are kept, so that a secret is not cut in two before it is recognised."""

# Names that give a secret away wherever they stand at the end of a name: token, access_token, csrfToken, X-Api-Key.
_ENDINGS = (
    r"token|secret|password|passwd|passphrase|pwd|jwt|signature|credentials?|authorization|"
    r"(?:api|app|access|secret|private|auth|sign|encryption)[_.-]?key|sess(?:ion)?[_.-]?(?:id|key)|phpsessid|otp"
)
# Short words that are common endings of harmless names (author, status_code, design, monkey): only when they stand
# alone.
_WHOLE = r"key|auth|sign|sig|session|sid|code|ticket|pass|pin|cvv|cvc"

# Where a whole name may start: not inside a word, but right behind an escaped ? & " ; or space.
_START = (
    r"(?:(?<![A-Za-z0-9_-])|(?<=%3F)|(?<=%26)|(?<=%3B)|(?<=%20)|(?<=%22)|(?<=%253F)|(?<=%2526)|(?<=%2522)|(?<=\\x22))"
)
_SUBSCRIPT = r"(?:\[[^\]\s&=]{0,16}\]|%5[Bb][^%\s&=]{0,16}%5[Dd])?"

# A name and the separator that ends it. `=` in queries and cookies, also percent-encoded once or more; a JSON colon,
# also inside JSON in JSON, and as nginx's default escaping writes quotes (\x22); a header's colon only after a
# telling name.
_PAIR = re.compile(
    rf"(?P<name>(?:{_ENDINGS})|{_START}(?P<whole>{_WHOLE})){_SUBSCRIPT}"
    r"(?:"
    r'(?P<quoted>=")(?P<v1>[^"]*)'
    r"|=(?P<v2>(?:\\.|[^\s&;\"\\#])*)"
    r"|%(?:25){0,3}3[Dd](?P<v3>(?:%(?!(?:25){0,3}26)|[^%\s&;\"\\#])*)"
    r'|"\s?:\s?"(?P<v4>(?:\\.|[^"\\])*)'
    r'|"\s?:\s?(?P<v5>[^\s",}\]\[{]+)'
    r'|\\"\s?:\s?\\"(?P<v6>(?:\\[^"]|[^"\\])*)'
    r"|\\x22\s?:\s?\\x22(?P<v7>(?:\\(?!x22).|[^\"\\])*)"
    r"|%22(?:%20|\+)?%3A(?:%20|\+)?%22(?P<v9>(?:%(?!22)|[^%\s&\"\\])*)"
    r"|(?:(?<!code)(?<!key):\s)(?P<v8>(?:(?:bearer|basic|digest|token)\s)?[^\s\",;]+)"
    r")",
    re.IGNORECASE,
)
# Each name above holds one of these. Most lines hold none, and looking for them costs a hundredth of trying _PAIR.
_PAIR_WORDS = (
    "token", "secret", "pass", "pwd", "jwt", "sig", "credential", "auth", "key", "sess", "otp", "sid", "code",
    "ticket", "pin", "cvv", "cvc",
)  # fmt: skip
_VALUES = ("v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9")

_SCHEME = re.compile(r"(?<![A-Za-z])(bearer|basic)((?: |%20|\+)+)[A-Za-z0-9._~+/=%-]{6,}", re.IGNORECASE)
_SCHEME_WORDS = ("bearer", "basic")
_USERINFO = re.compile(r"(://|%3A%2F%2F)[^/\s\"?#\\%]{1,256}(?:%3A[^/\s\"?#\\%]{0,256})?(@|%40)", re.IGNORECASE)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?")
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|AKIA|AIza|whsec_)[\w-]{12,}"
)
_KNOWN_PREFIXES = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk-", "sk_", "AKIA", "AIza", "whsec_"
)  # fmt: skip
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|3\d{3}([ -])\d{6}\2\d{5})(?![\w.]|-\d)",
    re.ASCII,
)
_ID_BEFORE = re.compile(r"(?:request_?id|rid|trace_?id|span_?id)\W{1,6}\Z", re.IGNORECASE)
_STATUS = re.compile(r"\d{3}", re.ASCII)


def redact(line: bytes | str) -> str:
    """The line without its secrets, at most CAP bytes of UTF-8, cut at a character.

    Bytes that are no UTF-8 become `\\xff`, lone surrogates `\\udcff`: nothing is lost and everything can be encoded.
    """
    raw = line if isinstance(line, bytes) else line[:_LOOKED_AT].encode("utf-8", "backslashreplace")
    # A power cut leaves NUL bytes in a log, and PostgreSQL takes none.
    text = raw[:_LOOKED_AT].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    if "@" in text or "%40" in text:
        text = _USERINFO.sub(rf"\1{MASK}\2", text)
    if _may_hold(_PAIR_WORDS, text):
        text = _PAIR.sub(_mask_pair, text)
    if _may_hold(_SCHEME_WORDS, text):
        text = _SCHEME.sub(rf"\1\2{MASK}", text)
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if any(prefix in text for prefix in _KNOWN_PREFIXES):
        text = _KNOWN.sub(MASK, text)
    text = _CARD.sub(_mask_card, text)
    return _cap(text, len(raw) > _LOOKED_AT)


def _may_hold(words: tuple[str, ...], text: str) -> bool:
    """Whether a pattern that needs one of these words is worth trying. False only where it cannot match."""
    # Ignoring case, an expression takes more than ASCII for ASCII: "\u017f" (a long s) is an s to it. lower() does not.
    if not text.isascii():
        return True
    lowered = text.lower()
    return any(word in lowered for word in words)


def _mask_pair(found: re.Match[str]) -> str:
    group = next(name for name in _VALUES if found[name] is not None)
    value = found[group]
    if value in ("", "-"):
        return found[0]  # nginx's way of saying that there is none: that is worth knowing
    if found["whole"] and found["whole"].lower() == "code" and _STATUS.fullmatch(value):
        return found[0]  # a status, not an authorization code
    return found[0][: found.start(group) - found.start()] + MASK


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(character) for character in found[0] if character.isdigit()]
    if not _looks_issued(digits) or not _luhn(digits):
        return found[0]
    if _ID_BEFORE.search(found.string, max(0, found.start() - 24), found.start()):
        return found[0]
    return MASK


def _looks_issued(digits: list[int]) -> bool:
    """Length and first digits as card issuers use them; a time in milliseconds or an order number rarely has both."""
    two = digits[0] * 10 + digits[1]
    match len(digits):
        case 13:
            return digits[0] == 4
        case 14:
            return two in (30, 36, 38, 39)
        case 15:
            return two in (34, 37)
        case 16:
            return digits[0] in (4, 5, 6) or 22 <= two <= 27 or two == 35
        case 19:
            return digits[0] == 4 or two in (60, 62, 63, 67)
        case _:
            return False


def _luhn(digits: list[int]) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _cap(text: str, was_longer: bool) -> str:
    encoded = text.encode()
    if len(encoded) <= CAP and not was_longer:
        return text
    return encoded[: CAP - len("…".encode())].decode("utf-8", "ignore") + "…"
