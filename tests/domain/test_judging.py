"""One minute of one service: what is given stays as it is, and what comes back is complete."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import msgspec
from tallies import minute, window

from incidents.domain.culprit import Window
from incidents.domain.incident import Confidence, Culprit, CulpritKind, Incident, Message, State, incident_id
from incidents.domain.judging import Judgement, ServiceMinute, judge_minute
from incidents.domain.minute import MINUTE
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Rulebook, Service

NOW = 1_772_409_600
FAILING = minute(a=(6, 20), b=(0, 20), c=(0, 20))


def judge(
    seen: Window, live: Sequence[Incident] = (), recent: Sequence[Incident] = (), rulebook: Rulebook | None = None
) -> Judgement:
    given = ServiceMinute(
        service="pay",
        minute=NOW,
        window=seen,
        live=tuple(live),
        recent=tuple(recent),
        rulebook=rulebook or Rulebook(),
        past_rulebook=lambda version: Rulebook(),
        detected_at=NOW + 65,
    )
    return judge_minute(given)


def test_an_onset_says_all_that_is_known_of_it() -> None:
    rulebook = Rulebook(version=7, services=(Service("pay", labels={"team": "money"}),))
    judgement = judge(window(FAILING, FAILING), rulebook=rulebook)
    (incident,) = judgement.changed
    (transition,) = judgement.transitions
    culprit = Culprit(CulpritKind.NODE, ("a",))
    assert incident.id == incident_id("pay", culprit, NOW - MINUTE)
    assert (incident.culprit, incident.state, incident.severity) == (culprit, State.OPEN, Severity.WARNING)
    assert (incident.first_minute, incident.last_minute, incident.opened_minute) == (NOW - MINUTE, NOW, NOW)
    assert (incident.detected_at, incident.confidence, incident.breach_minutes) == (NOW + 65, Confidence.NODE, 1)
    assert (incident.rulebook_version, incident.labels) == (7, {"team": "money"})
    assert (transition.sends, transition.minute, transition.source) == (Message.ONSET, NOW, State.OK)
    assert "5xx on a" in transition.reason
    assert "12 of 40 bad in 5 min" in transition.reason


def test_what_is_given_is_not_touched() -> None:
    (open_one,) = judge(window(FAILING, FAILING)).changed
    before = copy.deepcopy(open_one)
    seen = window(FAILING, FAILING, FAILING)
    tallies = msgspec.to_builtins(seen)
    (moved,) = judge(seen, [open_one]).changed
    assert moved is not open_one
    assert moved.breach_minutes == 2
    moved.symptoms[0].last_minute = 0
    assert open_one == before
    assert msgspec.to_builtins(seen) == tallies


def test_a_quiet_service_without_incidents_costs_and_changes_nothing() -> None:
    assert judge(window(minute(a=(0, 20), b=(1, 60)))) == Judgement()
    assert judge(window(None)) == Judgement()


def test_the_same_minute_judged_twice_gives_the_same() -> None:
    seen = window(FAILING, FAILING)
    assert judge(seen) == judge(seen)


def test_a_minute_of_an_earlier_incident_of_the_same_node_does_not_begin_the_next() -> None:
    (before,) = judge(window(FAILING, FAILING)).changed
    before.state, before.closed_at, before.last_minute = State.CLOSED, NOW, NOW - 2 * MINUTE
    good = minute(a=(0, 20), b=(0, 20), c=(0, 20))
    seen = window(FAILING, FAILING, FAILING, good, FAILING)
    (again,) = judge(seen, recent=[before]).changed
    assert again.first_minute == NOW  # not NOW - 1: that was a clean minute; not NOW - 2: that was the other's


def test_blame_is_looked_at_again_while_the_incident_is_young_and_then_left_alone() -> None:
    few = minute(a=(3, 20), b=(0, 3), c=(0, 3))
    (young,) = judge(window(few, few)).changed
    assert young.confidence is Confidence.INSUFFICIENT
    (known,) = judge(window(few, few, FAILING), [young]).changed
    assert known.confidence is Confidence.NODE
    young.first_minute = NOW - 5 * MINUTE
    (old,) = judge(window(few, few, FAILING), [young]).changed
    assert old.confidence is Confidence.INSUFFICIENT


def test_a_culprits_fingerprint_is_its_own_and_the_same_in_every_run() -> None:
    prints = {
        culprit.fingerprint(service)
        for service in ("pay", "order")
        for culprit in (
            Culprit(CulpritKind.POOL),
            Culprit(CulpritKind.SERVICE),
            Culprit.of_nodes({"a"}),
            Culprit.of_nodes({"b", "a"}),
        )
    }
    assert len(prints) == 8
    assert Culprit.of_nodes({"b", "a"}) == Culprit.of_nodes({"a", "b"})
    assert Culprit.of_nodes({"127.0.0.1:80"}).fingerprint("pay") == "f1c49e00c52639a9"
