"""Writes docs/lifecycle.md from the table that the code runs on: `python docs/generate_lifecycle.py`.

A test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from incidents.domain.incident import State
from incidents.domain.lifecycle import TABLE, Event, Row
from incidents.domain.rulebook import Lifecycle

TARGET = Path(__file__).parent / "lifecycle.md"

_EVENTS = {
    Event.BREACH: "the minute breaches a rule, and it is this culprit's",
    Event.BAD: "the minute is worse than tolerated noise for this culprit, without a breach",
    Event.CLEAN: "the culprit had traffic, and it was no worse than noise",
    Event.NODATA: "the service had no request at all",
    Event.ABSENT: "the service had requests, and none went to the culprit's nodes",
    Event.GAP: "the pipeline was blind",
    Event.WIDENED: "the whole pool is to blame, and another incident tells it",
    Event.BY_HAND: "a person closed it",
    Event.RULE_GONE: "none of the rules it breached is in force any more",
}

_TIMERS = {
    "hold": "clean minutes that close an incident; twice its longest quiet spell if that is more",
    "max_hold": "the most that the hold grows to by itself",
    "relapse_within": "minutes after the last close of the same culprit within which a new one is a relapse",
    "relapse_hold": "the hold that a relapse starts with",
    "stale_after": "minutes without traffic after which an incident is stale, or its culprit gone",
    "no_traffic_after": "minutes without traffic that close it",
    "little_traffic_after": "clean minutes that close it when too few requests came to prove anything",
    "min_quiet_requests": "requests that must be seen while quiet",
    "link_within": "minutes within which a new incident names the one before it of the same culprit",
}


def document() -> str:
    """The whole of docs/lifecycle.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The life of an incident"
    yield ""
    yield "Made by `docs/generate_lifecycle.py` from the table in `incidents/domain/lifecycle.py`; do not edit by hand."
    yield ""
    yield "Every closed minute is one event for each open incident. The first row whose state, event and condition fit"
    yield "is taken. Where none fits, the state stays as it is."
    yield ""
    yield "| state | event | condition | next | sends | close reason |"
    yield "|---|---|---|---|---|---|"
    for row in TABLE:
        yield _row(row)
    yield ""
    yield "| event | what it means |"
    yield "|---|---|"
    for event in Event:
        yield f"| {event.value} | {_EVENTS[event]} |"
    yield ""
    yield "A reopening is the step from recovering to open by a breach: it is counted, and sends nothing. Widening"
    yield "to the pool, and a rise of the severity, send one escalation each and change no state."
    yield ""
    yield "| timer | default | what it is |"
    yield "|---|---|---|"
    timers = Lifecycle()
    for name, meaning in _TIMERS.items():
        yield f"| `{name}` | {getattr(timers, name)} | {meaning} |"
    yield ""
    yield f"`{State.OK.value}` is the absence of an incident."


def _row(row: Row) -> str:
    cells = [
        ", ".join(state.value for state in row.states),
        ", ".join(event.value for event in row.events),
        row.guard.name,
        row.target.value if row.target else "the same",
        row.sends.value if row.sends else "",
        row.reason.value if row.reason else "",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    TARGET.write_text(document())
