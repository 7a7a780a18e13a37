"""What to watch, and the verdict on one closed minute of one series.

A series is the counts of one rule on one node, or summed over one service. `judge` takes its last minutes, oldest
first, and returns a `Verdict` with its reason: an explanation exists for "it fired" and for "it did not".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

WINDOW = 5
"""Minutes that a windowed rule looks back over, the judged one included."""

EVIDENCE_Z = 3.09
"""One-sided normal quantile of 99.9 %: how sure the evidence formula must be."""

CRITICAL_MIN_BAD = 20
"""The critical clause judges one minute alone and asks for at least this many bad."""

NOISE_TAIL = 0.05
"""A minute is BAD when noise alone would do this with a probability below."""

FIVE_XX = "5xx"


class Kind(StrEnum):
    """How a rule turns bad and total into a verdict."""

    EVIDENCE = "evidence"  # the Wilson lower bound of the bad share is above the floor
    RATIO = "ratio"  # bad / total above a threshold, with at least min_requests
    COUNT = "count"  # at least `threshold` bad in the minute
    QUANTILE = "quantile"  # the q-quantile is over the limit, that is: more than 1 - q of them are over it


class Unit(StrEnum):
    """What a rule counts."""

    ATTEMPT = "attempt"  # each upstream tried; a request without upstream counts as one
    REQUEST = "request"  # each log line


class Severity(StrEnum):
    """How loudly an incident speaks."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return ("info", "warning", "critical").index(self.value)


class Class(StrEnum):
    """What one closed minute says about one series."""

    BREACH = "breach"
    BAD = "bad"
    CLEAN = "clean"
    NODATA = "no-data"
    GAP = "gap"


class Rule(msgspec.Struct, frozen=True):
    """One rule.

    `status` holds the status codes and classes ("5xx") that are bad; `over` makes it a rule on time instead: seconds of
    request_time (unit request) or upstream_response_time (unit attempt) above which a unit is bad. `floor` is the share
    that is tolerated, `min_bad` the bad units in the window below which nothing fires. `n_of_m` asks for n breaching
    minutes in m before the onset. `escalates` makes it critical on the critical clause or on a whole pool.
    """

    name: str
    kind: Kind = Kind.EVIDENCE
    unit: Unit = Unit.ATTEMPT
    status: tuple[str, ...] = ()
    over: float | None = None
    floor: float = 0.01
    min_bad: int = 5
    threshold: float = 0.0
    min_requests: int = 0
    quantile: float = 0.95
    n_of_m: tuple[int, int] | None = None
    severity: Severity = Severity.WARNING
    escalates: bool = False
    services: tuple[str, ...] = ()

    def describe(self) -> str:
        """One phrase with the thresholds, as it stands in messages and in `tocsin rules show`."""
        what = f"over {self.over:g} s" if self.over is not None else "/".join(self.status)
        match self.kind:
            case Kind.EVIDENCE:
                return (
                    f"{what}: {self.min_bad} or more in {WINDOW} min and surely above {self.floor:.4g} of {self.unit}s"
                )
            case Kind.RATIO:
                return f"{what}: above {self.threshold:.4g} of {self.unit}s, {self.min_requests} or more in the minute"
            case Kind.COUNT:
                return f"{what}: {self.threshold:g} or more {self.unit}s in the minute"
            case Kind.QUANTILE:
                return f"{what}: by more than {self.beyond:.4g} of {self.unit}s (p{self.quantile * 100:g})"

    @property
    def beyond(self) -> float:
        """The share that a quantile rule allows over its limit. Rounded: 1 - 0.9 is a little less than 0.1."""
        return round(1 - self.quantile, 9)

    @property
    def tolerated(self) -> float:
        """Half of what the rule tolerates: the share that counts as noise until there is a baseline."""
        match self.kind:
            case Kind.EVIDENCE:
                return self.floor / 2
            case Kind.RATIO:
                return self.threshold / 2
            case Kind.QUANTILE:
                return self.beyond / 2
            case Kind.COUNT:
                return 0.0

    def matches(self, status: str) -> bool:
        """Whether a unit that ended with this status is bad under this rule."""
        return status in self.status or (len(status) == 3 and f"{status[0]}xx" in self.status)

    def bad_of(self, statuses: Mapping[str, int]) -> int:
        """How many of the units counted by status are bad."""
        return sum(n for status, n in statuses.items() if self.matches(status))


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule("5xx", status=(FIVE_XX,), floor=0.01, min_bad=5, escalates=True),
    Rule("499", status=("499",), floor=0.05, min_bad=10),
    Rule("request_time", unit=Unit.REQUEST, over=5.0, floor=0.05, min_bad=10),
    Rule("upstream_response_time", over=3.0, floor=0.05, min_bad=10),
)
"""The table of detection.md section 1: what is watched when nobody configured anything."""


