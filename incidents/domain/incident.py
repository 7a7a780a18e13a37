"""What an incident is: one episode of trouble of one culprit, from onset to resolution. Values only."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

from incidents.domain.rule import Severity


class State(StrEnum):
    """The states of detection.md section 6. `ok` is the absence of an incident."""

    OK = "ok"
    PENDING = "pending"
    OPEN = "open"
    RECOVERING = "recovering"
    STALE = "stale"
    CLOSED = "closed"
    MERGED = "merged"

    @property
    def is_open(self) -> bool:
        return self in (State.OPEN, State.RECOVERING, State.STALE)


class CulpritKind(StrEnum):
    """What kind of thing an incident is about."""

    NODE = "node"
    NODES = "nodes"
    POOL = "pool"
    SERVICE = "service"

    @property
    def is_whole(self) -> bool:
        """The service as a whole, not some of its nodes."""
        return self in (CulpritKind.POOL, CulpritKind.SERVICE)


class Confidence(StrEnum):
    """What blame (detection.md section 4) says about a culprit: how sure it is, not who it is."""

    NODE = "node"
    NODES = "nodes"
    POOL = "pool"
    MIXED = "mixed"
    INSUFFICIENT = "insufficient"
    SINGLE = "single"


class Message(StrEnum):
    """What is sent to people about one incident."""

    ONSET = "onset"
    ESCALATION = "escalation"
    SUMMARY = "summary"


class CloseReason(StrEnum):
    """Why an incident was closed."""

    RECOVERED = "recovered"
    CULPRIT_GONE = "culprit_gone"
    NO_TRAFFIC = "no_traffic"
    LITTLE_TRAFFIC = "little_traffic"
    BY_HAND = "by_hand"
    RULE_CHANGED = "rule_changed"
    MERGED = "merged"


class Culprit(msgspec.Struct, frozen=True, order=True):
    """Who an incident is about. `nodes` is sorted, and empty for the pool and the service."""

    kind: CulpritKind
    nodes: tuple[str, ...] = ()

    @staticmethod
    def of_nodes(nodes: frozenset[str] | set[str]) -> Culprit:
        kind = CulpritKind.NODE if len(nodes) == 1 else CulpritKind.NODES
        return Culprit(kind, tuple(sorted(nodes)))

    def fingerprint(self, service: str) -> str:
        """The stable key of (service, culprit): unique among open incidents."""
        return digest(service, self.kind.value, *self.nodes)


def digest(*parts: str) -> str:
    """Sixteen hex digits that are the same in every run. The separator cannot occur in a log's field."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Symptom(msgspec.Struct):
    """One rule in breach, on a node or (None) summed over the service. Minutes are starts of minutes, in seconds."""

    rule: str
    node: str | None
    first_minute: int
    last_minute: int


class Incident(msgspec.Struct, kw_only=True):
    """One episode. Minutes are starts of minutes and all times are seconds since the epoch, UTC, in event time.

    `detected_at` is when the onset left the evaluator; `hold` the clean minutes that close it; `quiet` those seen in a
    row, `quiet_requests` the requests in them; `longest_quiet` the longest spell that ended in trouble again; `idle`
    the minutes in a row in which the service had no traffic, `absent` those in which only the culprit had none.
    `rulebook_version` is the version that opened it: by that version's thresholds it is kept open.
    """

    id: str
    service: str
    culprit: Culprit
    state: State
    severity: Severity
    first_minute: int
    last_minute: int
    opened_minute: int
    detected_at: int
    confidence: Confidence = Confidence.INSUFFICIENT
    hold: int = 5
    quiet: int = 0
    quiet_requests: int = 0
    longest_quiet: int = 0
    idle: int = 0
    absent: int = 0
    pending_hits: int = 0
    pending_minutes: int = 0
    breach_minutes: int = 0
    reopened: int = 0
    symptoms: list[Symptom] = msgspec.field(default_factory=list)
    resolved_at: int | None = None
    closed_at: int | None = None
    close_reason: CloseReason | None = None
    merged_into: str | None = None
    previous_id: str | None = None
    rulebook_version: int = 0
    labels: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return self.culprit.fingerprint(self.service)

    @property
    def is_open(self) -> bool:
        return self.state.is_open

    def symptom(self, rule: str, node: str | None) -> Symptom | None:
        return next((found for found in self.symptoms if found.rule == rule and found.node == node), None)


class Transition(msgspec.Struct, frozen=True):
    """One row of an incident's timeline: `minute` is the closed minute that caused it, `sends` what it tells."""

    incident_id: str
    minute: int
    source: State
    target: State
    event: str
    reason: str
    sends: Message | None = None
    actor: str = "tocsin"


def incident_id(service: str, culprit: Culprit, first_minute: int) -> str:
    """Derived from the fingerprint and the first minute: the same in every run over the same log."""
    return digest(service, culprit.kind.value, *culprit.nodes, str(first_minute))
