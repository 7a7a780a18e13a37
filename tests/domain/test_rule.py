"""Verdicts on one minute of one series: every clause at its border, and the formulas against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.rule import (
    CRITICAL_MIN_BAD,
    DEFAULT_RULES,
    EVIDENCE_Z,
    WINDOW,
    Class,
    Count,
    Kind,
    Rule,
    Severity,
    Unit,
    binomial_tail,
    is_bad,
    judge,
    wilson_lower,
)

FIVE_XX, CLIENT_LEFT, REQUEST_TIME, UPSTREAM_TIME = DEFAULT_RULES


def history(*minutes: tuple[int, int]) -> list[Count]:
    """(bad, total) of the last minutes, padded with minutes in which nothing was asked for."""
    return [Count(0, 0)] * (WINDOW - len(minutes)) + [Count(*minute) for minute in minutes]


def wilson_by_bisection(bad: int, total: int, z: float) -> float:
    """The share below the observed one at which the observed one is exactly z standard deviations away."""
    observed = bad / total
    low, high = 0.0, observed
    for _ in range(200):
        middle = (low + high) / 2
        if observed - middle > z * math.sqrt(middle * (1 - middle) / total):
            low = middle
        else:
            high = middle
    return low


def tail_exactly(bad: int, total: int, share: Fraction) -> Fraction:
    terms = (math.comb(total, i) * share**i * (1 - share) ** (total - i) for i in range(bad, total + 1))
    return sum(terms, Fraction(0))


@given(st.integers(1, 3000), st.data(), st.sampled_from([EVIDENCE_Z, 2.33, 1.0]))
def test_the_lower_bound_is_the_share_that_is_z_deviations_away(total: int, data: st.DataObject, z: float) -> None:
    bad = data.draw(st.integers(0, total))
    assert wilson_lower(bad, total, z) == pytest.approx(wilson_by_bisection(bad, total, z) if bad else 0.0, abs=1e-9)


@pytest.mark.parametrize(("bad", "total", "bound"), [(0, 0, 0.0), (0, 10, 0.0), (5, 5, 0.34369), (1, 1, 0.09480)])
def test_the_lower_bound_by_hand(bad: int, total: int, bound: float) -> None:
    assert wilson_lower(bad, total) == pytest.approx(bound, abs=1e-5)


@given(st.integers(0, 120), st.data(), st.sampled_from([(1, 200), (1, 40), (1, 3), (9, 10)]))
def test_the_tail_is_the_sum_of_its_terms(total: int, data: st.DataObject, share: tuple[int, int]) -> None:
    bad = data.draw(st.integers(0, total + 2))
    exact = float(tail_exactly(bad, total, Fraction(*share)))
    assert binomial_tail(bad, total, share[0] / share[1]) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(
    ("bad", "total", "share", "tail"),
    [
        (0, 5, 0.5, 1.0),
        (1, 5, 0.0, 0.0),
        (1, 5, 1.0, 1.0),
        (6000, 1_000_000, 0.005, 0.0),
        (5000, 1_000_000, 0.005, 0.5),
    ],
)
def test_the_tail_at_its_ends_and_for_a_million(bad: int, total: int, share: float, tail: float) -> None:
    assert binomial_tail(bad, total, share) == pytest.approx(tail, abs=0.005)


@pytest.mark.parametrize(
    ("bad", "total", "expected"),
    [
        (0, 5, False),
        (1, 5, True),
        (1, 10, True),
        (1, 11, False),
        (1, 60, False),
        (2, 60, True),
        (2, 72, False),
        (3, 100, True),
    ],
)
def test_a_minute_is_bad_when_noise_alone_would_hardly_do_this(bad: int, total: int, expected: bool) -> None:
    assert is_bad(FIVE_XX, Count(bad, total)) is expected
    exact = bad > 0 and tail_exactly(bad, total, Fraction(1, 200)) < Fraction(1, 20)
    assert exact is expected


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (((2, 20), (3, 20)), Class.BREACH),  # five bad in two minutes
        (((2, 20), (2, 20)), Class.BAD),  # four are too few
        (((0, 20), (5, 20)), Class.BAD),  # all in one minute
        (((5, 20), (0, 20)), Class.CLEAN),  # this minute is well
        (((5, 20), (0, 0)), Class.NODATA),
        (((9, 20), (1, 60)), Class.CLEAN),  # a breach needs a minute that is bad itself
        (((9, 20), (1, 5)), Class.BREACH),
        (((5, 292), (5, 100)), Class.BAD),  # 10 of 392: surely above 0.999 %
        (((5, 291), (5, 100)), Class.BREACH),  # 10 of 391: surely above 1.002 %
        (((1, 20), (0, 20), (0, 20), (0, 20), (4, 20)), Class.BREACH),  # five minutes back still counts
    ],
)
def test_the_window_clause_at_each_of_its_borders(minutes: tuple[tuple[int, int], ...], expected: Class) -> None:
    verdict = judge(FIVE_XX, history(*minutes))
    assert verdict.minute_class is expected, verdict.reason
    assert not verdict.critical
    assert verdict.reason


@pytest.mark.parametrize(
    ("bad", "total", "critical"),
    [
        (CRITICAL_MIN_BAD, 20, True),
        (CRITICAL_MIN_BAD - 1, 19, False),
        (20, 80, True),  # surely above 13.7 %: more than ten times the floor
        (20, 105, True),  # 10.001 %
        (20, 106, False),  # 9.9 %
    ],
)
def test_the_critical_clause_at_each_of_its_borders(bad: int, total: int, critical: bool) -> None:
    verdict = judge(FIVE_XX, history((bad, total)))
    assert (wilson_by_bisection(bad, total, EVIDENCE_Z) > 0.1 and bad >= 20) is critical
    assert (verdict.critical, verdict.minute_class) == (critical, Class.BREACH if critical else Class.BAD)


def test_the_critical_clause_never_asks_for_more_than_a_half() -> None:
    rule = Rule("429", status=("429",), floor=0.2)
    assert judge(rule, history((80, 100))).critical  # surely above 0.65
    assert not judge(rule, history((60, 100))).critical  # surely above 0.44


@pytest.mark.parametrize(("bad", "total", "breach"), [(5, 100, True), (4, 100, False), (5, 5, True)])
def test_a_count_rule_fires_at_its_threshold(bad: int, total: int, breach: bool) -> None:
    rule = Rule("some", kind=Kind.COUNT, status=("500",), threshold=5)
    assert (judge(rule, history((bad, total))).minute_class is Class.BREACH) is breach


@pytest.mark.parametrize(("bad", "expected"), [(2, Class.CLEAN), (3, Class.BAD), (5, Class.BAD), (6, Class.BREACH)])
def test_a_count_rule_tolerates_less_than_half_of_its_threshold(bad: int, expected: Class) -> None:
    rule = Rule("some", kind=Kind.COUNT, status=("500",), threshold=6)
    assert judge(rule, history((bad, 1000))).minute_class is expected


@pytest.mark.parametrize(
    ("bad", "total", "breach"), [(10, 100, False), (11, 100, True), (6, 49, False), (6, 50, True), (5, 50, False)]
)
def test_a_ratio_rule_fires_above_its_share_and_from_its_requests_on(bad: int, total: int, breach: bool) -> None:
    rule = Rule("share", kind=Kind.RATIO, status=("5xx",), threshold=0.10, min_requests=50)
    assert (judge(rule, history((bad, total))).minute_class is Class.BREACH) is breach


@pytest.mark.parametrize("q", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_quantile_is_over_its_limit_when_more_than_the_rest_is(q: float) -> None:
    rule = Rule("slow", kind=Kind.QUANTILE, over=1.0, quantile=q)
    allowed = round((1 - q) * 1000)
    assert judge(rule, history((allowed, 1000))).minute_class is not Class.BREACH
    assert judge(rule, history((allowed + 1, 1000))).minute_class is Class.BREACH


def test_a_quantile_of_too_few_requests_says_nothing() -> None:
    rule = Rule("slow", kind=Kind.QUANTILE, over=1.0, quantile=0.95, min_requests=20)
    assert judge(rule, history((19, 19))).minute_class is Class.BAD
    assert judge(rule, history((20, 20))).minute_class is Class.BREACH


@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_the_kind_no_traffic_is_no_data_and_nothing_bad_is_clean(kind: Kind) -> None:
    rule = Rule("any", kind=kind, status=("5xx",), over=1.0 if kind is Kind.QUANTILE else None, threshold=0.1)
    assert judge(rule, history((9, 9), (0, 0))).minute_class is Class.NODATA
    assert judge(rule, history((9, 9), (0, 5))).minute_class is Class.CLEAN


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=WINDOW))
def test_a_breach_is_a_minute_that_is_bad_with_five_in_the_window(parts: list[tuple[int, int]]) -> None:
    minutes = [(bad, bad + good) for bad, good in parts]
    verdict = judge(FIVE_XX, history(*minutes))
    if verdict.minute_class is Class.BREACH:
        assert is_bad(FIVE_XX, Count(*minutes[-1]))
        assert sum(bad for bad, _ in minutes) >= 5
        assert sum(bad for bad, _ in minutes) / sum(total for _, total in minutes) > 0.01 or verdict.critical


@pytest.mark.parametrize(
    ("named", "status", "matches"),
    [("5xx", "502", True), ("5xx", "499", False), ("502", "502", True), ("502", "503", False), ("4xx", "499", True)],
)
def test_statuses_match_by_code_and_by_class(named: str, status: str, matches: bool) -> None:
    assert Rule("any", status=(named,)).matches(status) is matches


@pytest.mark.parametrize("odd", ["-", "", "5", "50", "5000"])
def test_what_is_no_status_is_of_no_class(odd: str) -> None:
    assert not FIVE_XX.matches(odd)


def test_the_default_rules_are_the_table_of_the_specification() -> None:
    rows = [(r.name, r.unit, r.status, r.over, r.floor, r.min_bad, r.severity, r.escalates) for r in DEFAULT_RULES]
    assert rows == [
        ("5xx", Unit.ATTEMPT, ("5xx",), None, 0.01, 5, Severity.WARNING, True),
        ("499", Unit.ATTEMPT, ("499",), None, 0.05, 10, Severity.WARNING, False),
        ("request_time", Unit.REQUEST, (), 5.0, 0.05, 10, Severity.WARNING, False),
        ("upstream_response_time", Unit.ATTEMPT, (), 3.0, 0.05, 10, Severity.WARNING, False),
    ]
    assert all(rule.kind is Kind.EVIDENCE for rule in DEFAULT_RULES)
