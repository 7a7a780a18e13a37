"""When an incident begins, and whose it is."""

from __future__ import annotations

from story import Story, Tell, bad, escalation, left, masked, onset, slow, slow_client, summary

from incidents.domain.incident import CulpritKind
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Lifecycle, Rulebook


def test_a_node_that_fails_gives_one_onset_and_one_summary(at: Tell) -> None:
    at("10:00", "10:30").lines(a=20, b=20, c=20)
    at("10:03", "10:06").lines(a=bad(6))
    at("10:04").want()
    at("10:05").want(onset("a", severity="warning", first="10:03"))
    at("10:10").want()
    at("10:11").want(summary("a", first="10:03", last="10:05"))
    at("10:30").want()
    incident = at("10:30").incident("a")
    assert (incident.breach_minutes, incident.reopened, incident.closed_at) == (2, 0, at("10:11").start)
    assert incident.resolved_at == at("10:06").start


def test_a_node_that_fails_outright_is_critical_after_one_minute(at: Tell) -> None:
    at("10:00", "10:10").lines(a=30, b=30, c=30)
    at("10:03").lines(a=bad(25))
    at("10:04").want(onset("a", severity="critical", first="10:03"))
    at("10:09").want(summary("a"))


def test_a_lone_500_now_and_then_says_nothing(at: Tell) -> None:
    at("10:00", "11:00").lines(a=60, b=60)
    for minute in range(0, 60, 7):
        at(f"10:{minute:02d}").lines(a=bad(1, status=500))
    at("11:00").want()


def test_a_burst_in_one_minute_that_is_not_critical_waits_for_a_second_one(at: Tell) -> None:
    at("10:00", "10:20").lines(a=30, b=30)
    at("10:05").lines(a=bad(12))
    at("10:10").want()
    at("10:10").lines(a=bad(12))
    at("10:20").want()  # five minutes later the first burst has left the window
    assert at("10:20").story.everything() == []


