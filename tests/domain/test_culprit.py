"""Whose minute it is, and what alone keeps an incident of the whole pool alive."""

from __future__ import annotations

import pytest
from tallies import minute, window

from incidents.domain.culprit import Window, claim, is_bad_everywhere, read, real_nodes
from incidents.domain.incident import Culprit, CulpritKind
from incidents.domain.minute import ServiceTally
from incidents.domain.rule import DEFAULT_RULES, Rule, Unit

POOL = Culprit(CulpritKind.POOL)
SERVICE = Culprit(CulpritKind.SERVICE)


def nodes(*names: str) -> Culprit:
    return Culprit.of_nodes(set(names))


def twice(tally: ServiceTally) -> Window:
    return window(tally, tally)


CASES: dict[str, tuple[Window, Culprit | None]] = {
    "one node breaches": (twice(minute(a=(6, 20), b=(0, 20), c=(0, 20))), nodes("a")),
    "two of five": (twice(minute(a=(6, 20), b=(6, 20), c=(0, 20), d=(0, 20), e=(0, 20))), nodes("a", "b")),
    "two of three": (twice(minute(a=(6, 20), b=(6, 20), c=(0, 20))), POOL),
    "two of three, of which blame alone could not tell": (twice(minute(a=(6, 20), b=(6, 20), c=(0, 3000))), POOL),
    "two of four": (twice(minute(a=(6, 20), b=(6, 20), c=(0, 20), d=(0, 20))), nodes("a", "b")),
    "both of two": (twice(minute(a=(6, 20), b=(6, 20))), POOL),
    "one of two": (twice(minute(a=(6, 20), b=(0, 20))), nodes("a")),
    "the only one": (twice(minute(a=(6, 20))), nodes("a")),
    "the only one of this minute, beside one of the window": (
        window(minute(a=(6, 20), b=(0, 20)), minute(a=(6, 20))),
        nodes("a"),
    ),
    "no upstream at all": (twice(minute(none=(6, 20))), SERVICE),
    "half found nothing live": (twice(minute(a=(6, 20), b=(0, 20), c=(0, 20), dead=(6, 6))), POOL),
    "less than half found nothing live": (twice(minute(a=(6, 20), b=(0, 20), c=(0, 20), dead=(5, 5))), nodes("a")),
    # Two a minute are four in the window, and breach nowhere; their sum does.
    "only the sum breaches, alike": (twice(minute(a=(2, 20), b=(2, 20), c=(2, 20))), None),
    "only the sum breaches, at one node": (
        window(minute(a=(0, 20), b=(1, 20), c=(0, 20)), minute(a=(15, 20), b=(0, 20), c=(0, 20))),
        nodes("a"),
    ),
    "only request time breaches": (
        twice(minute(a=(0, 20), b=(0, 20), c=(0, 20), slow_requests=20)),
        None,
    ),
    "what nginx answered itself, beside nodes": (twice(minute(none=(6, 20), a=(0, 20), b=(0, 20))), None),
}


@pytest.mark.parametrize("name", CASES)
def test_whose_minute_it_is(name: str) -> None:
    seen, culprit = CASES[name]
    findings = read(DEFAULT_RULES, seen)
    claimed = claim(seen, findings)
    assert claimed is not None
    assert claimed.culprit == culprit, claimed.reason
    assert claimed.reason


def test_a_minute_without_a_breach_is_nobodys() -> None:
    bad_only = window(minute(a=(2, 20), b=(0, 20)))
    assert [finding.is_breach for finding in read(DEFAULT_RULES, bad_only)] == [False, False]
    assert claim(bad_only, read(DEFAULT_RULES, bad_only)) is None
    assert claim(window(None), read(DEFAULT_RULES, window(None))) is None


def test_nodes_of_one_pool_that_cross_the_line_apart_are_the_pool_from_the_first() -> None:
    fading = minute(a=(25, 60), b=(9, 60), c=(8, 60))
    seen = window(fading)
    findings = read(DEFAULT_RULES, seen)
    assert {finding.node for finding in findings if finding.is_breach} == {None, "a"}
    claimed = claim(seen, findings)
    assert claimed is not None
    assert claimed.culprit == POOL


def test_a_node_that_goes_on_when_the_others_have_recovered_is_named() -> None:
    everywhere = minute(a=(9, 20), b=(9, 20), c=(9, 20))
    alone = minute(a=(9, 20), b=(0, 20), c=(0, 20))
    seen = window(everywhere, everywhere, alone)
    claimed = claim(seen, read(DEFAULT_RULES, seen))
    assert claimed is not None
    assert claimed.culprit == nodes("a")


def test_what_another_node_did_before_does_not_make_it_the_pool() -> None:
    """Eight bad in two minutes on b, too few in one to blame it by that minute; eighteen on a, before them."""
    others = minute(a=(9, 20), b=(0, 20), c=(0, 20))
    own = minute(a=(0, 20), b=(4, 20), c=(0, 20))
    seen = window(others, others, own, own)
    claimed = claim(seen, read(DEFAULT_RULES, seen))
    assert claimed is not None
    assert claimed.culprit == nodes("b")


def test_a_rule_per_request_is_read_for_the_service_alone() -> None:
    rule = Rule("final", unit=Unit.REQUEST, status=("502",), floor=0.01)
    findings = read([rule], twice(minute(a=(6, 20), b=(0, 20))))
    assert [finding.node for finding in findings] == [None]


def test_pseudo_nodes_are_counted_and_never_read_as_nodes() -> None:
    seen = twice(minute(a=(0, 20), dead=(9, 9), none=(9, 9), __other__=(9, 9)))
    assert real_nodes(seen) == {"a"}
    findings = read(DEFAULT_RULES, seen)
    assert {finding.node for finding in findings} == {None}
    assert findings[0].verdict.reason.startswith("27 of 47")


@pytest.mark.parametrize(
    ("tally", "bad"),
    [
        (minute(a=(2, 20), b=(2, 20), c=(0, 20)), True),  # two thirds
        (minute(a=(2, 20), b=(2, 20), c=(0, 20), d=(0, 20)), False),  # half
        (minute(a=(15, 20), b=(0, 20), c=(0, 20)), False),  # one node alone
        (minute(a=(15, 20), b=(1, 60), c=(1, 60), d=(1, 60), e=(1, 60)), True),  # without a 4 of 240: bad still
        (minute(a=(15, 20), b=(1, 60), c=(1, 60), d=(1, 60), e=(0, 60)), False),  # 3 of 240: noise
        (minute(a=(1, 20), dead=(5, 5)), True),
        (minute(a=(15, 20), b=(0, 20), c=(0, 20), dead=(5, 5)), True),  # what is left is what found nothing live
        (minute(none=(2, 20)), True),
        (minute(none=(1, 60)), False),
        (minute(a=(0, 20), b=(0, 20), slow_requests=20), True),
        (minute(a=(15, 20), b=(0, 20), c=(0, 20), slow_requests=20), False),  # the slow ones may be a's
        (None, False),
    ],
)
def test_what_is_bad_everywhere(tally: ServiceTally | None, bad: bool) -> None:
    assert is_bad_everywhere(DEFAULT_RULES, window(tally)) is bad
