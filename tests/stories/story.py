"""A small language for stories over event time, told to the pure engine minute by minute.

    at("10:00", "10:10").lines(a=20, b=20)            # 20 good requests a minute on each of two nodes
    at("10:03", "10:05").lines(a=bad(6))              # and six bad ones on node a, in two of those minutes
    at("10:04").want()                                # nothing was said by then
    at("10:05").want(onset("a"))                      # when the minute 10:04 had closed, this was
    at("10:11").want(summary("a", reason="recovered"))

`want` takes exactly what was sent since the last `want`: a message too many is as wrong as one that is missing. What
was never wanted is found at the end of the test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from incidents.domain.access_log import Request
from incidents.domain.fold import Fold
from incidents.domain.incident import Incident, Message, State, Transition
from incidents.domain.judging import ServiceMinute, judge_minute
from incidents.domain.minute import MINUTE, ServiceTally
from incidents.domain.rule import WINDOW
from incidents.domain.rulebook import Rulebook

MIDNIGHT = 1_772_409_600
"""2026-03-02T00:00:00Z: where "00:00" is."""

LATENESS = 5
REMEMBERED = 86400 + WINDOW * MINUTE
_LIVE = (State.PENDING, State.OPEN, State.RECOVERING, State.STALE)


def second(clock: str) -> int:
    """ "10:02" -> seconds since the epoch; "26:00" is two in the morning of the next day."""
    hours, minutes = clock.split(":")
    return MIDNIGHT + int(hours) * 3600 + int(minutes) * 60


def clock(second_: int) -> str:
    minutes = (second_ - MIDNIGHT) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


class Some(NamedTuple):
    """`n` requests of one kind to one node. `then`: nodes tried after it, with what they answered."""

    n: int
    status: int = 200
    upstream_status: str = "200"
    seconds: float = 0.01
    then: tuple[tuple[str, str], ...] = ()
    waited: float | None = None


def bad(n: int, status: int = 502) -> Some:
    """Requests that the node answered so."""
    return Some(n, status, str(status))


def left(n: int) -> Some:
    """Requests whose client went away while the node was being asked."""
    return Some(n, 499, "-")


def slow(n: int, seconds: float) -> Some:
    """Requests that went well, in the end."""
    return Some(n, seconds=seconds)


def slow_client(n: int, seconds: float) -> Some:
    """Requests that the node answered at once, and whose client took its time."""
    return Some(n, seconds=seconds, waited=0.01)


def masked(n: int, by: str) -> Some:
    """Requests that the node failed and another one answered: the client saw nothing."""
    return Some(n, 200, "502", then=((by, "200"),))


class Said(NamedTuple):
    """One message. Where a wanted one says None, anything will do."""

    kind: Message
    culprit: str
    severity: str | None = None
    first: str | None = None
    last: str | None = None
    reason: str | None = None
    minute: str | None = None

    def fits(self, other: Said) -> bool:
        return all(mine is None or mine == theirs for mine, theirs in zip(self, other, strict=True))


def onset(culprit: str, severity: str | None = None, first: str | None = None) -> Said:
    return Said(Message.ONSET, culprit, severity, first)


def escalation(culprit: str, severity: str | None = None) -> Said:
    return Said(Message.ESCALATION, culprit, severity)


def summary(culprit: str, reason: str = "recovered", first: str | None = None, last: str | None = None) -> Said:
    return Said(Message.SUMMARY, culprit, None, first, last, reason)


def name_of(incident: Incident) -> str:
    """ "a", "a+b", "pool" or "service"."""
    nodes = "+".join(node.removesuffix(":80") for node in incident.culprit.nodes)
    return nodes or incident.culprit.kind.value


class Story:
    """Plays the lines of one service through `judge_minute`, as `incidents.evaluate` does without its database."""

    def __init__(self, rulebook: Rulebook | None = None, service: str = "checkout") -> None:
        self.service = service
        self.rulebook = rulebook or Rulebook()
        self.rulebooks = {self.rulebook.version: self.rulebook}
        self.edits: dict[int, Rulebook] = {}
        self.requests: dict[int, list[Request]] = {}
        self.window: deque[ServiceTally | None] = deque([None] * WINDOW, maxlen=WINDOW)
        self.played = 0
        self.live: list[Incident] = []
        self.ended: list[Incident] = []
        self.transitions: list[Transition] = []
        self.unheard: list[Said] = []

    def at(self, start: str, end: str | None = None) -> At:
        """A minute, or the minutes from start up to end."""
        first = second(start)
        return At(self, first, second(end) if end else first + MINUTE)

    def everything(self) -> list[Incident]:
        """All incidents, those that ended included, in the order of their first minutes."""
        known = [*self.ended, *(i for i in self.live if i.state is not State.PENDING)]
        return sorted(known, key=lambda incident: (incident.first_minute, incident.id))

    def play(self, until: int) -> None:
        """Closes every minute that ends at or before `until`."""
        if not self.played:
            self.played = min([*self.requests, until])
        while self.played + MINUTE <= until:
            self._close(self.played)
            self.played += MINUTE

    def _close(self, minute: int) -> None:
        self.rulebook = self.edits.pop(minute, self.rulebook)
        self.window.append(self._tally(minute))
        given = ServiceMinute(
            service=self.service,
            minute=minute,
            window=tuple(self.window),
            live=tuple(self.live),
            recent=tuple(i for i in self.ended if (i.closed_at or 0) > minute - REMEMBERED),
            rulebook=self.rulebook,
            past_rulebook=self.rulebooks.__getitem__,
            detected_at=minute + MINUTE + LATENESS,
        )
        judgement = judge_minute(given)
        self.live = [incident for incident in judgement.changed if incident.state in _LIVE]
        self.ended += [i for i in judgement.changed if i.state in (State.CLOSED, State.MERGED)]
        self.transitions += judgement.transitions
        by_id = {incident.id: incident for incident in judgement.changed}
        for transition in judgement.transitions:
            if transition.sends is not None:
                self.unheard.append(_said(transition, by_id[transition.incident_id]))

    def _tally(self, minute: int) -> ServiceTally | None:
        requests = self.requests.get(minute, [])
        fold = Fold(self.rulebook, set())
        fold.add(requests, [b""] * len(requests), ceiling=minute + MINUTE)
        tallies = [t for services in fold.take().tallies.values() for t in services.values()]
        return tallies[0] if tallies else None


class At(NamedTuple):
    """Some minutes of a story."""

    story: Story
    start: int
    end: int

    def minutes(self) -> range:
        return range(self.start, self.end, MINUTE)

    def lines(self, **by_node: int | Some | Iterable[int | Some]) -> None:
        """Requests in each of these minutes: a number of good ones, or what `bad`, `left`, `slow` and `masked` say.

        A name is a node's; `none` has requests without any upstream, `dead` those that found no live one.
        """
        assert self.start >= self.story.played, "these minutes are over"
        for minute in self.minutes():
            for node, kinds in by_node.items():
                for kind in [kinds] if isinstance(kinds, int | Some) else kinds:
                    some = Some(kind) if isinstance(kind, int) else kind
                    self.story.requests.setdefault(minute, []).extend(_requests(self.story, minute, node, some))

    def rules(self, rulebook: Rulebook) -> None:
        """From this minute on, this rulebook is in force."""
        self.story.rulebooks[rulebook.version] = rulebook
        self.story.edits[self.start] = rulebook

    def want(self, *wanted: Said) -> None:
        """What was sent since the last `want`, up to this moment, is this and no more."""
        self.story.play(self.start)
        heard, self.story.unheard = self.story.unheard, []
        fits = len(heard) == len(wanted) and all(w.fits(h) for w, h in zip(wanted, heard, strict=True))
        assert fits, f"by {clock(self.start)} wanted {_words(wanted)}, heard {_words(heard)}"

    def incident(self, culprit: str) -> Incident:
        """The newest incident of this culprit as it stands at this moment."""
        self.story.play(self.start)
        known = [*self.story.ended, *self.story.live]
        return max((i for i in known if name_of(i) == culprit), key=lambda i: i.first_minute)

    def state(self, culprit: str) -> str:
        return self.incident(culprit).state.value


Tell = Callable[..., At]


def _requests(story: Story, minute: int, node: str, some: Some) -> Iterator[Request]:
    addresses, answers = f"{node}:80", some.upstream_status
    if node == "none":
        addresses = answers = ""
    elif node == "dead":
        addresses = f"{story.service}_pool"
    for name, answer in some.then:
        addresses += f", {name}:80"
        answers += f", {answer}"
    waited = some.seconds if some.waited is None else some.waited
    times = ", ".join([f"{waited:.3f}"] * len(answers.split(", "))) if addresses else ""
    for i in range(some.n):
        yield Request(
            time=float(minute + (i * 7) % MINUTE),
            status=some.status,
            request_time=some.seconds,
            service=story.service,
            upstream_addr=addresses,
            upstream_status=answers,
            upstream_response_time=times,
            request_id=f"{node}-{some.status}-{minute}-{i}",
        )


def _said(transition: Transition, incident: Incident) -> Said:
    assert transition.sends is not None
    return Said(
        transition.sends,
        name_of(incident),
        incident.severity.value,
        clock(incident.first_minute),
        clock(incident.last_minute),
        incident.close_reason.value if incident.close_reason else None,
        clock(transition.minute),
    )


def _words(said: Iterable[Said]) -> str:
    parts = [" ".join(str(word) for word in one if word is not None) for one in said]
    return "; ".join(parts) or "nothing"
