"""Tallies merge in any order and grouping; latency bins are as exact as they say."""

from __future__ import annotations

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.minute import (
    AttemptTally,
    Evidence,
    ServiceTally,
    bin_value,
    cap_evidence,
    latency_bin,
    minute_of,
    quantile,
)

counts = st.dictionaries(st.sampled_from(["200", "499", "502"]), st.integers(1, 9), max_size=3)
bins = st.dictionaries(st.integers(0, 5), st.integers(1, 9), max_size=3)
attempts = st.builds(
    lambda total, bad, statuses, slow, latency, first, more: AttemptTally(
        total, bad, statuses, slow, latency, first if bad else 0, first + more if bad else 0
    ),
    st.integers(0, 50),
    st.integers(0, 9),
    counts,
    bins,
    bins,
    st.integers(1, 60),
    st.integers(0, 60),
)
evidence = st.lists(
    st.builds(
        Evidence,
        st.integers(0, 9),
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["502", "504"]),
        st.just("line"),
    ),
    max_size=12,
)
tallies = st.builds(
    lambda total, bad, masked, statuses, slow, latency, nodes, lines: ServiceTally(
        total, bad, masked, statuses, slow, latency, nodes, cap_evidence(lines)
    ),
    st.integers(0, 50),
    st.integers(0, 9),
    st.integers(0, 9),
    counts,
    bins,
    bins,
    st.dictionaries(st.sampled_from(["a", "b", ""]), attempts, max_size=3),
    evidence,
)


def merged(*parts: ServiceTally) -> object:
    whole = ServiceTally()
    for part in parts:
        whole.merge(copy.deepcopy(part))
    return msgspec.to_builtins(whole)


def merged_in_pairs(first: ServiceTally, second: ServiceTally, third: ServiceTally) -> object:
    right = copy.deepcopy(second)
    right.merge(copy.deepcopy(third))
    return merged(first, right)


@given(tallies, tallies, tallies)
def test_merging_is_associative_and_commutative(a: ServiceTally, b: ServiceTally, c: ServiceTally) -> None:
    assert merged(a, b, c) == merged_in_pairs(a, b, c) == merged(c, b, a) == merged_in_pairs(c, a, b)


@given(tallies)
def test_merging_with_nothing_changes_nothing(a: ServiceTally) -> None:
    assert merged(a) == merged(ServiceTally(), a) == merged(a, ServiceTally()) == msgspec.to_builtins(a)


@given(tallies, tallies)
def test_sums_are_sums(a: ServiceTally, b: ServiceTally) -> None:
    whole = copy.deepcopy(a)
    whole.merge(copy.deepcopy(b))
    assert (whole.total, whole.bad, whole.masked) == (a.total + b.total, a.bad + b.bad, a.masked + b.masked)
    for node in whole.nodes:
        parts = [tally.nodes[node] for tally in (a, b) if node in tally.nodes]
        assert whole.nodes[node].total == sum(part.total for part in parts)
        bad_at = [part.first_bad for part in parts if part.bad]
        assert whole.nodes[node].first_bad == min(bad_at, default=0)
        assert whole.nodes[node].last_bad == max((part.last_bad for part in parts if part.bad), default=0)


@given(st.integers(0, 10_000_000))
def test_a_latency_bin_is_at_most_one_and_six_tenths_percent_wrong(milliseconds: int) -> None:
    found = bin_value(latency_bin(milliseconds))
    assert abs(found - milliseconds) <= 0.016 * milliseconds
    assert latency_bin(milliseconds) <= latency_bin(milliseconds + 1) <= latency_bin(milliseconds) + 1


def test_below_64_ms_a_latency_bin_is_exact() -> None:
    assert [bin_value(latency_bin(ms)) for ms in range(64)] == list(range(64))


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_that_of_the_sorted_values(values: list[int], q: float) -> None:
    histogram: dict[int, int] = {}
    for value in values:
        histogram[latency_bin(value)] = histogram.get(latency_bin(value), 0) + 1
    ranked = sorted(values)
    exact = next(value for i, value in enumerate(ranked, start=1) if i >= q * len(values))
    found = quantile(histogram, q)
    assert found is not None
    assert found * 1000 == pytest.approx(exact, rel=0.016)


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


@pytest.mark.parametrize(("second", "minute"), [(0, 0), (59.999, 0), (60, 60), (1_772_409_659.5, 1_772_409_600)])
def test_a_minute_holds_its_first_second_and_not_its_sixtieth(second: float, minute: int) -> None:
    assert minute_of(second) == minute
