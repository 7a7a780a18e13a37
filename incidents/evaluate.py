"""The verb that judges: closes minutes that the watermark has passed, and turns verdicts into incidents and messages.

One transaction closes up to MINUTES_AT_ONCE minutes of one shard, in order; compare-and-set on `closed_through` makes a
second worker's attempt at the same minutes come to nothing.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from incidents.domain.errors import Fenced
from incidents.domain.incident import Incident, Message, State, Transition
from incidents.domain.judging import ServiceMinute, judge_minute
from incidents.domain.minute import MINUTE, ServiceTally
from incidents.domain.routing import plan
from incidents.domain.rule import WINDOW
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary, summarise
from incidents.store import Store, minutes, outbox, positions
from incidents.store import incidents as incident_store
from incidents.store.positions import Position

MINUTES_AT_ONCE = 60
"""Minutes closed in one transaction when catching up: enough to be fast, few enough to hold the lock shortly."""

BYTES_AT_ONCE = 4_000_000
"""Bytes of segments closed in one transaction, if less: a big fleet's backlog must not hold the lock for long."""

SILENT_AFTER = 15 * MINUTE
"""Clock seconds without a sign of a partition, while others are read, after which it holds minutes back no longer."""

WORTH_MENTIONING = 2
"""Minutes from the end of a minute to its message from which on the message says that it is late."""

CHART_BEFORE = 15
"""Minutes before an incident that its chart shows."""

_namespace = uuid.UUID("6f2f0c8e-1d53-5b0a-9f0e-0c2f5a3a9b11")


class Clocks(msgspec.Struct, frozen=True):
    """`now`: clock seconds. `detected`: start of a minute -> event second at which what its close causes is told."""

    now: Callable[[], float]
    detected: Callable[[int], int]


class Closed(msgspec.Struct, frozen=True):
    """What one call did: minutes closed, and whether more are waiting."""

    minutes: int
    more: bool


def horizon(known: Sequence[Position], lateness: int) -> int | None:
    """Minutes before this second can be closed: the minimum over partitions, less the lateness; None: nothing is known.

    A partition that was read to its end at a given clock time has no older line to give, so that time counts too: an
    idle partition holds nothing back while its collector lives, and a dead collector holds everything. A partition
    that fell silent SILENT_AFTER while others go on (its file is gone for good, say) holds nothing back any more.
    """
    latest = max((position.updated_at for position in known), default=0.0)
    known = [position for position in known if position.updated_at >= latest - SILENT_AFTER]
    marks = [max(position.watermark, int(position.caught_up_at)) for position in known]
    if not marks or not any(position.watermark for position in known):
        return None
    return (min(marks) - lateness) // MINUTE * MINUTE


