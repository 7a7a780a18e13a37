"""What an edit of the rules does to what is open, and rules that wait for N of M minutes."""

from __future__ import annotations

import msgspec
import pytest
from story import At, Story, bad, onset, summary

from incidents.domain.rule import DEFAULT_RULES, Kind, Rule
from incidents.domain.rulebook import Lifecycle, Rulebook, Service


def edited(version: int, **changes: object) -> Rulebook:
    """The default rules with the 5xx rule changed."""
    first, *others = DEFAULT_RULES
    return Rulebook(version=version, rules=(msgspec.structs.replace(first, **changes), *others))


def without(version: int, *names: str) -> Rulebook:
    return Rulebook(version=version, rules=tuple(rule for rule in DEFAULT_RULES if rule.name not in names))


def failing(story: Story) -> None:
    """Node a fails for twenty minutes, and is found out."""
    story.at("10:00", "11:00").lines(a=20, b=20, c=20)
    story.at("10:05", "10:25").lines(a=bad(6))
    story.at("10:07").want(onset("a", first="10:05"))


def test_a_rule_that_is_removed_closes_what_only_it_had_opened() -> None:
    story = Story()
    failing(story)
    story.at("10:10").rules(without(1, "5xx"))
    story.at("10:10").want()
    story.at("10:11").want(summary("a", reason="rule_changed", last="10:09"))
    assert story.at("10:11").incident("a").resolved_at is None
    story.at("11:00").want()


def test_a_rule_that_is_switched_off_for_the_service_alone_closes_it_too() -> None:
    story = Story()
    failing(story)
    story.at("10:10").rules(Rulebook(version=1, services=(Service("checkout", rules={"5xx": None}),)))
    story.at("10:11").want(summary("a", reason="rule_changed"))


def test_a_rule_of_another_service_that_is_switched_off_closes_nothing() -> None:
    story = Story()
    failing(story)
    story.at("10:10").rules(Rulebook(version=1, services=(Service("search", rules={"5xx": None}),)))
    story.at("10:29").want()
    story.at("10:30").want(summary("a", reason="recovered", last="10:24"))


def test_an_incident_with_another_symptom_outlives_one_of_its_rules() -> None:
    story = Story()
    failing(story)
    story.at("10:07", "10:25").lines(a=bad(40, status=499))
    story.at("10:12").want()
    story.at("10:12").rules(without(1, "5xx"))
    story.at("10:29").want()
    story.at("10:30").want(summary("a", reason="recovered", last="10:24"))


@pytest.mark.parametrize("changes", [{"floor": 0.9}, {"min_bad": 10_000}, {"kind": Kind.COUNT, "threshold": 1000.0}])
def test_a_threshold_edit_never_closes_an_open_incident(changes: dict[str, object]) -> None:
    story = Story()
    failing(story)
    story.at("10:10").rules(edited(1, **changes))
    story.at("10:29").want()
    story.at("10:30").want(summary("a", reason="recovered", last="10:24"))


def test_a_fault_that_the_edited_rule_does_not_mind_is_not_opened_again_once_it_was_closed() -> None:
    story = Story()
    failing(story)
    story.at("10:10").rules(edited(1, floor=0.9))
    story.at("10:40", "10:45").lines(a=bad(6))
    story.at("11:00").want(summary("a", reason="recovered", last="10:24"))


def test_a_stricter_rule_finds_what_the_one_before_it_let_pass() -> None:
    story = Story()
    story.at("10:00", "10:30").lines(a=60, b=60, c=60)
    story.at("10:00", "10:12").lines(a=bad(1))
    story.at("10:08").want()
    story.at("10:08").rules(edited(1, kind=Kind.COUNT, threshold=1.0))
    story.at("10:09").want(onset("a"))
    story.at("10:17").want(summary("a", last="10:11"))


def waiting(n: int, m: int) -> Story:
    return Story(Rulebook(rules=(Rule("5xx", kind=Kind.COUNT, status=("5xx",), threshold=5.0, n_of_m=(n, m)),)))


def state(at: At, culprit: str = "a") -> str:
    return at.state(culprit)


def test_a_rule_of_two_of_three_minutes_waits_for_the_second() -> None:
    story = waiting(2, 3)
    story.at("10:00", "10:20").lines(a=20, b=20, c=20)
    story.at("10:03").lines(a=bad(5))
    story.at("10:05").lines(a=bad(5))
    story.at("10:05").want()
    assert state(story.at("10:05")) == "pending"
    story.at("10:06").want(onset("a", first="10:03"))
    assert story.at("10:06").incident("a").detected_at == story.at("10:06").start + 5
    story.at("10:11").want(summary("a", last="10:05"))


def test_a_pending_incident_whose_minutes_have_passed_leaves_nothing_behind() -> None:
    story = waiting(2, 3)
    story.at("10:00", "10:20").lines(a=20, b=20, c=20)
    story.at("10:03").lines(a=bad(5))
    story.at("10:06").lines(a=bad(5))
    assert state(story.at("10:05")) == "pending"
    story.at("10:06").want()
    assert (story.live, story.ended) == ([], [])
    story.at("10:20").want()


def test_a_service_without_traffic_uses_up_the_minutes_of_a_pending_incident() -> None:
    story = waiting(2, 3)
    story.at("10:03").lines(a=[20, bad(5)], b=20, c=20)
    story.at("10:06").lines(a=[20, bad(5)], b=20, c=20)
    story.at("10:06").want()
    assert story.live == []
    story.at("10:20").want()


def test_a_rule_that_is_removed_takes_its_pending_incident_along_in_silence() -> None:
    story = waiting(2, 5)
    story.at("10:00", "10:20").lines(a=20, b=20, c=20)
    story.at("10:03").lines(a=bad(5))
    story.at("10:04").rules(without(1, "5xx"))
    story.at("10:20").want()
    assert story.live == []


def test_timers_come_from_the_rulebook() -> None:
    story = Story(Rulebook(lifecycle=Lifecycle(hold=2, stale_after=4, no_traffic_after=8)))
    story.at("10:00", "10:14").lines(a=20, b=20, c=20)
    story.at("10:02", "10:04").lines(a=bad(6))
    story.at("10:06").want(onset("a"), summary("a", last="10:03"))
    story.at("10:12", "10:14").lines(b=bad(6))
    story.at("10:14").want(onset("b"))
    assert state(story.at("10:18"), "b") == "stale"
    story.at("10:22").want(summary("b", reason="no_traffic"))
