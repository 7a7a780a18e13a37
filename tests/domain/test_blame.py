"""Who is to blame: one node, some, the pool, a mixture, or nobody can tell."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.blame import blame
from incidents.domain.incident import Confidence
from incidents.domain.rule import Count, wilson_lower

NOISE = 0.005


@pytest.mark.parametrize(
    ("counts", "verdict", "names"),
    [
        ({}, Confidence.INSUFFICIENT, ()),
        ({"a": (9, 20)}, Confidence.SINGLE, ("a",)),
        ({"a": (9, 20), "b": (0, 0)}, Confidence.SINGLE, ("a",)),
        ({"a": (4, 20), "b": (0, 20)}, Confidence.INSUFFICIENT, ()),
        ({"a": (5, 20), "b": (0, 20)}, Confidence.INSUFFICIENT, ()),  # five of 20 against none of 20 proves little
        ({"a": (10, 20), "b": (0, 20)}, Confidence.NODE, ("a",)),
        ({"a": (10, 20), "b": (1, 200), "c": (0, 200)}, Confidence.NODE, ("a",)),
        ({"a": (30, 100), "b": (28, 100), "c": (0, 100), "d": (1, 100)}, Confidence.NODES, ("a", "b")),
        # Two of three are more than half: that is the pool's business, not that of some nodes.
        ({"a": (30, 100), "b": (28, 100), "c": (0, 100)}, Confidence.POOL, ()),
        ({"a": (30, 100), "b": (28, 100), "c": (31, 100)}, Confidence.POOL, ()),
        ({"a": (9, 600), "b": (2, 600), "c": (2, 600), "d": (7, 600)}, Confidence.MIXED, ()),
        # One node with traffic enough to be tested, and three with hardly any.
        ({"a": (6, 600), "b": (1, 2), "c": (0, 2), "d": (1, 2)}, Confidence.INSUFFICIENT, ()),
    ],
)
def test_the_table_of_verdicts(counts: dict[str, tuple[int, int]], verdict: Confidence, names: tuple[str, ...]) -> None:
    found = blame({name: Count(*count) for name, count in counts.items()}, NOISE)
    assert (found.confidence, found.names) == (verdict, names), found.reason
    assert found.reason


def test_a_further_node_joins_only_on_its_own_evidence() -> None:
    rest = {f"n{i}": Count(0, 100) for i in range(4)}
    both = blame({"a": Count(80, 100), "b": Count(10, 100), **rest}, NOISE)
    assert (both.confidence, both.names) == (Confidence.NODES, ("a", "b"))
    alone = blame({"a": Count(80, 100), "b": Count(2, 100), **rest}, NOISE)
    assert (alone.confidence, alone.names) == (Confidence.NODE, ("a",))


def test_never_more_than_half_of_the_nodes_are_named() -> None:
    counts = {f"n{i}": Count(50, 100) for i in range(3)} | {f"g{i}": Count(0, 100) for i in range(2)}
    assert blame(counts, NOISE).confidence is Confidence.MIXED


def test_the_excess_must_be_concentrated() -> None:
    spread = {"a": Count(40, 100), **{f"n{i}": Count(3, 100) for i in range(9)}}
    assert blame(spread, NOISE).confidence is Confidence.POOL  # a holds 60 % of it, and all the others are bad as well
    quiet = {"a": Count(40, 100), **{f"n{i}": Count(1, 100) for i in range(9)}}
    assert blame(quiet, NOISE).names == ("a",)


def test_more_candidates_ask_for_more_evidence() -> None:
    """The G test pays for the choice among N nodes: what names one of two does not name one of a hundred."""

    def among(others: int) -> Confidence:
        return blame({"a": Count(5, 30), **{f"n{i}": Count(0, 120 // others) for i in range(others)}}, NOISE).confidence

    # 5 of 30 against 0 of 120, however many they are: G = 16.8; asked for are 13.0 among 3, and 20.4 among 121.
    assert among(2) is Confidence.NODE
    assert among(120) is Confidence.INSUFFICIENT


sizes = st.integers(0, 400)


@given(st.lists(st.tuples(sizes, sizes), min_size=2, max_size=8))
def test_whoever_is_named_holds_most_of_the_excess_and_is_surely_worse_than_the_rest(
    parts: list[tuple[int, int]],
) -> None:
    counts = {f"n{i}": Count(bad, bad + good) for i, (bad, good) in enumerate(parts)}
    found = blame(counts, NOISE)
    if found.confidence not in (Confidence.NODE, Confidence.NODES):
        return
    excess = {name: max(0.0, bad - total * NOISE) for name, (bad, total) in counts.items()}
    named = [counts[name] for name in found.names]
    rest = [count for name, count in counts.items() if name not in found.names]
    bad, total = sum(c.bad for c in named), sum(c.total for c in named)
    rest_share = sum(c.bad for c in rest) / max(1, sum(c.total for c in rest))
    assert sum(excess[name] for name in found.names) >= 0.8 * sum(excess.values())
    assert wilson_lower(bad, total, 2.33) > 3 * NOISE
    assert bad / total > rest_share
    assert len(found.names) <= sum(1 for c in counts.values() if c.total) // 2


@given(st.lists(st.tuples(sizes, sizes), min_size=2, max_size=6), st.randoms())
def test_the_order_of_the_nodes_does_not_matter(parts: list[tuple[int, int]], random: object) -> None:
    counts = [(f"n{i}", Count(bad, bad + good)) for i, (bad, good) in enumerate(parts)]
    shuffled = list(counts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert blame(dict(shuffled), NOISE) == blame(dict(counts), NOISE)


def test_the_likelihood_ratio_that_is_asked_for_by_hand() -> None:
    """(10 of 20) against (0 of 20): G = 2 * (20 ln 1/2 - 10 ln 1/4 - 30 ln 3/4) = 17.26 > 10.83 + 2 ln 2 = 12.22."""
    g = 2 * (20 * math.log(1 / 2) - 10 * math.log(1 / 4) - 30 * math.log(3 / 4))
    assert g == pytest.approx(17.26, abs=0.01)
    assert blame({"a": Count(10, 20), "b": Count(0, 20)}, NOISE).confidence is Confidence.NODE
    g = 2 * (7 * math.log(7 / 20) + 13 * math.log(13 / 20) - 7 * math.log(7 / 40) - 33 * math.log(33 / 40))
    assert g == pytest.approx(11.24, abs=0.05)
    assert blame({"a": Count(7, 20), "b": Count(0, 20)}, NOISE).confidence is not Confidence.NODE
