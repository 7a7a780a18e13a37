"""Blame: is it one node, some nodes, the whole pool, or can nobody tell? detection.md section 4.

Works on nodes now, and on routes in the same way: a name with its bad and total units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from incidents.domain.incident import Confidence
from incidents.domain.rule import Count, wilson_lower

EXCESS_SHARE = 0.8
"""The blamed ones must hold this share of all excess."""

BLAME_Z = 2.33
"""One-sided normal quantile of 99 %."""

TIMES_WORSE = 3
"""The blamed ones must surely be this many times worse than the rest, and than the baseline."""

G_TEST = 10.83
"""0.999 quantile of chi-square with one degree of freedom (the likelihood-ratio G test)."""

MIN_BAD = 5
MIN_EXPECTED = 3
MIN_JOINING = 3


class Blamed(NamedTuple):
    """The verdict, the names it falls on (empty unless node, nodes or single), and why."""

    confidence: Confidence
    names: tuple[str, ...]
    reason: str


def blame(counts: Mapping[str, Count], baseline: float) -> Blamed:
    """Who is to blame for the bad units of `counts` (name -> bad and total), `baseline` being the tolerated share."""
    counts = {name: count for name, count in counts.items() if count.total > 0}
    bad = sum(count.bad for count in counts.values())
    if len(counts) == 1:
        return Blamed(Confidence.SINGLE, tuple(counts), "there is only one")
    if bad < MIN_BAD:
        return Blamed(Confidence.INSUFFICIENT, (), f"only {bad} bad")
    total = sum(count.total for count in counts.values())
    pooled = bad / total
    found = _concentrated(counts, baseline)
    if found:
        kind = Confidence.NODE if len(found) == 1 else Confidence.NODES
        share = sum(counts[name].bad for name in found) / bad
        return Blamed(kind, tuple(sorted(found)), f"{share:.0%} of {bad} bad")
    enough = [count for count in counts.values() if count.total * pooled >= MIN_EXPECTED]
    if len(enough) < 2:
        return Blamed(Confidence.INSUFFICIENT, (), "fewer than two have enough traffic")
    over = sum(1 for count in enough if count.bad / count.total > TIMES_WORSE * baseline)
    if over * 3 >= len(enough) * 2:
        return Blamed(Confidence.POOL, (), f"{over} of {len(enough)} are bad")
    return Blamed(Confidence.MIXED, (), f"{over} of {len(enough)} are bad, none stands out")


def _concentrated(counts: Mapping[str, Count], baseline: float) -> list[str]:
    """The smallest set, worst first and at most half of all, that passes the three conditions; else nothing."""
    excess = {name: max(0.0, count.bad - count.total * baseline) for name, count in counts.items()}
    all_excess = sum(excess.values())
    if all_excess <= 0:
        return []
    ranked = sorted(counts, key=lambda name: (-excess[name], name))
    chosen: list[str] = []
    found: list[str] = []
    for name in ranked[: len(counts) // 2]:
        if found:
            if not _joins(counts[name], _rest(counts, [*found, name]), baseline):
                break
            found.append(name)
            continue
        chosen.append(name)
        share = sum(excess[one] for one in chosen) / all_excess
        if share >= EXCESS_SHARE and _passes(counts, chosen, baseline):
            found = list(chosen)
    return found


def _joins(count: Count, rest: Count, baseline: float) -> bool:
    """After the first success a further one joins only on its own evidence."""
    return count.bad >= MIN_JOINING and wilson_lower(*count, z=BLAME_Z) > TIMES_WORSE * max(_share(rest), baseline)


def _passes(counts: Mapping[str, Count], chosen: Sequence[str], baseline: float) -> bool:
    mine = _sum([counts[name] for name in chosen])
    rest = _rest(counts, chosen)
    if wilson_lower(*mine, z=BLAME_Z) <= TIMES_WORSE * max(_share(rest), baseline):
        return False
    pooled = Count(mine.bad + rest.bad, mine.total + rest.total)
    g = 2 * (_log_likelihood(mine) + _log_likelihood(rest) - _log_likelihood(pooled))
    return g > G_TEST + 2 * math.log(math.comb(len(counts), len(chosen)))


def _rest(counts: Mapping[str, Count], chosen: Sequence[str]) -> Count:
    return _sum([count for name, count in counts.items() if name not in chosen])


def _sum(counts: Sequence[Count]) -> Count:
    return Count(sum(count.bad for count in counts), sum(count.total for count in counts))


def _share(count: Count) -> float:
    return count.bad / count.total if count.total else 0.0


def _log_likelihood(count: Count) -> float:
    """Maximum of the binomial log-likelihood, with 0 log 0 = 0."""
    bad, good = count.bad, count.total - count.bad
    value = 0.0
    if bad:
        value += bad * math.log(bad / count.total)
    if good:
        value += good * math.log(good / count.total)
    return value
