"""The table of states, row by row, and what must hold after any sequence of events."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.incident import CloseReason, Culprit, CulpritKind, Incident, Message, State, Transition
from incidents.domain.lifecycle import TABLE, Event, effective_hold, step
from incidents.domain.minute import MINUTE
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Lifecycle

T = Lifecycle()
START = 1_772_409_600
DOCS = Path(__file__).parents[2] / "docs"


def incident(state: State = State.OPEN, **fields: int) -> Incident:
    made = Incident(
        id="1",
        service="checkout",
        culprit=Culprit(CulpritKind.NODE, ("a:80",)),
        state=state,
        severity=Severity.WARNING,
        first_minute=START,
        last_minute=START,
        opened_minute=START,
        detected_at=START + 65,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


ONSET, SUMMARY = Message.ONSET, Message.SUMMARY
LIVE = (State.OPEN, State.RECOVERING, State.STALE)
R = CloseReason
PROVEN = R.RECOVERED
S = State
# state before, event, counters before, (state after, message, close reason)
ROWS: list[tuple[State, Event, dict[str, int], State, Message | None, CloseReason | None]] = [
    (S.OK, Event.BREACH, {}, S.OPEN, ONSET, None),
    (S.OPEN, Event.BREACH, {}, S.OPEN, None, None),
    (S.OPEN, Event.BAD, {}, S.OPEN, None, None),
    (S.OPEN, Event.CLEAN, {}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 3, "quiet_requests": 99}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 4, "quiet_requests": 9}, S.CLOSED, SUMMARY, PROVEN),
    (S.RECOVERING, Event.CLEAN, {"quiet": 4, "quiet_requests": 8}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 29}, S.CLOSED, SUMMARY, R.LITTLE_TRAFFIC),
    (S.RECOVERING, Event.CLEAN, {"quiet": 28}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 4, "quiet_requests": 50, "hold": 15}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 14, "quiet_requests": 50, "hold": 15}, S.CLOSED, SUMMARY, PROVEN),
    (S.RECOVERING, Event.CLEAN, {"quiet": 6, "quiet_requests": 50, "longest_quiet": 4}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.CLEAN, {"quiet": 7, "quiet_requests": 50, "longest_quiet": 4}, S.CLOSED, SUMMARY, PROVEN),
    (S.RECOVERING, Event.CLEAN, {"quiet": 29, "quiet_requests": 9, "longest_quiet": 20}, S.CLOSED, SUMMARY, PROVEN),
    (S.RECOVERING, Event.BAD, {"quiet": 3}, S.OPEN, None, None),
    (S.RECOVERING, Event.BREACH, {"quiet": 3}, S.OPEN, None, None),
    (S.OPEN, Event.NODATA, {"idle": 13}, S.OPEN, None, None),
    (S.OPEN, Event.NODATA, {"idle": 14}, S.STALE, None, None),
    (S.RECOVERING, Event.NODATA, {"idle": 13}, S.RECOVERING, None, None),
    (S.RECOVERING, Event.NODATA, {"idle": 14}, S.STALE, None, None),
    (S.OPEN, Event.ABSENT, {"absent": 13}, S.OPEN, None, None),
    (S.OPEN, Event.ABSENT, {"absent": 14}, S.CLOSED, SUMMARY, R.CULPRIT_GONE),
    (S.RECOVERING, Event.ABSENT, {"absent": 14}, S.CLOSED, SUMMARY, R.CULPRIT_GONE),
    (S.STALE, Event.ABSENT, {"absent": 14}, S.CLOSED, SUMMARY, R.CULPRIT_GONE),
    (S.STALE, Event.BREACH, {"idle": 20}, S.OPEN, None, None),
    (S.STALE, Event.BAD, {"idle": 20}, S.OPEN, None, None),
    (S.STALE, Event.CLEAN, {"idle": 20, "quiet": 2}, S.RECOVERING, None, None),
    (S.STALE, Event.CLEAN, {"idle": 20, "quiet": 4, "quiet_requests": 9}, S.CLOSED, SUMMARY, PROVEN),
    (S.STALE, Event.NODATA, {"idle": 58}, S.STALE, None, None),
    (S.STALE, Event.NODATA, {"idle": 59}, S.CLOSED, SUMMARY, R.NO_TRAFFIC),
    *((state, Event.WIDENED, {}, S.MERGED, None, R.MERGED) for state in LIVE),
    *((state, Event.BY_HAND, {}, S.CLOSED, SUMMARY, R.BY_HAND) for state in LIVE),
    *((state, Event.RULE_GONE, {}, S.CLOSED, SUMMARY, R.RULE_CHANGED) for state in LIVE),
    *((state, Event.GAP, {"quiet": 9, "quiet_requests": 99, "idle": 59}, state, None, None) for state in LIVE),
    *((state, Event.GAP, {"absent": 59}, state, None, None) for state in LIVE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "event", "fields", "after", "sends", "reason"),
    [pytest.param(*row, id=f"{row[0]}-{row[1].name}-{'-'.join(f'{k}{v}' for k, v in row[2].items())}") for row in ROWS],
)
def test_a_row_of_the_table(
    before: State,
    event: Event,
    fields: dict[str, int],
    after: State,
    sends: Message | None,
    reason: CloseReason | None,
) -> None:
    it = incident(before, **fields)
    transition = step(it, event, START + MINUTE, requests=1, timers=T)
    assert (it.state, it.close_reason) == (after, reason)
    if before is after:
        assert transition is None
        return
    assert transition is not None
    assert (transition.source, transition.target, transition.sends) == (before, after, sends)
    assert (transition.minute, transition.event, transition.incident_id) == (START + MINUTE, event.value, "1")
    ended = START + 2 * MINUTE if after in (State.CLOSED, State.MERGED) else None
    assert it.closed_at == ended
    proven = reason in (CloseReason.RECOVERED, CloseReason.LITTLE_TRAFFIC)
    assert it.resolved_at == (START + MINUTE if proven else None)


def test_every_row_of_the_table_is_taken_by_some_case_here() -> None:
    """A row that none of these cases could reach would be a row without a test."""
    waiting = {(State.OK, State.PENDING, None), (State.PENDING, State.OPEN, None), (State.PENDING, State.OK, None)}
    taken = {(before, after, reason) for before, _, _, after, _, reason in ROWS} | waiting
    for row in TABLE:
        assert taken & {(state, row.target or state, row.reason) for state in row.states}, row


@pytest.mark.parametrize(
    ("events", "state", "message"),
    [
        ([Event.BREACH], State.PENDING, None),
        ([Event.BREACH, Event.BREACH], State.OPEN, ONSET),
        ([Event.BREACH, Event.CLEAN, Event.BREACH], State.OPEN, ONSET),
        ([Event.BREACH, Event.BAD, Event.NODATA], State.OK, None),
        ([Event.BREACH, Event.CLEAN, Event.CLEAN], State.OK, None),
        ([Event.BREACH, Event.ABSENT, Event.CLEAN], State.OK, None),
        ([Event.BREACH, Event.GAP, Event.GAP, Event.GAP], State.PENDING, None),  # blindness uses up no minute
        ([Event.BREACH, Event.RULE_GONE], State.OK, None),
        ([Event.BREACH, Event.WIDENED], State.OK, None),
    ],
)
def test_two_of_three_minutes(events: list[Event], state: State, message: Message | None) -> None:
    it = incident(State.OK)
    sent = [
        transition.sends
        for number, event in enumerate(events)
        if (transition := step(it, event, START + number * MINUTE, timers=T, n_of_m=(2, 3))) and transition.sends
    ]
    assert (it.state, sent) == (state, [message] if message else [])


@pytest.mark.parametrize("state", [State.CLOSED, State.MERGED])
@pytest.mark.parametrize("event", list(Event))
def test_what_has_ended_stays_ended(state: State, event: Event) -> None:
    it = incident(state)
    assert step(it, event, START + MINUTE, timers=T) is None
    assert it.state is state


def test_only_a_breach_while_recovering_counts_as_reopening() -> None:
    for state, event, reopened in (
        (State.RECOVERING, Event.BREACH, 1),
        (State.RECOVERING, Event.BAD, 0),
        (State.STALE, Event.BREACH, 0),
        (State.OPEN, Event.BREACH, 0),
    ):
        it = incident(state)
        step(it, event, START + MINUTE, timers=T)
        assert it.reopened == reopened, (state, event)


@pytest.mark.parametrize(
    ("hold", "longest", "effective"),
    [(5, 0, 5), (5, 2, 5), (5, 3, 6), (5, 15, 30), (5, 16, 30), (15, 7, 15), (45, 20, 45)],
)
def test_the_hold_is_twice_the_longest_spell_and_at_most_half_an_hour(hold: int, longest: int, effective: int) -> None:
    assert effective_hold(incident(hold=hold, longest_quiet=longest), T) == effective


def test_a_transition_says_why_and_who() -> None:
    it = incident(State.RECOVERING, quiet=9, quiet_requests=50)
    by_hand = step(it, Event.BY_HAND, START, timers=T, because="known, ticket 4711", actor="alice")
    assert by_hand is not None
    assert (by_hand.actor, by_hand.reason) == ("alice", "by_hand; known, ticket 4711")


ordinary = [Event.BREACH, Event.BAD, Event.CLEAN, Event.CLEAN, Event.NODATA, Event.ABSENT, Event.GAP]
minutes = st.tuples(st.tuples(st.sampled_from(ordinary), st.integers(0, 12)), st.integers(1, 20))
rare = st.tuples(st.sampled_from([Event.WIDENED, Event.BY_HAND, Event.RULE_GONE]), st.just(0))
# One that ends it comes late if at all, or hardly any run would get anywhere.
endings = st.lists(st.tuples(rare, st.just(1)), max_size=1)
runs = st.builds(
    lambda told, end, after: [*told, *end, *after],
    st.lists(minutes, max_size=15),
    endings,
    st.lists(minutes, max_size=2),
)


@given(runs, st.sampled_from([(1, 1), (2, 3), (3, 5)]), st.sampled_from([5, 15]))
def test_whatever_happens_an_incident_keeps_its_promises(
    told: list[tuple[tuple[Event, int], int]], n_of_m: tuple[int, int], hold: int
) -> None:
    it = incident(State.OK, hold=hold)
    sent: list[Message] = []
    minute = START
    ended: State | None = None
    for (event, requests), times in [((Event.BREACH, 1), n_of_m[0]), *told]:
        for _ in range(times):
            before = (it.quiet, it.idle, it.absent, it.longest_quiet, it.last_minute, it.reopened, it.state)
            transition = step(it, event, minute, requests=requests, timers=T, n_of_m=n_of_m)
            _check(it, event, minute, before, transition)
            if ended is not None:
                assert (it.state, transition) == (ended, None)
            if transition and transition.sends:
                sent.append(transition.sends)
            ended = it.state if it.state in (State.CLOSED, State.MERGED) else None
            assert it.state is not State.OK
            minute += MINUTE
    assert sent in ([], [ONSET], [ONSET, SUMMARY])
    assert (SUMMARY in sent) == (it.state is State.CLOSED and ONSET in sent)
    assert it.state is not State.CLOSED or sent == [ONSET, SUMMARY]


def _check(
    it: Incident,
    event: Event,
    minute: int,
    before: tuple[int, int, int, int, int, int, State],
    transition: Transition | None,
) -> None:
    quiet, idle, absent, longest, last, reopened, state = before
    if state in (State.CLOSED, State.MERGED):
        return
    assert it.longest_quiet >= longest
    assert it.last_minute >= last
    assert it.reopened - reopened in (0, 1)
    if event in (Event.BREACH, Event.BAD):
        assert (it.quiet, it.quiet_requests, it.idle, it.absent) == (0, 0, 0, 0)
        assert it.longest_quiet >= quiet
        assert it.last_minute == minute
    elif event is Event.CLEAN:
        assert (it.quiet, it.idle, it.absent) == (quiet + 1, 0, 0)
    elif event is Event.NODATA:
        assert (it.quiet, it.idle, it.absent) == (quiet, idle + 1, absent)
    elif event is Event.ABSENT:
        assert (it.quiet, it.idle, it.absent) == (quiet, 0, absent + 1)
    elif event is Event.GAP:
        assert (it.quiet, it.idle, it.absent, it.state) == (quiet, idle, absent, state)
    if it.close_reason is CloseReason.RECOVERED:
        assert it.quiet >= it.hold
        assert it.quiet >= min(30, 2 * it.longest_quiet)
        assert it.quiet_requests >= 10
    if transition is not None:
        assert transition.source is state
        assert transition.target is it.state is not state


def test_the_docs_print_the_table_that_the_code_runs_on() -> None:
    generator = runpy.run_path(str(DOCS / "generate_lifecycle.py"))
    assert (DOCS / "lifecycle.md").read_text() == generator["document"]()
