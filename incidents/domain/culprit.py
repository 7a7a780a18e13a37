"""Whose minute it is: which culprit the breaches of one service in one closed minute belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from incidents.domain.access_log import NO_LIVE_UPSTREAM
from incidents.domain.blame import Blamed, blame
from incidents.domain.incident import Confidence, Culprit, CulpritKind
from incidents.domain.minute import NO_NODE, ServiceTally
from incidents.domain.rule import Class, Count, Rule, Unit, Verdict, is_bad, judge
from incidents.domain.rulebook import OTHER
from incidents.domain.summary import counts_of

PSEUDO_NODES = frozenset({NO_NODE, NO_LIVE_UPSTREAM, OTHER})
"""Keys of a tally that are not servers: they are counted, and never blamed."""

Window = Sequence[ServiceTally | None]
"""The last WINDOW minutes of one service, oldest first, the judged one last; None where nothing was asked for."""


class Finding(NamedTuple):
    """A rule that is BREACH or BAD in the judged minute, on a node or (None) summed over the service."""

    rule: Rule
    node: str | None
    verdict: Verdict

    @property
    def is_breach(self) -> bool:
        return self.verdict.minute_class is Class.BREACH


class Claim(NamedTuple):
    """Who the breaches belong to; `culprit` None: to the oldest open incident of the service, else to `otherwise`."""

    culprit: Culprit | None
    reason: str
    otherwise: Culprit = Culprit(CulpritKind.POOL)


def read(rules: Sequence[Rule], window: Window) -> list[Finding]:
    """Every rule that is not clean in the judged minute. Costs next to nothing where nothing is bad."""
    now = window[-1]
    if now is None:
        return []
    found = []
    for rule in rules:
        if not counts_of(rule, now, None).bad:
            continue
        nodes: list[str | None] = [None]
        if rule.unit is Unit.ATTEMPT:
            nodes += [name for name in now.nodes if name not in PSEUDO_NODES and counts_of(rule, now, name).bad]
        for node in nodes:
            verdict = judge(rule, series(rule, window, node))
            if verdict.minute_class in (Class.BREACH, Class.BAD):
                found.append(Finding(rule, node, verdict))
    return found


def series(rule: Rule, window: Window, node: str | None) -> list[Count]:
    """The counts of one rule over a window."""
    return [counts_of(rule, tally, node) for tally in window]


def real_nodes(window: Window) -> set[str]:
    """The nodes that had traffic over the window."""
    return {name for tally in window if tally is not None for name in tally.nodes if name not in PSEUDO_NODES}


def claim(window: Window, findings: Sequence[Finding]) -> Claim | None:
    """Who the breaches of this minute belong to; None when nothing breaches. `findings`: what `read` gave."""
    breaches = [finding for finding in findings if finding.is_breach]
    if not breaches:
        return None
    nodes = real_nodes(window)
    if not nodes:
        return Claim(Culprit(CulpritKind.SERVICE), "the log names no upstream")
    breaching = {finding.node for finding in breaches if finding.node is not None}
    if _nothing_live(window[-1]):
        return Claim(Culprit(CulpritKind.POOL), "half of the bad attempts found no live upstream")
    if len(breaching) >= 2 and 3 * len(breaching) >= 2 * len(nodes):
        return Claim(Culprit(CulpritKind.POOL), f"{len(breaching)} of {len(nodes)} nodes breach")
    if len(nodes) == 1:
        return Claim(Culprit.of_nodes(nodes), "the service has one node")
    lead = next((finding.rule for finding in breaches if finding.rule.unit is Unit.ATTEMPT), None)
    if lead is None:
        return Claim(None, "request time names no node")
    # What another node did before these broke is not theirs: blame looks at their own minutes (section 4's window).
    since = max((first_bad_offset(lead, window, node) for node in breaching), default=len(window) - 1)
    blamed = blame_nodes(lead, window[-1 - since :])
    # Nodes of one pool cross the line minutes apart: the first to cross is not the culprit when all are bad. Unless
    # this minute by itself names it: a node that goes on when the others have recovered is a fault of its own (ADR 3).
    if breaching and blamed.confidence is Confidence.POOL:
        alone = blame_nodes(lead, window[-1:])
        if alone.confidence not in (Confidence.NODE, Confidence.NODES):
            return Claim(Culprit(CulpritKind.POOL), f"blame: {blamed.reason}")
    if breaching:
        # A node that broke together with them, and has not had enough requests to breach by itself.
        bad_now = {finding.node for finding in findings if finding.node is not None}
        together = breaching | bad_now.intersection(blamed.names)
        return Claim(Culprit.of_nodes(together), f"{len(breaching)} of {len(nodes)} nodes breach")
    if blamed.confidence in (Confidence.NODE, Confidence.NODES):
        return Claim(Culprit.of_nodes(set(blamed.names)), blamed.reason)
    reason = f"blame: {blamed.confidence}, {blamed.reason}"
    if blamed.confidence is Confidence.POOL:
        return Claim(None, reason)
    return Claim(None, reason, _narrowed(lead, window, nodes))


def _narrowed(rule: Rule, window: Window, nodes: set[str]) -> Culprit:
    """Where only the service breaches and blame abstains: who is BAD over the window, if that leaves nothing BAD.

    The mirror image of `is_bad_everywhere`. Opening the whole service on the first few failures of one quiet node would
    name the wrong culprit, and the node's own breach a minute later would be a second incident (ADR 3).
    """
    counts = {name: _sum(series(rule, window, name)) for name in (*sorted(nodes), NO_NODE)}
    bad = {name for name, count in counts.items() if is_bad(rule, count)}
    rest = _sum([count for name, count in counts.items() if name not in bad])
    if not bad or is_bad(rule, rest):
        return Culprit(CulpritKind.POOL)
    if bad == {NO_NODE}:
        return Culprit(CulpritKind.SERVICE)  # nginx answered by itself: no upstream was asked
    bad.discard(NO_NODE)
    return Culprit(CulpritKind.POOL) if 3 * len(bad) >= 2 * len(nodes) else Culprit.of_nodes(bad)


def _sum(counts: Sequence[Count]) -> Count:
    return Count(sum(count.bad for count in counts), sum(count.total for count in counts))


def blame_nodes(rule: Rule, window: Window) -> Blamed:
    """detection.md section 4 over the nodes that had traffic in this window."""
    counts = {}
    for node in sorted(real_nodes(window)):
        counts[node] = _sum(series(rule, window, node))
    return blame(counts, rule.tolerated)


def is_bad_everywhere(rules: Sequence[Rule], window: Window) -> bool:
    """Pool-wide badness: what alone keeps an incident of the whole service alive.

    Two thirds of the nodes BAD, or no live upstream, or what is left without the individually bad nodes is BAD still.
    """
    now = window[-1]
    if now is None:
        return False
    if _nothing_live(now):
        return True
    nodes = [name for name in now.nodes if name not in PSEUDO_NODES]
    attempt_rules = [rule for rule in rules if rule.unit is Unit.ATTEMPT]
    bad_nodes = {name for name in nodes if any(is_bad(rule, counts_of(rule, now, name)) for rule in attempt_rules)}
    if nodes and 3 * len(bad_nodes) >= 2 * len(nodes):
        return True
    for rule in attempt_rules:
        parts = [counts_of(rule, now, name) for name in now.nodes if name not in bad_nodes]
        if is_bad(rule, _sum(parts)):
            return True
    if bad_nodes:
        return False  # a slow request may be theirs: request time names no node
    return any(is_bad(rule, counts_of(rule, now, None)) for rule in rules if rule.unit is Unit.REQUEST)


def first_bad_offset(rule: Rule, window: Window, node: str | None) -> int:
    """How many minutes before the judged one this rule was first BAD inside the window (0: only now)."""
    counts = series(rule, window, node)
    for index, count in enumerate(counts):
        if count.total and is_bad(rule, count):
            return len(counts) - 1 - index
    return 0


def _nothing_live(now: ServiceTally | None) -> bool:
    """Half or more of the bad attempts found no server to try."""
    if now is None or NO_LIVE_UPSTREAM not in now.nodes:
        return False
    dead = now.nodes[NO_LIVE_UPSTREAM].bad
    bad = sum(tally.bad for name, tally in now.nodes.items() if name != NO_NODE)
    return dead > 0 and 2 * dead >= bad
