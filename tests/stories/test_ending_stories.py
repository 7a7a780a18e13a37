"""When an incident ends: every row of the lifecycle's table that a closed minute can take."""

from __future__ import annotations

from story import Story, Tell, bad, onset, summary

from incidents.domain.rulebook import Lifecycle, Rulebook


def states(at: Tell, culprit: str, start: int, minutes: int) -> list[str]:
    """The state at the end of each of these minutes of the hour from 10:00 on."""
    return [at(f"10:{minute + 1:02d}").state(culprit) for minute in range(start, start + minutes)]


def test_a_bad_minute_while_recovering_starts_the_wait_again_without_reopening(at: Tell) -> None:
    at("10:00", "10:30").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:13").lines(a=bad(2))  # outside the window of the first two: bad, and no breach
    at("10:07").want(onset("a"))
    at("10:12").want(summary("a", last="10:06"))
    at("10:20", "10:22").lines(a=bad(6))
    at("10:24").lines(a=[bad(2)])
    at("10:22").want(onset("a"))
    assert states(at, "a", 22, 3) == ["recovering", "recovering", "open"]
    incident = at("10:25").incident("a")
    assert incident.last_minute == at("10:24").start


def test_an_incident_that_breaks_again_while_recovering_is_reopened_and_says_nothing(at: Tell) -> None:
    at("10:00", "10:40").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:09", "10:11").lines(a=bad(6))
    at("10:07").want(onset("a"))
    assert states(at, "a", 7, 4) == ["recovering", "recovering", "open", "open"]
    at("10:16").want(summary("a", first="10:05", last="10:10"))
    incident = at("10:20").incident("a")
    assert (incident.reopened, incident.longest_quiet) == (1, 2)


def test_the_hold_is_twice_the_longest_quiet_spell_seen(at: Tell) -> None:
    at("10:00", "11:00").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:11", "10:13").lines(a=bad(6))  # after four clean minutes
    at("10:07").want(onset("a"))
    at("10:20").want()
    assert at("10:20").state("a") == "recovering"
    at("10:21").want(summary("a", last="10:12"))  # eight clean minutes, not five


def test_the_hold_never_grows_beyond_half_an_hour(at: Tell) -> None:
    at("10:00", "12:30").lines(a=20, b=20, c=20)
    # Quiet spells of 4, 7, 13 and 25 minutes, each too short for the hold of its time; twice the last would be 50.
    for start, end in (("10:05", "10:07"), ("10:11", "10:13"), ("10:20", "10:22"), ("10:35", "10:37")):
        at(start, end).lines(a=bad(6))
    at("11:02", "11:04").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("11:33").want()
    assert at("11:33").incident("a").longest_quiet == 25
    at("11:34").want(summary("a", last="11:03"))


def test_a_relapse_within_half_an_hour_starts_with_a_hold_of_fifteen(at: Tell) -> None:
    at("10:00", "11:30").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("10:12").want(summary("a"))
    first = at("10:12").incident("a").id
    at("10:41", "10:43").lines(a=bad(6))  # 29 minutes after it was closed
    at("10:43").want(onset("a", first="10:41"))
    again = at("10:43").incident("a")
    assert (again.hold, again.previous_id) == (15, first)
    at("10:57").want()
    at("10:58").want(summary("a", last="10:42"))


def test_a_fault_that_comes_back_after_half_an_hour_is_linked_and_starts_with_the_usual_hold(at: Tell) -> None:
    at("10:00", "11:30").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("10:12").want(summary("a"))
    first = at("10:12").incident("a").id
    at("10:42", "10:44").lines(a=bad(6))
    at("10:44").want(onset("a"))
    assert (at("10:44").incident("a").hold, at("10:44").incident("a").previous_id) == (5, first)
    at("10:49").want(summary("a"))


def test_a_fault_of_another_node_is_no_relapse(at: Tell) -> None:
    at("10:00", "11:00").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:20", "10:22").lines(b=bad(6))
    at("10:22").want(onset("a"), summary("a"), onset("b"))
    assert (at("10:22").incident("b").hold, at("10:22").incident("b").previous_id) == (5, None)
    at("10:27").want(summary("b"))


def test_after_a_day_the_previous_incident_is_not_linked_any_more(at: Tell) -> None:
    at("10:05", "10:07").lines(a=[20, bad(6)], b=20, c=20)
    at("10:07", "10:12").lines(a=20, b=20, c=20)
    at("10:12").want(onset("a"), summary("a"))
    at("34:12", "34:14").lines(a=[20, bad(6)], b=20, c=20)
    at("34:14").want(onset("a"))
    assert at("34:14").incident("a").previous_id is None


