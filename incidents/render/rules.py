"""Reads the phrase in which a rule describes itself, so that its thresholds can be said in the reader's language.

A summary carries `Rule.describe()`, which is English, and not the rule: the rule may have been edited or removed since.
A test holds the two together: every kind of rule is described and read back. A phrase that is not understood is shown
as it stands.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from incidents.domain.rule import Kind, Unit
from incidents.render.words import Words

_NUMBER = r"[\d.e+-]+"
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.EVIDENCE,
        re.compile(
            rf"(?P<what>[^:]*): (?P<min_bad>\d+) or more in (?P<window>\d+) min and surely above (?P<floor>{_NUMBER}) "
            r"of (?P<unit>attempt|request)s"
        ),
    ),
    (
        Kind.RATIO,
        re.compile(
            rf"(?P<what>[^:]*): above (?P<floor>{_NUMBER}) of (?P<unit>attempt|request)s, (?P<min_bad>\d+) or more "
            r"in the minute"
        ),
    ),
    (
        Kind.COUNT,
        re.compile(rf"(?P<what>[^:]*): (?P<min_bad>{_NUMBER}) or more (?P<unit>attempt|request)s in the minute"),
    ),
    (
        Kind.QUANTILE,
        re.compile(
            rf"(?P<what>[^:]*): by more than (?P<floor>{_NUMBER}) of (?P<unit>attempt|request)s "
            rf"\(p(?P<quantile>{_NUMBER})\)"
        ),
    ),
)
_OVER = re.compile(rf"over (?P<limit>{_NUMBER}) s")


class Threshold(NamedTuple):
    """What a rule looks for. `limit` is in seconds, for a rule on time; `statuses` are codes and classes otherwise."""

    kind: Kind
    unit: Unit
    limit: str | None
    statuses: tuple[str, ...]
    values: dict[str, str]

    @property
    def is_slow(self) -> bool:
        return self.limit is not None

    @property
    def is_bad(self) -> bool:
        """Whether what it looks for is called bad in every message: 5xx and 499 (detection.md section 1)."""
        return any(status == "499" or status.startswith("5") for status in self.statuses)

    @property
    def is_aborted(self) -> bool:
        return self.statuses == ("499",)


def read(description: str) -> Threshold | None:
    """The threshold behind a rule's description, or None when it is empty or in other words."""
    for kind, pattern in _PATTERNS:
        found = pattern.fullmatch(description)
        if found:
            values = found.groupdict()
            over = _OVER.fullmatch(values["what"])
            statuses = () if over else tuple(values["what"].split("/"))
            return Threshold(kind, Unit(values["unit"]), over["limit"] if over else None, statuses, values)
    return None


def describe(description: str, words: Words) -> str:
    """The rule's thresholds in the reader's language."""
    threshold = read(description)
    if threshold is None:
        return description
    values = dict(threshold.values)
    if threshold.limit is not None:
        what = words("rule.over", limit=words("span.s", n=threshold.limit))
    else:
        what = words("rule.status", statuses="/".join(threshold.statuses))
    if values.get("floor"):
        values["floor"] = f"{float(values['floor']) * 100:.4g}%"
    values |= {"what": what, "units": words(f"{threshold.unit}s")}
    return words(f"rule.{threshold.kind}", **values)
