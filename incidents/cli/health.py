"""Whether this installation works, judged from what its processes left in the database. Pure: rows in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from incidents.cli.words import count_text, second_text, span_text
from incidents.evaluate import horizon
from incidents.store.minutes import ClosedThrough
from incidents.store.outbox import Delivery
from incidents.store.positions import Position
from incidents.tables import Heartbeat, RulebookSource, SelfIncident

DEAD_AFTER = 15.0
"""Seconds without a heartbeat, of which there is one every two, after which a process counts as dead."""

STUCK_AFTER = 60.0
"""Seconds without progress of a process that is alive."""

BEHIND_AFTER = 60.0
"""Seconds for which a source was not read to its end, a message was not sent, or a minute not closed."""

_WORKS = ("collector", "worker", "beat")
"""Roles whose progress never rests: these turn a wheel even when there is nothing to do."""


class Facts(NamedTuple):
    """What the database says, at clock second `now`. `scale`: clock seconds in a real one. `closed`: by shard."""

    now: float
    scale: float
    beat_is_apart: bool
    lateness: int
    heartbeats: Sequence[Heartbeat]
    positions: Sequence[Position]
    closed: Mapping[int, ClosedThrough]
    sources: Sequence[RulebookSource]
    messages: Mapping[tuple[str, str], int]
    oldest_due: float | None
    own: Sequence[SelfIncident]

    def real(self, since: float) -> float:
        """Real seconds since a clock second."""
        return max(0.0, self.now - since) / self.scale


def is_alive(facts: Facts, process: Heartbeat) -> bool:
    return facts.real(process.beat_at) <= DEAD_AFTER


def is_stuck(facts: Facts, process: Heartbeat) -> bool:
    """Alive, and does nothing."""
    return is_alive(facts, process) and process.role in _WORKS and facts.real(process.progress_at) > STUCK_AFTER


def is_replaced(facts: Facts, process: Heartbeat) -> bool:
    """Dead, and another process of this role on this machine began after it: that was a restart, not a loss."""
    return not is_alive(facts, process) and any(
        other.role == process.role and other.host == process.host and other.started_at >= process.beat_at - DEAD_AFTER
        for other in facts.heartbeats
        if is_alive(facts, other)
    )


def is_behind(facts: Facts, position: Position) -> bool:
    """Was not read to its end lately. A dead collector reads nothing, so it is behind as well."""
    return facts.real(max(position.caught_up_at, 0.0)) > BEHIND_AFTER


def problems(facts: Facts) -> list[str]:
    """What is wrong, one line each, with a remedy; empty when all is well."""
    return [
        *_processes(facts),
        *(_behind(facts, position) for position in facts.positions if is_behind(facts, position)),
        *_closing(facts),
        *(f"rulebook refused: {source.error}" for source in facts.sources if source.error),
        *_messages(facts),
    ]


def _processes(facts: Facts) -> list[str]:
    if not facts.heartbeats:
        return ["nothing runs here: start it with `tocsin up`"]
    found = []
    alive = {process.role for process in facts.heartbeats if is_alive(facts, process)}
    needed = {"collector": "no line is counted", "worker": "no minute is judged and no message sent"}
    if facts.beat_is_apart:
        needed["beat"] = "the workers are told of no work"
    for role, consequence in needed.items():
        if role not in alive:
            dead = [process.beat_at for process in facts.heartbeats if process.role == role]
            since = f" since {second_text(max(dead))}" if dead else ""
            verb = "collect" if role == "collector" else role
            found.append(f"no {role} is alive{since}: {consequence}; start `tocsin up`, or `tocsin {verb}`")
    for process in facts.heartbeats:
        if is_stuck(facts, process):
            since = f"since {second_text(process.progress_at)}"
            found.append(f"{process.role} {process.instance} is alive and does nothing {since}; look into its log")
        elif not is_alive(facts, process) and process.role in alive and not is_replaced(facts, process):
            found.append(f"{process.role} {process.instance} is dead since {second_text(process.beat_at)}; restart it")
        elif is_alive(facts, process):
            found += [f"{process.role} {process.instance}: {problem}" for problem in waits_for(process)]
    return found


def waits_for(process: Heartbeat) -> list[str]:
    """What a collector says keeps lines from arriving."""
    detail = msgspec.json.decode(process.detail)
    told = detail.get("problems") if isinstance(detail, dict) else None
    return [str(problem) for problem in told] if isinstance(told, list) else []


def _behind(facts: Facts, position: Position) -> str:
    backlog = f", {count_text(position.backlog)} {position.unit} unread" if position.backlog else ""
    since = f"since {second_text(position.caught_up_at)}" if position.caught_up_at else "since it began"
    return f"{position.partition} was not read to its end {since}{backlog}: is its collector alive, or too slow?"


def closing_delay(facts: Facts) -> float:
    """Seconds of event time that could be closed and are not, the worst of all shards."""
    end = horizon(facts.positions, facts.lateness)
    if end is None or not facts.closed:
        return 0.0
    return float(max(0, *(end - closed.second for closed in facts.closed.values())))


def _closing(facts: Facts) -> list[str]:
    delay = closing_delay(facts)
    if delay / facts.scale <= BEHIND_AFTER or delay <= 120:
        return []
    last = min(facts.closed.values(), key=lambda closed: closed.second)
    return [
        f"minutes are closed {span_text(delay)} late, the last at {second_text(last.at)}: "
        "is a worker alive, or too slow?"
    ]


def _messages(facts: Facts) -> list[str]:
    found = []
    dead = {channel: n for (channel, state), n in facts.messages.items() if state == Delivery.DEAD.value and n}
    for channel, n in sorted(dead.items()):
        what = "1 message" if n == 1 else f"{count_text(n)} messages"
        found.append(f"{what} to channel {channel} could not be sent; `tocsin channels test {channel}` shows why")
    if facts.oldest_due is not None and facts.real(facts.oldest_due) > BEHIND_AFTER:
        found.append(f"a message waits to be sent since {second_text(facts.oldest_due)}")
    return found
