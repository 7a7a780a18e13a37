"""Incidents: what is saved is what is read, one open one a culprit, and pages without gap or repeat."""

from __future__ import annotations

import pytest

from incidents.domain.errors import StoreError
from incidents.domain.incident import CloseReason, Culprit, CulpritKind, Incident, Message, State, Symptom, Transition
from incidents.domain.rule import Severity
from incidents.store import Store
from incidents.store.incidents import Filter, add_transitions, find, get, live, messages, recent, save, timeline


def incident(number: int = 1, state: State = State.OPEN, node: str = "a:80", **fields: object) -> Incident:
    made = Incident(
        id=f"i{number}",
        service="pay",
        culprit=Culprit(CulpritKind.NODE, (node,)),
        state=state,
        severity=Severity.WARNING,
        first_minute=number * 60,
        last_minute=number * 60,
        opened_minute=number * 60,
        detected_at=number * 60 + 65,
        symptoms=[Symptom("5xx", node, number * 60, number * 60)],
        labels={"team": "money"},
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_an_incident_is_read_as_it_was_saved(store: Store) -> None:
    whole = incident(
        3,
        State.CLOSED,
        quiet=5,
        longest_quiet=2,
        reopened=1,
        resolved_at=240,
        closed_at=600,
        close_reason=CloseReason.RECOVERED,
        previous_id="i1",
        rulebook_version=7,
    )
    with store.write() as tx:
        save(tx, [whole])
        assert get(tx, "i3") == whole
        assert get(tx, "i4") is None


def test_saving_again_updates(store: Store) -> None:
    with store.write() as tx:
        save(tx, [incident()])
        changed = incident(state=State.RECOVERING, last_minute=300)
        changed.symptoms[0].last_minute = 300
        save(tx, [changed])
        assert live(tx) == [changed]
        assert find(tx, Filter(rule="5xx", node="a:80")) == [changed]


def test_two_open_incidents_of_one_culprit_cannot_be(store: Store) -> None:
    with pytest.raises(StoreError), store.write() as tx:
        save(tx, [incident(1), incident(2)])
    with store.write() as tx:
        assert find(tx, Filter()) == []
        save(tx, [incident(1, State.CLOSED), incident(2), incident(3, node="b:80")])
        assert len(live(tx)) == 2


def test_one_that_ends_leaves_its_culprit_to_one_that_begins_in_the_same_transaction(store: Store) -> None:
    with store.write() as tx:
        save(tx, [incident(1)])
        save(tx, [incident(2), incident(1, State.CLOSED, closed_at=120)])
        assert [one.id for one in live(tx)] == ["i2"]


def test_one_that_came_to_nothing_leaves_no_trace(store: Store) -> None:
    with store.write() as tx:
        save(tx, [incident(state=State.PENDING)])
        add_transitions(tx, [Transition("i1", 60, State.OK, State.PENDING, "breach", "why")], 125)
        assert (live(tx), find(tx, Filter())) == ([incident(state=State.PENDING)], [])
        save(tx, [incident(state=State.OK)])
        assert (live(tx), get(tx, "i1"), timeline(tx, "i1")) == ([], None, [])


def test_recent_ones_are_those_that_ended_after_a_moment(store: Store) -> None:
    with store.write() as tx:
        save(tx, [incident(1, State.CLOSED, closed_at=500), incident(2, State.MERGED, closed_at=501), incident(3)])
        assert [one.id for one in recent(tx, 500)] == ["i2"]


def test_the_timeline_is_kept_in_order_with_what_was_sent(store: Store) -> None:
    steps = [
        Transition("i1", 60, State.OK, State.OPEN, "breach", "12 of 40", Message.ONSET),
        Transition("i1", 120, State.OPEN, State.RECOVERING, "clean", ""),
        Transition("i1", 180, State.RECOVERING, State.CLOSED, "by_hand", "known", Message.SUMMARY, "alice"),
    ]
    with store.write() as tx:
        for number, one in enumerate(steps):
            add_transitions(tx, [one], 1000 + number)
        add_transitions(tx, [], 0)
        rows = timeline(tx, "i1")
        sent = [(message.kind, message.at) for message in messages(tx, "i1")]
    assert [(row.source, row.target, row.actor) for row in rows] == [
        ("ok", "open", "tocsin"),
        ("open", "recovering", "tocsin"),
        ("recovering", "closed", "alice"),
    ]
    assert sent == [(Message.ONSET, 1000), (Message.SUMMARY, 1002)]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ["i5", "i4", "i3", "i2", "i1"]),
        (Filter(states=("open",)), ["i5", "i4"]),
        (Filter(services=("order",)), ["i2"]),
        (Filter(severities=("critical",)), ["i3"]),
        (Filter(node="b:80"), ["i4"]),
        (Filter(rule="5xx", node="b:80"), ["i4"]),
        (Filter(rule="499"), []),
        (Filter(start=240), ["i5", "i4"]),
        (Filter(end=120), ["i1"]),
        (Filter(start=60, end=121), ["i2", "i1"]),
        (Filter(text="b:8"), ["i4"]),
        (Filter(text="%"), []),
        (Filter(text="_:80"), []),
        (Filter(limit=2), ["i5", "i4"]),
        (Filter(after=(240, "i4"), limit=2), ["i3", "i2"]),
    ],
)
def test_people_find_what_they_ask_for(store: Store, wanted: Filter, ids: list[str]) -> None:
    with store.write() as tx:
        save(
            tx,
            [
                incident(1, State.CLOSED, closed_at=70),
                incident(2, State.CLOSED, service="order", closed_at=130),
                incident(3, State.CLOSED, severity=Severity.CRITICAL, closed_at=190),
                incident(4, node="b:80"),
                incident(5),
            ],
        )
        assert [one.id for one in find(tx, wanted)] == ids


def test_pages_hold_everything_once(store: Store) -> None:
    with store.write() as tx:
        save(tx, [incident(i, State.CLOSED, first_minute=60 * (i // 4), closed_at=900) for i in range(10, 30)])
        seen: list[str] = []
        after = None
        while page := find(tx, Filter(after=after, limit=3)):
            seen += [one.id for one in page]
            after = (page[-1].first_minute, page[-1].id)
    assert len(seen) == len(set(seen)) == 20