def test_within_a_day_the_previous_incident_is_linked(at: Tell) -> None:
    at("10:05", "10:07").lines(a=[20, bad(6)], b=20, c=20)
    at("10:07", "10:12").lines(a=20, b=20, c=20)
    at("10:12").want(onset("a"), summary("a"))
    at("34:11", "34:13").lines(a=[20, bad(6)], b=20, c=20)
    at("34:13").want(onset("a", first="34:11"))
    assert at("34:13").incident("a").previous_id == at("10:12").story.everything()[0].id


def test_no_traffic_is_no_recovery(at: Tell) -> None:
    at("10:00", "10:07").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    assert at("10:21").state("a") == "open"
    assert at("10:22").state("a") == "stale"
    at("11:06").want()
    at("11:07").want(summary("a", reason="no_traffic", last="10:06"))
    assert at("11:07").incident("a").resolved_at is None


def test_a_silence_of_fourteen_minutes_does_not_count_against_the_hold(at: Tell) -> None:
    at("10:00", "10:10").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:24", "10:40").lines(a=20, b=20, c=20)
    at("10:07").want(onset("a"))
    assert (at("10:24").state("a"), at("10:24").incident("a").quiet) == ("recovering", 3)
    at("10:25").want()
    at("10:26").want(summary("a", last="10:06"))


def test_a_stale_incident_goes_on_recovering_where_it_was(at: Tell) -> None:
    at("10:00", "10:10").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    assert at("10:26").state("a") == "stale"
    at("10:26", "10:40").lines(a=20, b=20, c=20)
    assert at("10:27").state("a") == "recovering"
    assert (at("10:27").incident("a").quiet, at("10:27").incident("a").quiet_requests) == (4, 80)
    at("10:28").want(summary("a"))


def test_a_stale_incident_whose_fault_is_still_there_is_open_again_and_says_nothing(at: Tell) -> None:
    at("10:00", "10:07").lines(a=20, b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("10:30").lines(a=[20, bad(6)], b=20, c=20)
    assert (at("10:30").state("a"), at("10:31").state("a")) == ("stale", "open")
    assert at("10:31").incident("a").last_minute == at("10:30").start


def test_a_node_that_left_rotation_is_closed_as_gone_and_not_as_recovered(at: Tell) -> None:
    at("10:00", "10:07").lines(a=20)
    at("10:00", "10:40").lines(b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("10:21").want()
    assert at("10:21").state("a") == "open"
    at("10:22").want(summary("a", reason="culprit_gone", last="10:06"))
    assert at("10:22").incident("a").resolved_at is None


def test_a_trickle_of_clean_requests_closes_it_when_ten_were_seen(at: Tell) -> None:
    at("10:00", "10:07").lines(a=5, b=20, c=20)
    at("10:07", "11:00").lines(b=20, c=20)
    at("10:05", "10:07").lines(a=bad(6))
    for minute in range(7, 60, 5):
        at(f"10:{minute:02d}").lines(a=1)
    at("10:07").want(onset("a"))
    at("10:52").want()  # nine quiet minutes with a request: the hold is over, the proof is missing
    at("10:53").want(summary("a", last="10:06"))
    assert (at("10:53").incident("a").quiet, at("10:53").incident("a").quiet_requests) == (10, 10)


def test_half_an_hour_of_clean_minutes_with_too_few_requests_closes_it_as_little_traffic() -> None:
    story = Story(Rulebook(lifecycle=Lifecycle(min_quiet_requests=100)))
    at = story.at
    at("10:00", "10:07").lines(a=5)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07", "10:40").lines(a=2)
    at("10:36").want(onset("a"))
    at("10:37").want(summary("a", reason="little_traffic", last="10:06"))
    assert at("10:37").incident("a").resolved_at == at("10:07").start


def test_one_request_in_each_of_thirty_minutes_is_not_little_traffic_but_enough(at: Tell) -> None:
    at("10:00", "10:07").lines(a=5)
    at("10:05", "10:07").lines(a=bad(6))
    at("10:07").want(onset("a"))
    at("10:07", "11:00").lines(a=1)
    at("10:16").want()
    at("10:17").want(summary("a", reason="recovered"))