def test_what_retries_hide_from_clients_is_still_the_nodes_fault(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(a=masked(6, by="b"))
    at("10:07").want(onset("a", first="10:05"))
    at("10:13").want(summary("a", last="10:07"))


def test_two_nodes_that_break_together_are_one_incident(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20, b=20, c=20, d=20, e=20)
    at("10:05", "10:08").lines(a=bad(8), b=bad(9))
    at("10:07").want(onset("a+b", first="10:05"))
    at("10:13").want(summary("a+b"))
    assert at("10:20").incident("a+b").culprit.kind is CulpritKind.NODES


def test_two_nodes_that_break_apart_are_two_incidents(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20, e=20)
    at("10:05", "10:20").lines(a=bad(8))
    at("10:07").want(onset("a"))
    at("10:15", "10:25").lines(b=bad(8))
    at("10:17").want(onset("b", first="10:15"))
    at("10:25").want(summary("a", last="10:19"))
    at("10:30").want(summary("b", last="10:24"))


def test_a_node_that_breaks_when_another_one_recovers_is_its_own_incident(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(a=bad(15))
    at("10:07").want(onset("a"))
    at("10:08", "10:11").lines(b=bad(15))
    at("10:10").want(onset("b", first="10:08"))
    # At 10:08 only the sum over the service breaches, and no node alone: the oldest open incident takes the minute.
    at("10:14").want(summary("a", last="10:08"))
    at("10:16").want(summary("b", last="10:10"))


def test_of_two_nodes_each_failing_in_its_turn_each_is_named(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20)
    at("10:05", "10:08").lines(a=bad(15))
    at("10:07").want(onset("a"))
    at("10:08", "10:11").lines(b=bad(15))
    at("10:10").want(onset("b", first="10:08"))
    at("10:14").want(summary("a"))
    at("10:16").want(summary("b"))


def test_most_of_the_nodes_together_are_the_pool(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(a=bad(8), b=bad(8))
    at("10:07").want(onset("pool", severity="critical", first="10:05"))
    at("10:13").want(summary("pool", last="10:07"))


def test_no_live_upstream_is_the_pool_and_never_a_node(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(dead=bad(8), a=bad(5))
    at("10:07").want(onset("pool", first="10:05"))
    at("10:13").want(summary("pool"))


def test_one_server_of_a_pool_of_one_is_named(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20)
    at("10:05", "10:08").lines(a=bad(8))
    at("10:07").want(onset("a"))
    assert at("10:07").incident("a").confidence == "single"
    at("10:13").want(summary("a"))


def test_a_log_without_upstreams_is_judged_per_service(at: Tell) -> None:
    at("10:00", "10:20").lines(none=40)
    at("10:05", "10:08").lines(none=bad(8, status=500))
    at("10:07").want(onset("service", severity="critical", first="10:05"))
    at("10:13").want(summary("service", last="10:07"))


def test_clients_that_go_away_everywhere_are_the_pool_and_at_one_node_are_that_node(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20, d=20)
    at("10:05", "10:08").lines(a=left(12))
    at("10:07").want(onset("a"))
    at("10:13").want(summary("a"))
    at("10:30", "10:33").lines(a=left(12), b=left(12), c=left(12), d=left(12))
    at("10:32").want(onset("pool", severity="warning"))
    at("10:38").want(summary("pool"))


def test_slow_requests_name_no_node_and_slow_attempts_do(at: Tell) -> None:
    at("10:00", "11:00").lines(a=20, b=20, c=20)
    at("10:05", "10:08").lines(a=slow(10, 4.0))
    at("10:07").want(onset("a"))
    assert {(s.rule, s.node) for s in at("10:10").incident("a").symptoms} == {("upstream_response_time", "a:80")}
    at("10:13").want(summary("a"))
    at("10:50", "10:53").lines(none=slow(20, 6.0))
    at("10:52").want(onset("pool"))
    assert {(s.rule, s.node) for s in at("10:52").incident("pool").symptoms} == {("request_time", None)}
    at("10:58").want(summary("pool"))


def test_where_there_is_one_server_slow_requests_are_its_and_keep_its_incident_open() -> None:
    story = Story(Rulebook(lifecycle=Lifecycle(hold=12)))
    story.at("10:00", "11:00").lines(a=20)
    story.at("10:05", "10:07").lines(a=slow_client(10, 6.0))
    story.at("10:07").want(onset("a", first="10:05"))
    story.at("10:14").lines(a=slow_client(3, 6.0))  # bad, and no breach
    story.at("10:26").want()
    story.at("10:29").want(summary("a", last="10:14"))
    assert [(s.rule, s.node) for s in story.at("10:29").incident("a").symptoms] == [("request_time", None)]


def test_slow_but_below_the_limit_says_nothing(at: Tell) -> None:
    at("10:00", "10:30").lines(a=slow(30, 3.0), b=20)
    at("10:30").want()


def test_a_symptom_that_joins_an_open_incident_is_recorded_and_sends_nothing(at: Tell) -> None:
    at("10:00", "10:20").lines(a=20, b=20, c=20, d=20)
    at("10:05", "10:10").lines(a=bad(8))
    at("10:07").want(onset("a", severity="warning"))
    at("10:07", "10:10").lines(a=slow(20, 4.0))
    at("10:10").want()
    symptoms = {(s.rule, s.node): (s.first_minute, s.last_minute) for s in at("10:10").incident("a").symptoms}
    assert symptoms == {
        ("5xx", "a:80"): (at("10:05").start, at("10:09").start),
        ("upstream_response_time", "a:80"): (at("10:07").start, at("10:09").start),
    }
    at("10:15").want(summary("a"))


def test_a_fault_that_worsens_is_escalated_once(at: Tell) -> None:
    at("10:00", "10:30").lines(a=20, b=20, c=20, d=20)
    at("10:05", "10:15").lines(a=bad(8))
    at("10:07").want(onset("a", severity="warning"))
    at("10:08", "10:10").lines(a=bad(40))
    at("10:09").want(escalation("a", severity="critical"))
    at("10:12", "10:14").lines(a=bad(40))
    at("10:19").want()
    at("10:20").want(summary("a", last="10:14"))
    assert at("10:20").incident("a").severity is Severity.CRITICAL


def test_the_symptoms_of_one_node_are_not_written_to_anothers_incident(at: Tell) -> None:
    at("10:00", "10:30").lines(a=20, b=20, c=20, d=20, e=20)
    at("10:05", "10:15").lines(a=slow(30, 4.0))
    at("10:07").want(onset("a"))
    at("10:10", "10:13").lines(b=bad(8))
    at("10:12").want(onset("b"))
    assert {(s.rule, s.node) for s in at("10:12").incident("b").symptoms} == {("5xx", "b:80")}
    at("10:18").want(summary("b"))
    at("10:20").want(summary("a"))
