"""Shares, durations and other figures: from the text of a rulebook into values, and back into the same text.

Each reader takes what the YAML tree holds (text, list, dict) and raises ValueError that names the right spelling.
Sums are done in Decimal: 800 ms must be 0.8 s and 2 % must be 0.02, not the floating-point neighbours of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from incidents.configcentre.words import quoted, text_of

_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_SHARE = re.compile(rf"({_NUMBER})\s*(%?)")
_DURATION_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)\s*", re.IGNORECASE)
_N_OF_M = re.compile(r"(\d{1,4})\s+of\s+(\d{1,4})")

_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
_UNIT_NAMES = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}
_UNITS = "ms, s, m, h, d"

MAX_OF = 60
"""The longest M of `for: N of M`, in minutes."""


class Amount(NamedTuple):
    """A threshold before its rule's kind is known: a share for `ratio`, a number for `count`."""

    value: Decimal
    percent: bool


def whole(lowest: int, highest: int) -> Callable[[object], int]:
    """A reader of whole numbers between the two, both included."""

    def read(given: object) -> int:
        text = text_of(given)
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"expected a whole number from {lowest} to {highest}, not {quoted(text)}")
        return int(text)

    return read


def amount(given: object) -> Amount:
    text = text_of(given)
    found = _SHARE.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number or a percentage such as 5%, not {quoted(text)}")
    return Amount(Decimal(found[1]), bool(found[2]))


def share(given: object) -> float:
    """A part of the whole, from 0 to below 1, written `2%` or `0.02`."""
    return share_of(amount(given))


def share_of(given: Amount) -> float:
    if given.percent:
        if given.value >= 100:
            raise ValueError(f"{given.value:f}% is everything; expected a percentage below 100%")
        return float(given.value / 100)
    if given.value >= 1:
        raise ValueError(f"{given.value:f} is not a share; write {given.value:f}% (or a part of 1, such as 0.02)")
    return float(given.value)


def number_of(given: Amount) -> int:
    """What a count rule counts up to."""
    if given.percent:
        raise ValueError(f"a count is a number, not the percentage {given.value:f}%; for a share use `kind: ratio`")
    if given.value < 1 or given.value != given.value.to_integral_value():
        raise ValueError(f"a count is a whole number from 1 on, not {given.value:f}")
    return int(given.value)


def quantile(given: object) -> float:
    """`p95`, `p99.9`, `95%` or `0.95`."""
    text = text_of(given)
    found = re.fullmatch(rf"[pP]({_NUMBER})", text) or re.fullmatch(rf"({_NUMBER})\s*%", text)
    if found:
        value = Decimal(found[1]) / 100
    elif re.fullmatch(_NUMBER, text):
        value = Decimal(text)
        if value >= 1:
            raise ValueError(
                f"{quoted(text)} is not a quantile; write p{text.rstrip('%')} (or a part of 1, such as 0.95)"
            )
    else:
        raise ValueError(f"expected a quantile such as p95 or 0.95, not {quoted(text)}")
    if not 0 < value < 1:
        raise ValueError(f"a quantile lies between p0 and p100, and {quoted(text)} does not")
    return float(value)


def seconds(given: object) -> float:
    """A time limit with its unit, as seconds."""
    value = _duration(given, hint="s")
    if not 0 < value <= 86400:
        raise ValueError(f"a time limit is longer than 0 and at most 1d, not {quoted(text_of(given))}")
    return float(value)


def minutes(lowest: int, highest: int) -> Callable[[object], int]:
    """A reader of durations in whole minutes."""

    def read(given: object) -> int:
        value, rest = divmod(_duration(given, hint="m"), 60)
        text = quoted(text_of(given))
        if rest:
            raise ValueError(f"expected whole minutes such as 5m, not {text}; statistics are kept by the minute")
        if not lowest <= value <= highest:
            raise ValueError(f"expected {duration_text(lowest)} to {duration_text(highest)}, not {text}")
        return int(value)

    return read


def _duration(given: object, hint: str) -> Decimal:
    text = text_of(given)
    if re.fullmatch(_NUMBER, text):
        if not Decimal(text):
            return Decimal(0)
        raise ValueError(f"{text} has no unit; write {text}{hint} (units: {_UNITS})")
    total, at, mended = Decimal(0), 0, ""
    while found := _DURATION_PART.match(text, at):
        unit = _UNIT_NAMES.get(found[2].lower())
        if unit is None:
            raise ValueError(f"{quoted(found[2])} is not a unit of time; write {found[1]}{hint} (units: {_UNITS})")
        total += Decimal(found[1]) * _SECONDS[unit]
        mended += f"{found[1]}{unit}"
        at = found.end()
    if at < len(text) or not mended:
        raise ValueError(f"expected a duration such as 5{hint}, not {quoted(text)} (units: {_UNITS})")
    if mended != re.sub(r"\s", "", text):
        raise ValueError(f"write {mended}, not {quoted(text)} (units: {_UNITS})")
    return total


def n_of_m(given: object) -> tuple[int, int] | None:
    """`3 of 5`; None for `off`, which undoes an inherited one."""
    text = text_of(given)
    if text.lower() == "off":
        return None
    found = _N_OF_M.fullmatch(text)
    if found is None:
        raise ValueError(f"expected minutes such as `3 of 5`, or off, not {quoted(text)}")
    n, m = int(found[1]), int(found[2])
    if not 1 <= n <= m <= MAX_OF:
        raise ValueError(f"{n} of {m} cannot be; expected N of M with 1 <= N <= M <= {MAX_OF} minutes")
    return n, m


def share_text(value: float) -> str:
    return f"{_trimmed(Decimal(repr(value)) * 100)}%"


def quantile_text(value: float) -> str:
    return f"p{_trimmed(Decimal(repr(value)) * 100)}"


def seconds_text(value: float) -> str:
    exact = Decimal(repr(value))
    return f"{_trimmed(exact)}s" if exact >= 1 else f"{_trimmed(exact * 1000)}ms"


def duration_text(value: int) -> str:
    """Whole minutes in the largest unit that fits."""
    for size, unit in ((1440, "d"), (60, "h")):
        if value and value % size == 0:
            return f"{value // size}{unit}"
    return f"{value}m"


def n_of_m_text(value: tuple[int, int] | None) -> str:
    return "off" if value is None else f"{value[0]} of {value[1]}"


def _trimmed(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