class Count(NamedTuple):
    """Bad and total units of one series in one minute."""

    bad: int
    total: int


class Verdict(NamedTuple):
    """What `judge` found: the class of the minute, whether the critical clause held, and why."""

    minute_class: Class
    critical: bool
    reason: str


def wilson_lower(bad: int, total: int, z: float = EVIDENCE_Z) -> float:
    """Lower bound of the true bad share: Wilson's score interval (E. B. Wilson, JASA 22, 1927), one-sided at z.

    0.0 when there is nothing to count.
    """
    if bad <= 0 or total <= 0:
        return 0.0
    p = bad / total
    z2 = z * z
    centre = p + z2 / (2 * total)
    spread = z * math.sqrt(p * (1 - p) / total + z2 / (4 * total * total))
    return (centre - spread) / (1 + z2 / total)


@lru_cache(maxsize=65536)
def binomial_tail(bad: int, total: int, share: float) -> float:
    """P(X >= bad) for X ~ Binomial(total, share). Sums the lower part term by term: O(bad)."""
    if bad <= 0:
        return 1.0
    if share <= 0.0 or bad > total:
        return 0.0
    if share >= 1.0:
        return 1.0
    mean = total * share
    if bad > mean + 12 * math.sqrt(mean) + 12:
        return 0.0  # Chernoff: far below 1e-9, and the sum would be long
    log_odds = math.log(share) - math.log1p(-share)
    log_term = total * math.log1p(-share)
    below = math.exp(log_term)
    for i in range(1, bad):
        log_term += math.log(total - i + 1) - math.log(i) + log_odds
        below += math.exp(log_term)
    return max(0.0, 1.0 - below)


def is_bad(rule: Rule, count: Count) -> bool:
    """More than tolerated noise: 1 of 5 is, 1 of 60 is not, 2 of 60 is (detection.md section 6).

    A count rule tolerates nothing in between: its minute is BAD from half of its threshold on.
    """
    if count.bad < 1:
        return False
    if rule.kind is Kind.COUNT:
        return count.bad >= rule.threshold / 2
    return binomial_tail(count.bad, count.total, rule.tolerated) < NOISE_TAIL


def judge(rule: Rule, history: Sequence[Count]) -> Verdict:
    """The verdict on the last minute of `history` (oldest first, at most WINDOW minutes).

    Cheap where nothing is wrong: a minute without a bad unit is decided without any arithmetic.
    """
    now = history[-1]
    if now.total == 0:
        return Verdict(Class.NODATA, False, "no traffic in this minute")
    if now.bad == 0:
        return Verdict(Class.CLEAN, False, f"0 of {now.total} bad")
    match rule.kind:
        case Kind.EVIDENCE:
            return _judge_evidence(rule, history)
        case Kind.COUNT:
            breach = now.bad >= rule.threshold
            reason = f"{now.bad} bad against {rule.threshold:g}"
        case Kind.RATIO:
            breach = now.total >= rule.min_requests and now.bad / now.total > rule.threshold
            reason = f"{now.bad} of {now.total} bad against {rule.threshold:.4g} of {rule.min_requests} or more"
        case Kind.QUANTILE:
            breach = now.total >= rule.min_requests and now.bad / now.total > rule.beyond
            reason = f"{now.bad} of {now.total} over {rule.over:g} s against {rule.beyond:.4g}"
    if breach:
        return Verdict(Class.BREACH, False, reason)
    return Verdict(Class.BAD if is_bad(rule, now) else Class.CLEAN, False, reason)


def _judge_evidence(rule: Rule, history: Sequence[Count]) -> Verdict:
    """detection.md section 2: the window clause and the critical clause."""
    now = history[-1]
    if not is_bad(rule, now):
        return Verdict(Class.CLEAN, False, f"{now.bad} of {now.total} bad is within noise")
    alone = wilson_lower(now.bad, now.total)
    if now.bad >= CRITICAL_MIN_BAD and alone > min(0.5, 10 * rule.floor):
        return Verdict(Class.BREACH, True, f"{now.bad} of {now.total} bad in one minute, surely above {alone:.4g}")
    bad = sum(count.bad for count in history)
    total = sum(count.total for count in history)
    bound = wilson_lower(bad, total)
    minutes = sum(1 for count in history if count.bad)
    if bad < rule.min_bad:
        reason = f"{bad} bad in {len(history)} min, fewer than {rule.min_bad}"
    elif bound <= rule.floor:
        reason = f"{bad} of {total} bad in {len(history)} min: surely above {bound:.4g}, not above {rule.floor:.4g}"
    elif minutes < 2:
        reason = f"{bad} of {total} bad, all in one minute"
    else:
        reason = f"{bad} of {total} bad in {len(history)} min, surely above {bound:.4g}, more than {rule.floor:.4g}"
        return Verdict(Class.BREACH, False, reason)
    return Verdict(Class.BAD, False, reason)