def close_minutes(
    store: Store,
    shard: int,
    shards: int,
    rulebooks: Callable[[Connection], Rulebook],
    past_rulebook: Callable[[int], Rulebook],
    clocks: Clocks,
    lateness: int,
    *,
    source: str,
    until: int | None = None,
) -> Closed:
    """Closes the minutes of one shard that nothing more is expected for. `until` replaces the horizon in a replay."""
    with store.write() as tx:
        end = until if until is not None else horizon(positions.of_source(tx, source), lateness)
        if end is None:
            return Closed(0, False)
        before = minutes.closed_through(tx, shard, lock=True)
        start = before.second if before else minutes.first_segment(tx, shard)
        if start is None:
            return Closed(0, False)
        work = _Closing(tx, shard, shards, rulebooks(tx), past_rulebook, clocks)
        start = work.skip_idle(start, end)
        stop = min(end, minutes.end_of_batch(tx, shard, start, MINUTES_AT_ONCE, BYTES_AT_ONCE))
        if stop > start:
            work.close(start, stop)
        late = minutes.amend(tx, shard, max(stop, start), clocks.now())
        if stop <= start and not late:
            return Closed(0, False)
        moved = max(stop, start)
        if (before is None or moved > before.second) and not minutes.move_closed_through(
            tx, shard, before, moved, clocks.now()
        ):
            raise Fenced("another worker closes these minutes")
    return Closed(max(0, stop - start) // MINUTE, stop < end)


class _Closing:
    """The work of one transaction."""

    def __init__(
        self,
        tx: Connection,
        shard: int,
        shards: int,
        rulebook: Rulebook,
        past_rulebook: Callable[[int], Rulebook],
        clocks: Clocks,
    ) -> None:
        self.tx = tx
        self.shard = shard
        self.rulebook = rulebook
        self.past_rulebook = past_rulebook
        self.clocks = clocks
        self.live = [i for i in incident_store.live(tx) if minutes.shard_of(i.service, shards) == shard]
        self.recent: list[Incident] = []
        self.unsaved: dict[str, Incident] = {}
        self.unwritten: dict[int, Mapping[str, ServiceTally]] = {}

    def skip_idle(self, start: int, end: int) -> int:
        """Where nothing is open and nothing was counted, there is nothing to judge: go straight to the next minute."""
        if self.live:
            return start
        following = minutes.first_segment(self.tx, self.shard, start)
        return max(start, min(end, following if following is not None else end))

    def close(self, start: int, end: int) -> None:
        """Closes the minutes in [start, end), in order."""
        segments = minutes.take_segments(self.tx, self.shard, start, end)
        earlier = minutes.load(self.tx, start - (WINDOW - 1) * MINUTE, start)
        window: deque[Mapping[str, ServiceTally]] = deque(maxlen=WINDOW)
        for minute in range(start - (WINDOW - 1) * MINUTE, start, MINUTE):
            window.append(earlier.get(minute, {}))
        timers = self.rulebook.lifecycle
        # WINDOW more: an onset is dated back to the first bad minute of its window.
        remembered = (max(timers.link_within, timers.relapse_within) + WINDOW) * MINUTE
        self.recent = incident_store.recent(self.tx, start - remembered)
        for minute in range(start, end, MINUTE):
            tallies = segments.get(minute, {})
            if tallies:
                self.unwritten[minute] = tallies
            window.append(tallies)
            self._judge(minute, window)
        self._write()
        incident_store.save(self.tx, list(self.unsaved.values()))

    def _judge(self, minute: int, window: Sequence[Mapping[str, ServiceTally]]) -> None:
        by_service: dict[str, list[Incident]] = {}
        for incident in self.live:
            by_service.setdefault(incident.service, []).append(incident)
        changed: list[Incident] = []
        transitions: list[Transition] = []
        for service in sorted({*window[-1], *by_service}):
            live = by_service.get(service, [])
            given = ServiceMinute(
                service=service,
                minute=minute,
                window=tuple(tallies.get(service) for tallies in window),
                live=tuple(live),
                recent=tuple(incident for incident in self.recent if incident.service == service),
                rulebook=self.rulebook,
                past_rulebook=self.past_rulebook,
                detected_at=self.clocks.detected(minute),
            )
            judgement = judge_minute(given)
            changed += judgement.changed
            transitions += judgement.transitions
        if changed:
            self._record(minute, changed, transitions)

    def _record(self, minute: int, changed: list[Incident], transitions: list[Transition]) -> None:
        self.unsaved.update((incident.id, incident) for incident in changed)
        at = self.clocks.detected(minute)
        incident_store.add_transitions(self.tx, transitions, at)
        self.live = [incident for incident in changed if incident.state in incident_store.LIVE]
        self.recent += [incident for incident in changed if incident.state in (State.CLOSED, State.MERGED)]
        by_id = {incident.id: incident for incident in changed}
        for transition in transitions:
            if transition.sends and self.rulebook.channels:
                self._write()
                self._notify(by_id[transition.incident_id], transition.sends, transition.minute, at)

    def _notify(self, incident: Incident, message: Message, minute: int, at: int) -> None:
        """Whoever was told of the onset hears the rest; who comes in by a later message is told it as an onset."""
        told = outbox.channels_told(self.tx, incident.id)
        channels = told if message is Message.SUMMARY else [*told, *self._planned(incident, told)]
        if not channels:
            return
        document = msgspec.json.encode(summary_of(self.tx, incident, self.rulebook)).decode()
        late_minutes = (at - minute - MINUTE) // MINUTE
        if late_minutes < WORTH_MENTIONING:
            late_minutes = 0
        notifications = []
        for channel in channels:
            kind = message if channel in told else Message.ONSET
            sequence = outbox.next_sequence(self.tx, incident.id, kind)
            key = str(uuid.uuid5(_namespace, f"{incident.id}/{kind}/{sequence}/{channel}"))
            notifications.append(outbox.Notification(key, incident.id, kind, sequence, channel, document, late_minutes))
        outbox.enqueue(self.tx, notifications, self.clocks.now())

    def _planned(self, incident: Incident, told: Sequence[str]) -> list[str]:
        return [planned.channel for planned in plan(self.rulebook, incident) if planned.channel not in told]

    def _write(self) -> None:
        """Minutes go to the database before anything is summed over them."""
        if self.unwritten:
            minutes.insert_minutes(self.tx, self.unwritten)
            self.unwritten = {}


def summary_of(tx: Connection, incident: Incident, rulebook: Rulebook) -> Summary:
    """What is known of an incident now, late lines included."""
    start = incident.first_minute - CHART_BEFORE * MINUTE
    end = (incident.closed_at or incident.last_minute + MINUTE) + MINUTE
    loaded = minutes.load(tx, start, end, [incident.service], late=True, evidence=True)
    own = [(minute, tallies[incident.service]) for minute, tallies in sorted(loaded.items())]
    rules = {rule.name: rule for rule in rulebook.rules_of(incident.service)}
    messages = incident_store.messages(tx, incident.id)
    late = minutes.late_lines(tx, incident.service, incident.first_minute, incident.last_minute)
    return summarise(incident, own, rules, messages, late)
