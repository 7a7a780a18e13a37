"""Judges one closed minute of one service: breaches become incidents, open incidents move on.

Pure: takes the window and the incidents, gives back what changed. The same code serves live, replay and backtest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from incidents.domain.culprit import (
    Claim,
    Finding,
    Window,
    blame_nodes,
    claim,
    first_bad_offset,
    is_bad_everywhere,
    read,
    real_nodes,
)
from incidents.domain.incident import (
    Culprit,
    Incident,
    Message,
    State,
    Symptom,
    Transition,
    incident_id,
)
from incidents.domain.lifecycle import Event, step
from incidents.domain.minute import MINUTE, ServiceTally
from incidents.domain.rule import WINDOW, Rule, Severity, Unit
from incidents.domain.rulebook import Rulebook


class Judgement(msgspec.Struct):
    """What one minute did to one service: the incidents that changed, in the order of their opening, and why."""

    changed: list[Incident] = msgspec.field(default_factory=list)
    transitions: list[Transition] = msgspec.field(default_factory=list)


class ServiceMinute(msgspec.Struct, frozen=True):
    """All that is looked at. `minute` is the judged minute's start in seconds; `detected_at` when an onset would leave.

    `live`: incidents that are open or pending; `recent`: those closed in the last day, for links and relapses. Both
    oldest first. `past_rulebook`: a rulebook by version; an incident is kept open by the thresholds that opened it.
    """

    service: str
    minute: int
    window: Window
    live: tuple[Incident, ...]
    recent: tuple[Incident, ...]
    rulebook: Rulebook
    past_rulebook: Callable[[int], Rulebook]
    detected_at: int


def judge_minute(given: ServiceMinute) -> Judgement:
    """The verdict on one closed minute of one service. The incidents given are not touched: copies are."""
    return _Judge(given).run()


class _Judge:
    def __init__(self, given: ServiceMinute) -> None:
        self.given = given
        self.window = given.window
        self.now: ServiceTally | None = given.window[-1]
        self.rules = given.rulebook.rules_of(given.service)
        self.live = [_copy(incident) for incident in given.live]
        self.before = {incident.id: incident.state for incident in self.live}
        self.findings = read(self.rules, self.window)
        self.breached: dict[str, list[Finding]] = {}
        self.result = Judgement()

    def run(self) -> Judgement:
        claimed = claim(self.window, self.findings)
        if claimed is not None:
            self._assign(claimed)
        for incident in self.live:
            self._move_on(incident)
        self.result.changed = self.live
        return self.result

    # -- whose minute it is

    def _assign(self, claimed: Claim) -> None:
        breaches = [finding for finding in self.findings if finding.is_breach]
        opened = [incident for incident in self.live if incident.is_open]
        culprit = claimed.culprit or claimed.otherwise
        if claimed.culprit is None and opened:
            self._breach(opened[0], breaches)
        elif culprit.kind.is_whole:
            self._assign_whole(culprit, breaches, claimed.reason)
        else:
            self._assign_nodes(culprit, breaches)

    def _assign_whole(self, culprit: Culprit, breaches: list[Finding], reason: str) -> None:
        opened = [incident for incident in self.live if incident.is_open]
        for waiting in self.live:
            # What waits for its N of M comes to nothing when an open incident takes the minute.
            if opened and waiting.state is State.PENDING:
                self._record(step(waiting, Event.WIDENED, self.given.minute, timers=self.given.rulebook.lifecycle))
        owner = next((incident for incident in opened if incident.culprit.kind.is_whole), None)
        if owner is None and opened:
            owner = opened[0]
            self._widen(owner, culprit, reason)
        if owner is None:
            self._open(culprit, breaches)
            return
        for other in opened:
            if other is not owner:
                other.merged_into = owner.id
                self._record(step(other, Event.WIDENED, self.given.minute, timers=self.given.rulebook.lifecycle))
        self._breach(owner, breaches)

    def _assign_nodes(self, culprit: Culprit, breaches: list[Finding]) -> None:
        """Nodes of an open incident: its minute. Others: a new one, unless the whole service is known to be down."""
        left = set(culprit.nodes)
        for incident in self.live:
            mine = left.intersection(incident.culprit.nodes)
            if mine and incident.is_open:
                self._breach(incident, _of_nodes(mine, breaches))
                left -= mine
        if not left:
            return
        whole_is_down = any(
            incident.culprit.kind.is_whole and self.before[incident.id] in (State.OPEN, State.STALE)
            for incident in self.live
        )
        if not whole_is_down:
            self._open(Culprit.of_nodes(left), _of_nodes(left, breaches))

    def _breach(self, incident: Incident, findings: list[Finding]) -> None:
        self.breached.setdefault(incident.id, []).extend(findings)

    def _widen(self, incident: Incident, culprit: Culprit, reason: str) -> None:
        incident.culprit = culprit
        self._send(incident, Message.ESCALATION, f"widened to the {culprit.kind}: {reason}")

    def _open(self, culprit: Culprit, breaches: list[Finding]) -> None:
        waiting = next((i for i in self.live if i.state is State.PENDING and i.culprit == culprit), None)
        if waiting is not None:
            self._breach(waiting, breaches)
            return
        given = self.given
        floor = self._earliest(culprit)
        symptoms = self._symptoms(culprit, breaches, floor)
        first = min((symptom.first_minute for symptom in symptoms), default=given.minute)
        last = self._previous(culprit)
        timers = given.rulebook.lifecycle
        hold, previous = timers.hold, None
        if last is not None and last.closed_at is not None:
            if first - last.closed_at < timers.relapse_within * MINUTE:
                hold = max(hold, timers.relapse_hold)
            if first - last.closed_at < timers.link_within * MINUTE:
                previous = last.id
        incident = Incident(
            id=incident_id(given.service, culprit, first),
            service=given.service,
            culprit=culprit,
            state=State.OK,
            severity=Severity.INFO,
            first_minute=first,
            last_minute=first,
            opened_minute=given.minute,
            detected_at=given.detected_at,
            hold=hold,
            previous_id=previous,
            symptoms=symptoms,
            rulebook_version=given.rulebook.version,
            labels=dict(given.rulebook.labels_of(given.service)),
        )
        self.before[incident.id] = State.OK
        self.live.append(incident)
        self._breach(incident, breaches)

    def _earliest(self, culprit: Culprit) -> int:
        """A minute that belonged to an earlier incident of the same nodes does not begin this one."""
        known = (*self.given.recent, *self.given.live)
        ends = [i.last_minute + MINUTE for i in known if _overlap(i.culprit, culprit) and i.state is not State.PENDING]
        return max(ends, default=0)

    def _previous(self, culprit: Culprit) -> Incident | None:
        fingerprint = culprit.fingerprint(self.given.service)
        closed = [i for i in self.given.recent if i.fingerprint == fingerprint and i.state is State.CLOSED]
        return max(closed, key=lambda i: i.closed_at or 0, default=None)

    # -- moving on

    def _move_on(self, incident: Incident) -> None:
        if incident.state in (State.CLOSED, State.MERGED) or (
            incident.state is State.OK and self.before[incident.id] is State.PENDING
        ):
            return
        given = self.given
        rules = self._rules_that_hold(incident)
        if incident.symptoms and not any(rule.name == s.rule for s in incident.symptoms for rule in self.rules):
            self._step(incident, Event.RULE_GONE, "none of its rules is in force any more")
            return
        findings = self.breached.get(incident.id, [])
        if findings:
            self._join(incident, findings)
            event = Event.BREACH
        else:
            event = self._event(incident, rules)
        self._step(incident, event, "; ".join(_words(findings)))
        if event in (Event.BREACH, Event.BAD):
            self._prolong(incident, rules)
            if given.minute - incident.first_minute < WINDOW * MINUTE:
                self._assess(incident)

    def _rules_that_hold(self, incident: Incident) -> tuple[Rule, ...]:
        """By the thresholds in force and by those that opened it: an edit alone never closes an incident."""
        if incident.rulebook_version == self.given.rulebook.version:
            return self.rules
        names = {rule.name for rule in self.rules}
        past = self.given.past_rulebook(incident.rulebook_version).rules_of(incident.service)
        return (*self.rules, *(rule for rule in past if rule.name in names and rule not in self.rules))

    def _event(self, incident: Incident, rules: Sequence[Rule]) -> Event:
        if self.now is None or not self.now.total:
            return Event.NODATA
        if incident.culprit.kind.is_whole:
            return Event.BAD if is_bad_everywhere(rules, self.window) else Event.CLEAN
        nodes = set(incident.culprit.nodes)
        if not any(node in self.now.nodes for node in nodes):
            return Event.ABSENT
        own = self.findings if rules is self.rules else read(rules, self.window)
        only = real_nodes(self.window) <= nodes  # one server is all there is: what the service shows is its doing
        is_bad = any(finding.node in nodes or (only and finding.node is None) for finding in own)
        return Event.BAD if is_bad else Event.CLEAN

    def _step(self, incident: Incident, event: Event, because: str) -> None:
        transition = step(
            incident,
            event,
            self.given.minute,
            requests=self._requests(incident),
            timers=self.given.rulebook.lifecycle,
            n_of_m=self._n_of_m(incident),
            because=because,
        )
        if transition is not None and transition.sends is Message.ONSET:
            incident.detected_at = self.given.detected_at  # not when it began to wait for N of M
        self._record(transition)

    def _n_of_m(self, incident: Incident) -> tuple[int, int]:
        """One rule that does not wait is enough to open at once."""
        by_name = {rule.name: rule for rule in self.rules}
        waits = [by_name[s.rule].n_of_m for s in incident.symptoms if s.rule in by_name]
        asked = [wait for wait in waits if wait is not None]
        return min(asked) if asked and len(asked) == len(waits) else (1, 1)

    def _requests(self, incident: Incident) -> int:
        if self.now is None:
            return 0
        if incident.culprit.kind.is_whole:
            return self.now.total
        return sum(tally.total for node, tally in self.now.nodes.items() if node in incident.culprit.nodes)

    def _join(self, incident: Incident, findings: list[Finding]) -> None:
        """Symptoms that join are recorded; they send nothing unless they raise the severity."""
        floor = incident.first_minute
        for symptom in self._symptoms(incident.culprit, findings, floor):
            if incident.symptom(symptom.rule, symptom.node) is None:
                incident.symptoms.append(symptom)
        severity = max((self._severity(incident, f) for f in findings), key=lambda s: s.rank)
        if severity.rank > incident.severity.rank:
            announced = incident.is_open and incident.state is not State.OK
            told = any(t.incident_id == incident.id and t.sends for t in self.result.transitions)
            if announced and not told:
                self._send(incident, Message.ESCALATION, f"severity rises to {severity}")
            incident.severity = severity

    def _severity(self, incident: Incident, finding: Finding) -> Severity:
        whole = incident.culprit.kind.is_whole
        if finding.rule.escalates and (finding.verdict.critical or whole):
            return Severity.CRITICAL
        return finding.rule.severity

    def _symptoms(self, culprit: Culprit, findings: Iterable[Finding], floor: int) -> list[Symptom]:
        """One a rule for the service as a whole; one a rule and node for nodes; request time names no node.

        `floor`: the earliest minute (its start) that a symptom may begin in.
        """
        found: dict[tuple[str, str | None], Symptom] = {}
        own = self.window[-max(1, (self.given.minute - floor) // MINUTE + 1) :]
        for finding in findings:
            nodes: tuple[str | None, ...] = (finding.node,)
            if culprit.kind.is_whole or finding.rule.unit is Unit.REQUEST:
                nodes = (None,)
            elif finding.node is None:
                if any(f.rule.name == finding.rule.name and f.node in culprit.nodes for f in findings):
                    continue
                nodes = culprit.nodes
            for node in nodes:
                key = (finding.rule.name, node)
                if key not in found:
                    first = self.given.minute - MINUTE * first_bad_offset(finding.rule, own, node)
                    found[key] = Symptom(*key, first_minute=first, last_minute=self.given.minute)
        return list(found.values())

    def _prolong(self, incident: Incident, rules: Sequence[Rule]) -> None:
        own = self.findings if rules is self.rules else read(rules, self.window)
        for finding in own:
            symptom = incident.symptom(finding.rule.name, finding.node)
            if symptom is not None:
                symptom.last_minute = self.given.minute

    def _assess(self, incident: Incident) -> None:
        """How sure the blame is: from the first minute on, over at most WINDOW minutes."""
        names = [symptom.rule for symptom in incident.symptoms]
        lead = next((r for r in self.rules if r.name in names and r.unit is Unit.ATTEMPT), None)
        if lead is None:
            return
        minutes = (self.given.minute - incident.first_minute) // MINUTE + 1
        incident.confidence = blame_nodes(lead, self.window[-minutes:]).confidence

    # -- what is told

    def _record(self, transition: Transition | None) -> None:
        if transition is not None:
            self.result.transitions.append(transition)

    def _send(self, incident: Incident, message: Message, reason: str) -> None:
        state = incident.state
        self._record(Transition(incident.id, self.given.minute, state, state, "escalation", reason, message))


def _words(findings: Iterable[Finding]) -> list[str]:
    return [f"{f.rule.name}{f' on {f.node}' if f.node else ''}: {f.verdict.reason}" for f in findings]


def _of_nodes(nodes: set[str], breaches: Sequence[Finding]) -> list[Finding]:
    """What these nodes breach, and what only the service does: a sum that a node explains may be another culprit's."""
    explained = {finding.rule.name for finding in breaches if finding.node is not None}
    return [f for f in breaches if f.node in nodes or (f.node is None and f.rule.name not in explained)]


def _overlap(one: Culprit, other: Culprit) -> bool:
    return one.kind.is_whole or other.kind.is_whole or not set(one.nodes).isdisjoint(other.nodes)


def _copy(incident: Incident) -> Incident:
    symptoms = [msgspec.structs.replace(symptom) for symptom in incident.symptoms]
    return msgspec.structs.replace(incident, symptoms=symptoms)
