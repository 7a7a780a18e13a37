"""The life of an incident: one literal table, and `step`, which looks a row up and carries it out.

detection.md section 6. The table is printed in docs/lifecycle.md; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from incidents.domain.incident import CloseReason, Incident, Message, State, Transition
from incidents.domain.minute import MINUTE
from incidents.domain.rulebook import Lifecycle


class Event(StrEnum):
    """What one closed minute, or a person, does to an incident."""

    BREACH = "breach"
    BAD = "bad"
    CLEAN = "clean"
    NODATA = "no data for the service"
    ABSENT = "no data for the culprit"
    GAP = "gap"
    WIDENED = "widened into another"
    BY_HAND = "closed by a person"
    RULE_GONE = "rule removed or disabled"


class Seen(NamedTuple):
    """What the guards look at, besides the incident itself (its counters already include this minute)."""

    incident: Incident
    timers: Lifecycle
    n_of_m: tuple[int, int]


class Guard(NamedTuple):
    """A named condition: the name stands in the docs."""

    name: str
    holds: Callable[[Seen], bool]


def effective_hold(incident: Incident, timers: Lifecycle) -> int:
    """Clean minutes that close it: at least twice the longest quiet spell that turned out not to be the end."""
    return max(incident.hold, min(timers.max_hold, 2 * incident.longest_quiet))


ALWAYS = Guard("", lambda seen: True)
REACHED = Guard("N of M reached", lambda seen: seen.incident.pending_hits >= seen.n_of_m[0])
PASSED = Guard("M passed", lambda seen: seen.incident.pending_minutes >= seen.n_of_m[1])
HELD = Guard(
    "quiet = hold, and enough requests seen while quiet",
    lambda seen: (
        seen.incident.quiet >= effective_hold(seen.incident, seen.timers)
        and seen.incident.quiet_requests >= seen.timers.min_quiet_requests
    ),
)
LITTLE = Guard(
    "quiet for long, but too few requests to prove it",
    lambda seen: (
        seen.incident.quiet >= max(seen.timers.little_traffic_after, effective_hold(seen.incident, seen.timers))
    ),
)
IDLE = Guard("no traffic for stale_after", lambda seen: seen.incident.idle >= seen.timers.stale_after)
GONE = Guard("culprit without traffic for stale_after", lambda seen: seen.incident.absent >= seen.timers.stale_after)
DRY = Guard("no traffic for no_traffic_after", lambda seen: seen.incident.idle >= seen.timers.no_traffic_after)


class Row(NamedTuple):
    """One row of the table: the first one whose state, event and guard fit is taken."""

    states: tuple[State, ...]
    events: tuple[Event, ...]
    guard: Guard
    target: State | None  # None: the state stays
    sends: Message | None = None
    reason: CloseReason | None = None


_ANY_OPEN = (State.OPEN, State.RECOVERING, State.STALE)
_LIVE = (State.OPEN, State.RECOVERING)
_QUIET_EVENTS = (Event.BAD, Event.CLEAN, Event.NODATA, Event.ABSENT)

TABLE: tuple[Row, ...] = (
    Row((State.OK,), (Event.BREACH,), REACHED, State.OPEN, Message.ONSET),
    Row((State.OK,), (Event.BREACH,), ALWAYS, State.PENDING),
    Row((State.PENDING,), (Event.BREACH,), REACHED, State.OPEN, Message.ONSET),
    Row((State.PENDING,), (Event.BREACH, *_QUIET_EVENTS), PASSED, State.OK),
    Row((State.PENDING,), (Event.WIDENED, Event.RULE_GONE), ALWAYS, State.OK),
    Row((*_LIVE, State.STALE), (Event.BREACH, Event.BAD), ALWAYS, State.OPEN),
    Row(_ANY_OPEN, (Event.CLEAN,), HELD, State.CLOSED, Message.SUMMARY, CloseReason.RECOVERED),
    Row(_ANY_OPEN, (Event.CLEAN,), LITTLE, State.CLOSED, Message.SUMMARY, CloseReason.LITTLE_TRAFFIC),
    Row(_ANY_OPEN, (Event.CLEAN,), ALWAYS, State.RECOVERING),
    Row(_LIVE, (Event.NODATA,), IDLE, State.STALE),
    Row(_ANY_OPEN, (Event.ABSENT,), GONE, State.CLOSED, Message.SUMMARY, CloseReason.CULPRIT_GONE),
    Row((State.STALE,), (Event.NODATA,), DRY, State.CLOSED, Message.SUMMARY, CloseReason.NO_TRAFFIC),
    Row(_ANY_OPEN, (Event.WIDENED,), ALWAYS, State.MERGED, None, CloseReason.MERGED),
    Row(_ANY_OPEN, (Event.BY_HAND,), ALWAYS, State.CLOSED, Message.SUMMARY, CloseReason.BY_HAND),
    Row(_ANY_OPEN, (Event.RULE_GONE,), ALWAYS, State.CLOSED, Message.SUMMARY, CloseReason.RULE_CHANGED),
)
"""Without a row that fits an incident stays as it is: after GAP always, after NODATA and ABSENT until their time."""

_PROVEN = (CloseReason.RECOVERED, CloseReason.LITTLE_TRAFFIC)


def step(
    incident: Incident,
    event: Event,
    minute: int,
    *,
    requests: int = 0,
    timers: Lifecycle,
    n_of_m: tuple[int, int] = (1, 1),
    because: str = "",
    actor: str = "tocsin",
) -> Transition | None:
    """Moves one incident on by one event, in place; the transition, or None when its state stays.

    minute: start of the closed minute, seconds since the epoch. requests: those of the culprit in that minute.
    n_of_m: (1, 1) opens at the first breach. because: why, for the timeline.
    """
    _count(incident, event, minute, requests)
    seen = Seen(incident, timers, n_of_m)
    row = next(
        (r for r in TABLE if incident.state in r.states and event in r.events and r.guard.holds(seen)),
        None,
    )
    if row is None or row.target is None:
        return None
    source = incident.state
    if source is State.RECOVERING and event is Event.BREACH:
        incident.reopened += 1
    incident.state = row.target
    if row.target in (State.CLOSED, State.MERGED):
        incident.closed_at = minute + MINUTE
        incident.close_reason = row.reason
        if row.reason in _PROVEN:
            incident.resolved_at = incident.last_minute + MINUTE
    if source is row.target:
        return None
    if row.target is State.OPEN and source in (State.OK, State.PENDING):
        incident.opened_minute = minute
    guard = "" if n_of_m == (1, 1) and row.guard is REACHED else row.guard.name
    words = [word for word in (guard, row.reason.value if row.reason else "", because) if word]
    reason = "; ".join(words) or f"this minute: {event.value}"
    return Transition(incident.id, minute, source, row.target, event.value, reason, row.sends, actor)


def _count(incident: Incident, event: Event, minute: int, requests: int) -> None:
    """Brings the counters up to this minute, before any guard looks at them."""
    if incident.state in (State.OK, State.PENDING) and event is not Event.GAP:
        incident.pending_minutes += 1
        incident.pending_hits += event is Event.BREACH
    match event:
        case Event.BREACH | Event.BAD:
            incident.longest_quiet = max(incident.longest_quiet, incident.quiet)
            incident.quiet = incident.quiet_requests = incident.idle = incident.absent = 0
            incident.breach_minutes += event is Event.BREACH
            incident.last_minute = max(incident.last_minute, minute)
        case Event.CLEAN:
            incident.quiet += 1
            incident.quiet_requests += requests
            incident.idle = incident.absent = 0
        case Event.NODATA:
            incident.idle += 1
        case Event.ABSENT:
            incident.idle = 0
            incident.absent += 1
        case Event.GAP | Event.WIDENED | Event.BY_HAND | Event.RULE_GONE:
            pass
