"""What is said of an incident: sums over whole minutes, the culprit's peak, and lines worth reading."""

from __future__ import annotations

import pytest
from tallies import minute

from incidents.domain.incident import Culprit, CulpritKind, Incident, State, Symptom
from incidents.domain.minute import MINUTE, NO_NODE, AttemptTally, Evidence, ServiceTally
from incidents.domain.rule import DEFAULT_RULES, Count, Rule, Severity, Unit
from incidents.domain.summary import MAX_SAMPLES, Summary, choose_samples, counts_of, is_bad_status, summarise

START = 1_772_409_600
RULES = {rule.name: rule for rule in DEFAULT_RULES}
FIVE_XX, CLIENT_LEFT, REQUEST_TIME, UPSTREAM_TIME = DEFAULT_RULES


def incident(*nodes: str, first: int = 1, last: int = 2) -> Incident:
    culprit = Culprit.of_nodes(set(nodes)) if nodes else Culprit(CulpritKind.POOL)
    return Incident(
        id="1",
        service="pay",
        culprit=culprit,
        state=State.OPEN,
        severity=Severity.WARNING,
        first_minute=START + first * MINUTE,
        last_minute=START + last * MINUTE,
        opened_minute=START + last * MINUTE,
        detected_at=START + (last + 1) * MINUTE + 5,
        symptoms=[Symptom("5xx", node, START + first * MINUTE, START + last * MINUTE) for node in (nodes or (None,))],
    )


def told(about: Incident, *minutes: ServiceTally) -> Summary:
    numbered = [(START + number * MINUTE, tally) for number, tally in enumerate(minutes)]
    return summarise(about, numbered, RULES, [])


QUIET = minute(a=(0, 20), b=(0, 20), none=(0, 3))


def test_figures_sum_the_incidents_minutes_and_no_other() -> None:
    found = told(
        incident("a"),
        minute(a=(3, 20), b=(0, 20)),
        minute(a=(6, 20), b=(1, 20), none=(0, 3)),
        minute(a=(7, 20), b=(0, 20), none=(2, 3)),
        minute(a=(1, 20), b=(0, 20)),
    )
    assert [(node.node, node.attempts, node.bad, node.by_status) for node in found.nodes] == [
        ("a", 40, 13, {"200": 27, "502": 13}),
        ("b", 40, 1, {"200": 39, "502": 1}),
    ]
    assert [node.share for node in found.nodes] == [0.9286, 0.0714]
    assert (found.totals.attempts, found.totals.bad_attempts) == (80, 14)
    assert found.totals.by_status == {"200": 66, "502": 14}
    # Two bad requests without any upstream are bad requests, and nobody's attempts.
    assert (found.totals.requests, found.totals.bad_requests) == (86, 16)
    assert [(s.rule, s.node, s.bad, s.total) for s in found.symptoms] == [("5xx", "a", 13, 40)]
    assert found.symptoms[0].description == FIVE_XX.describe()
    assert found.duration == 2 * MINUTE


def test_the_peak_is_the_culprits_worst_minute_and_the_first_of_equals() -> None:
    minutes = QUIET, minute(a=(6, 20), b=(9, 20)), minute(a=(8, 30), b=(0, 20)), minute(a=(8, 9), b=(0, 20))
    found = told(incident("a", last=3), *minutes)
    assert (found.peak.minute, found.peak.bad, found.peak.total) == (START + 2 * MINUTE, 8, 30)
    whole = told(incident(last=3), *minutes)
    assert (whole.peak.minute, whole.peak.bad, whole.peak.total) == (START + MINUTE, 15, 40)


def test_first_and_last_bad_second_are_the_culprits() -> None:
    tally = ServiceTally(
        nodes={
            "a": AttemptTally(20, 3, {"502": 3}, first_bad=START + 70, last_bad=START + 90),
            "b": AttemptTally(20, 1, {"502": 1}, first_bad=START + 61, last_bad=START + 119),
            NO_NODE: AttemptTally(1, 0, {"200": 1}),
        }
    )
    mine = told(incident("a", last=1), QUIET, tally)
    assert (mine.first_bad_at, mine.last_bad_at) == (START + 70, START + 90)
    everyones = told(incident(last=1), QUIET, tally)
    assert (everyones.first_bad_at, everyones.last_bad_at) == (START + 61, START + 119)


