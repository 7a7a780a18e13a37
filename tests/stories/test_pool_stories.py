"""Nodes and the pool they stand in: widening, merging, and a node that fails while the pool recovers."""

from __future__ import annotations

from story import Tell, bad, escalation, onset, summary

from incidents.domain.incident import State


def test_a_node_incident_widens_to_the_pool_with_one_escalation_and_keeps_its_name(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20)
    at("10:05", "10:20").lines(a=bad(8))
    at("10:07").want(onset("a", severity="warning", first="10:05"))
    before = at("10:07").incident("a").id
    at("10:10", "10:20").lines(b=bad(8), c=bad(8))
    # In their first minute the others do not breach alone; but all are bad, and blame says pool.
    at("10:11").want(escalation("pool", severity="critical"))
    at("10:25").want(summary("pool", first="10:05", last="10:19"))
    (incident,) = at("10:40").story.everything()
    assert incident.id == before


def test_widening_takes_the_other_node_incidents_in_and_they_end_without_a_summary(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20, e=20)
    at("10:05", "10:20").lines(a=bad(8))
    at("10:07").want(onset("a"))
    at("10:08", "10:20").lines(b=bad(8))
    at("10:10").want(onset("b"))
    at("10:13", "10:20").lines(c=bad(8), d=bad(8), e=bad(8))
    at("10:14").want(escalation("pool"))
    merged = at("10:14").incident("b")
    assert (merged.state, merged.merged_into) == (State.MERGED, at("10:14").incident("pool").id)
    assert merged.closed_at == at("10:14").start
    at("10:25").want(summary("pool", first="10:05", last="10:19"))
    assert len(at("10:40").story.everything()) == 2


def test_a_recovering_pool_is_not_kept_open_by_one_node_and_that_node_is_a_new_fault(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(a=bad(8), b=bad(8), c=bad(8))
    at("10:07").want(onset("pool"))
    at("10:09", "10:14").lines(a=bad(15))
    at("10:11").want(onset("a", first="10:09"))
    at("10:13").want(summary("pool", last="10:07"))
    at("10:19").want(summary("a", last="10:13"))


def test_while_the_pool_is_down_a_node_that_stays_bad_opens_nothing_until_the_pool_recovers(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20)
    at("10:05", "10:08").lines(b=bad(8), c=bad(8), d=bad(8))
    at("10:05", "10:14").lines(a=bad(15))
    at("10:07").want(onset("pool"))
    # 10:08: node a goes on, the rest is well. The pool was open until then, and recovers with this minute.
    at("10:09").want()
    assert at("10:09").state("pool") == "recovering"
    at("10:10").want(onset("a", first="10:08"))
    at("10:13").want(summary("pool", last="10:07"))
    at("10:19").want(summary("a", last="10:13"))


def test_a_pool_that_is_bad_everywhere_below_any_single_nodes_line_is_kept_open(at: Tell) -> None:
    at("10:00", "10:30").lines(a=60, b=60, c=60, d=60, e=60, f=60)
    at("10:05", "10:08").lines(a=bad(20), b=bad(20), c=bad(20), d=bad(20), e=bad(20), f=bad(20))
    at("10:06").want(onset("pool"))
    at("10:08", "10:12").lines(a=bad(1), b=bad(1), c=bad(1), d=bad(1), e=bad(1), f=bad(1))
    at("10:12").want()
    at("10:17").want(summary("pool", last="10:11"))


def test_two_incidents_of_two_nodes_are_taken_on_by_the_minutes_of_both(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20, e=20, f=20, g=20)
    at("10:05", "10:20").lines(a=bad(15))
    at("10:07").want(onset("a"))
    at("10:10", "10:15").lines(b=bad(15), c=bad(15))
    at("10:12").want(onset("b+c"))
    at("10:20").want(summary("b+c", last="10:14"))
    at("10:25").want(summary("a", last="10:19"))


def test_a_node_of_an_open_pair_that_goes_on_alone_keeps_the_pairs_incident(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20, e=20)
    at("10:05", "10:08").lines(a=bad(15), b=bad(15))
    at("10:07").want(onset("a+b"))
    at("10:08", "10:13").lines(b=bad(15))
    at("10:17").want()
    at("10:18").want(summary("a+b", last="10:12"))


def test_a_minute_that_only_the_service_breaches_goes_to_the_oldest_open_incident(at: Tell) -> None:
    at("10:00", "10:30").lines(a=10, b=10, c=10, d=10, e=10, f=10)
    at("10:05", "10:08").lines(a=bad(8))
    at("10:07").want(onset("a"))
    # Spread thinly over the others: the sum breaches, no node does, and blame finds none that stands out.
    at("10:08", "10:10").lines(b=bad(2), c=bad(2), d=bad(2), e=bad(2), f=bad(2))
    at("10:14").want()
    at("10:15").want(summary("a", last="10:09"))


def test_a_minute_that_only_the_service_breaches_is_the_pools_when_nothing_is_open(at: Tell) -> None:
    at("10:00", "10:30").lines(a=10, b=10, c=10, d=10, e=10, f=10)
    at("10:08", "10:10").lines(a=bad(2), b=bad(2), c=bad(2), d=bad(2), e=bad(2), f=bad(2))
    at("10:10").want(onset("pool", first="10:08"))
    at("10:15").want(summary("pool", last="10:09"))