def test_who_was_not_affected_is_named() -> None:
    found = told(incident("a"), QUIET, minute(a=(6, 20), b=(1, 20), c=(0, 20)), minute(a=(6, 20), d=(0, 1)))
    assert found.unaffected == ["c", "d"]


def test_without_any_bad_minute_there_is_nothing_to_divide_by() -> None:
    found = told(incident("a"), QUIET, QUIET)
    assert [node.share for node in found.nodes] == [0.0, 0.0]
    assert (found.first_bad_at, found.last_bad_at, found.samples, found.first_line) == (None, None, [], None)
    assert (found.peak.bad, found.peak.minute) == (0, START + MINUTE)


def test_a_symptom_of_a_rule_that_is_gone_is_kept_without_figures() -> None:
    about = incident("a")
    about.symptoms.append(Symptom("old", "a", START + MINUTE, START + MINUTE))
    found = told(about, QUIET, minute(a=(6, 20)))
    assert [(s.rule, s.bad, s.total, s.description) for s in found.symptoms][1] == ("old", 0, 0, "")


def test_minutes_around_the_incident_are_for_the_chart_alone() -> None:
    found = told(incident("a", last=1), minute(a=(3, 20), b=(5, 20)), minute(a=(6, 20)), QUIET)
    assert [(point.bad, point.total, point.by_status) for point in found.minutes] == [
        (3, 20, {"502": 3}),
        (6, 20, {"502": 6}),
        (0, 20, {}),
    ]


def lines(*statuses: str) -> list[Evidence]:
    return [Evidence(START + i, f"r{i}", "a", status, f"line {i}") for i, status in enumerate(statuses)]


def test_one_line_of_each_status_comes_before_a_second_of_the_same() -> None:
    chosen = choose_samples(lines("502", "502", "502", "502", "502", "502", "504", "499"))
    assert [line.request_id for line in chosen] == ["r0", "r1", "r2", "r6", "r7"]
    assert len(chosen) == MAX_SAMPLES
    assert choose_samples([]) == []


def test_samples_are_the_culprits_lines_in_the_order_of_time() -> None:
    tally = minute(a=(6, 20), b=(1, 20))
    tally.evidence = [
        Evidence(START + 75, "r2", "a", "502", "second"),
        Evidence(START + 61, "r0", "b", "502", "another's"),
        Evidence(START + 70, "r1", "a", "502", "first"),
    ]
    found = told(incident("a", last=1), QUIET, tally)
    assert [sample.line for sample in found.samples] == ["first", "second"]
    assert found.first_line is not None
    assert found.last_line is not None
    assert (found.first_line.line, found.last_line.line) == ("first", "second")
    assert [sample.node for sample in told(incident(last=1), QUIET, tally).samples] == ["b", "a", "a"]


@pytest.mark.parametrize(
    ("status", "bad"),
    [
        ("500", True),
        ("502", True),
        ("599", True),
        ("499", True),
        ("404", False),
        ("-", False),
        ("5", False),
        ("009", False),
    ],
)
def test_what_is_bad_whatever_rules_are_in_force(status: str, bad: bool) -> None:
    assert is_bad_status(status) is bad


def test_counts_are_per_request_or_per_attempt_as_the_rule_says() -> None:
    tally = minute(a=(6, 20), b=(1, 20), none=(2, 3), slow_requests=4)
    tally.nodes["a"].slow[3000] = 5
    assert counts_of(FIVE_XX, tally, "a") == Count(6, 20)
    assert counts_of(FIVE_XX, tally, None) == Count(9, 43)  # a request without upstream counts as one
    assert counts_of(FIVE_XX, tally, "nobody") == counts_of(FIVE_XX, None, "a") == Count(0, 0)
    assert counts_of(REQUEST_TIME, tally, None) == Count(4, 43)
    assert counts_of(UPSTREAM_TIME, tally, "a") == Count(5, 20)
    final = Rule("final", unit=Unit.REQUEST, status=("502",))
    assert counts_of(final, tally, None) == Count(9, 43)
