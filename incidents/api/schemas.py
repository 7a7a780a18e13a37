"""The shapes of the answers, as OpenAPI has them. `incidents.documents` and its neighbours fill them.

Answers are not built through these models (that would copy every one of them once more); the tests hold each answer
against its model, unknown keys refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Time = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="RFC 3339, UTC, whole seconds."),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T02:51:00Z"]}),
]
Seconds = Annotated[float | None, Field(description="Seconds; null when nothing was timed.")]
ByStatus = Annotated[dict[str, int], Field(description="Counts by status.", examples=[{"200": 120, "502": 3}])]
State = Literal["open", "recovering", "stale", "closed", "merged"]
AnyState = Literal["ok", "pending", "open", "recovering", "stale", "closed", "merged"]
Severity = Literal["info", "warning", "critical"]
MessageKind = Literal["onset", "escalation", "summary"]
DeliveryState = Literal["pending", "sending", "sent", "failed", "ambiguous", "dead"]
CloseReason = Literal["recovered", "culprit_gone", "no_traffic", "little_traffic", "by_hand", "rule_changed", "merged"]


class Model(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Blame(Model):
    """Who an incident is about, and how sure that is."""

    kind: Literal["node", "nodes", "pool", "service"]
    nodes: list[str] = Field(description="The culprits' addresses; empty for a pool or a service.")
    verdict: Literal["node", "nodes", "pool", "mixed", "insufficient", "single"]


class SymptomBrief(Model):
    """One rule in breach, on a node or (null) over the service."""

    rule: str
    node: str | None
    first_minute: Time
    last_minute: Time


class Symptom(SymptomBrief):
    """A symptom with its units counted from its first to its last minute."""

    bad: int
    total: int
    description: str


class NodeFigures(Model):
    """One node over the incident's minutes. `share` is its part of all bad attempts."""

    node: str
    attempts: int
    bad: int
    share: float
    by_status: ByStatus


class Totals(Model):
    """The service over the incident's minutes, late lines included."""

    requests: int
    bad_requests: int
    attempts: int
    bad_attempts: int
    masked_by_retry: int = Field(description="Requests answered well although an attempt was bad.")
    by_status: ByStatus


class Peak(Model):
    """The minute with the most bad attempts of the culprit."""

    minute: Time
    bad: int
    total: int


class Sample(Model):
    """A redacted log line."""

    request_id: str
    line: str
    node: str | None
    status: str
    at: Time


class Sent(Model):
    """A message that the incident caused."""

    kind: MessageKind
    at: Time


class ChartPoint(Model):
    """A minute of the culprit: attempts, bad ones, and the bad ones by status."""

    minute: Time
    total: int
    bad: int
    by_status: ByStatus


class IncidentHead(Model):
    """What an incident is, without figures."""

    id: str = Field(description="The same in every run over the same log.", examples=["9f0c1d2e3a4b5c6d"])
    service: str
    state: State
    merged_into: str | None
    severity: Severity
    onset_at: Time
    detected_at: Time
    resolved_at: Time | None
    closed_at: Time | None
    reopened: int
    first_minute: Time
    last_minute: Time
    blame: Blame
    duration_seconds: int = Field(description="From the onset to the end of the last bad minute.")
    close_reason: CloseReason | None
    breach_minutes: int
    previous_id: str | None = Field(description="The incident of the same culprit that ended less than a day before.")
    rulebook_version: int = Field(description="The version that opened it; 0 is the built-in one.")
    labels: dict[str, str]


class IncidentBrief(IncidentHead):
    """An incident in a list."""

    symptoms: list[SymptomBrief]


class Incident(IncidentHead):
    """All that is known of an incident. The first keys are those of `tocsin replay --json`."""

    symptoms: list[Symptom]
    nodes: list[NodeFigures] = Field(description="Every node of the service, culprits and others.")
    totals: Totals
    peak: Peak
    first_bad_at: Time | None
    last_bad_at: Time | None
    samples: list[Sample]
    messages: list[Sent]
    late_lines: int
    unaffected: list[str] = Field(description="Nodes of the service with not one bad attempt.")
    minutes: list[ChartPoint]
    first_line: Sample | None
    last_line: Sample | None


class PageBase(Model):
    """A page of a list."""

    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class IncidentPage(PageBase):
    items: list[IncidentBrief]


class TimelineEntry(Model):
    """One change of state, never altered afterwards."""

    at: Time = Field(description="When it was decided.")
    minute: Time = Field(description="The minute that caused it.")
    source: AnyState
    target: AnyState
    event: str
    reason: str
    sends: MessageKind | None
    actor: str


class Timeline(PageBase):
    items: list[TimelineEntry]


class EvidenceEntry(Sample):
    """A sample line of one of the incident's minutes."""

    minute: Time


class EvidencePage(PageBase):
    items: list[EvidenceEntry]


class Late(Model):
    """What came after the minute was closed: add it for the minute's totals."""

    total: int
    bad: int
    by_status: ByStatus


class Latency(Model):
    """Quantiles from a histogram, within 1.6 %."""

    p50: Seconds
    p95: Seconds
    p99: Seconds


class Minute(Model):
    """A closed minute as it was judged. Minutes without traffic are left out."""

    minute: Time
    total: int
    bad: int
    by_status: ByStatus
    latency: Latency
    late: Late
    revised_at: Time | None = Field(description="When late lines were last added.")


class ServiceLate(Late):
    masked_by_retry: int


class ServiceMinute(Minute):
    """Requests of a service in one minute."""

    masked_by_retry: int
    late: ServiceLate


class Series(Model):
    """Minutes in [from, to)."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    closed_through: Time | None = Field(description="Minutes before this one are closed; later ones are not here yet.")


class ServiceSeries(Series):
    service: str
    minutes: list[ServiceMinute]


class NodeSeries(Series):
    service: str
    node: str
    minutes: list[Minute]


class NodeMinutes(Model):
    """Attempts at one node."""

    node: str
    minutes: list[Minute]


class Around(Series):
    """The minutes around an incident, of its service and of each node."""

    service: str
    truncated: bool = Field(description="True when the incident is longer than what is given at once.")
    requests: list[ServiceMinute]
    nodes: list[NodeMinutes]


class LastHour(Model):
    """The last hour of closed minutes, late lines included."""

    requests: int
    bad_requests: int


class ServiceBrief(Model):
    """A service in a list."""

    name: str
    first_seen: Time | None = Field(description="null when the rulebook names it and no line did.")
    last_minute: Time | None = Field(description="The last minute with traffic within the last hour.")
    last_hour: LastHour
    open_incidents: int
    labels: dict[str, str]


class ServicePage(PageBase):
    items: list[ServiceBrief]


class RuleInForce(Model):
    """A rule as it applies to a service."""

    name: str
    severity: Severity
    description: str


class Service(ServiceBrief):
    """A service, its rules, and its open incidents."""

    hosts: list[str]
    rules: list[RuleInForce]
    incidents: list[IncidentBrief]


class NodeTotals(Model):
    """A node over some minutes, late lines included. Quantiles are of lines that came in time."""

    node: str
    attempts: int
    bad: int
    by_status: ByStatus
    latency: Latency
    last_minute: Time


class WithoutUpstream(Model):
    """Requests that nginx answered without any upstream."""

    requests: int
    bad: int
    by_status: ByStatus


class Nodes(Series):
    service: str
    nodes: list[NodeTotals]
    without_upstream: WithoutUpstream


class NotificationBrief(Model):
    """One message of one incident to one channel."""

    id: str = Field(description="The key that every attempt carries, such as the left half of the Message-ID.")
    incident_id: str
    kind: MessageKind
    sequence: int
    channel: str
    state: DeliveryState
    created_at: Time
    due_at: Time
    sent_at: Time | None
    late_minutes: int = Field(description="Minutes that it was detected late, as when catching up.")
    attempts: int
    ambiguous: int = Field(description="Attempts whose outcome nobody knows.")
    answer: str


class NotificationPage(PageBase):
    items: list[NotificationBrief]


class Notification(NotificationBrief):
    """A message with what it says: the incident as it stood when the message was caused."""

    incident: Incident


class Delivery(Model):
    """One attempt."""

    attempt: int
    started_at: Time
    finished_at: Time | None
    outcome: DeliveryState
    answer: str


class Deliveries(Model):
    items: list[Delivery]


class RulebookBrief(Model):
    """A numbered version. 0 is the built-in one."""

    version: int
    source: str
    author: str
    reason: str
    at: Time | None
    digest: str


class RulebookPage(PageBase):
    items: list[RulebookBrief]


class Rulebook(RulebookBrief):
    """A version with nothing left to defaults, secrets masked."""

    text: str | None = Field(description="As YAML; null when this version can no longer be read.")
    document: dict[str, object] | None = Field(description="The same as values.")
    problem: str | None = Field(description="Why it can no longer be read.")


class SelfIncident(Model):
    """An incident of Tocsin's own, such as a gap in what it saw."""

    kind: str
    start: Time = Field(alias="from")
    end: Time | None = Field(alias="to", description="null while it lasts.")
    source: str
    partition: str
    detail: str
    lost: int | None = Field(description="How much was lost, in `unit`; null when nobody can know.")
    unit: str


class SelfIncidents(PageBase):
    items: list[SelfIncident]


class Process(Model):
    """A process of Tocsin's. `progress` only grows: one that lives and does nothing is told from one that works."""

    role: str
    instance: str
    pid: int
    host: str
    alive: bool
    started_at: Time
    beat_at: Time
    progress: int
    progress_at: Time
    detail: dict[str, object]


class Partition(Model):
    """How far one partition of the source was read."""

    source: str
    partition: str
    format: str
    watermark: Time | None
    watermark_age_seconds: float | None
    lag_seconds: float | None = Field(description="0 when it was read to its end a moment ago.")
    backlog: int | None
    unit: str
    lines: int
    malformed: int
    late: int
    quarantined: int
    updated_at: Time | None


class LineCounts(Model):
    """Over all partitions, since the first line."""

    read: int
    parsed: int
    malformed: int
    late: int
    quarantined: int


class MalformedReason(Model):
    reason: str
    lines: int


class Shard(Model):
    """How far minutes are closed."""

    shard: int
    closed_through: Time
    closed_at: Time
    delay_seconds: float = Field(description="The clock less `closed_through`; 65 to 130 is usual.")
    minutes: int


class RulebookState(Model):
    version: int
    source: str
    checked_at: Time | None = Field(description="The last look at where it comes from.")
    error: str | None = Field(description="Why that look came to nothing; the version in force stays.")


class Outbox(Model):
    """Messages by state."""

    pending: int
    sending: int
    sent: int
    dead: int
    oldest_due_at: Time | None


class Status(Model):
    """Who is alive, how far behind, since when."""

    now: Time
    version: str
    ok: bool
    problems: list[str] = Field(description="What is wrong, one line each.")
    processes: list[Process]
    partitions: list[Partition]
    lines: LineCounts
    malformed: list[MalformedReason]
    shards: list[Shard]
    rulebook: RulebookState
    outbox: Outbox
    open_incidents: dict[Severity, int]
    self_incidents: list[SelfIncident]


class Check(Model):
    """One check of readiness. `detail` only for a caller who may read."""

    name: str
    ok: bool
    detail: str | None


class Ready(Model):
    ready: Literal[True]
    checks: list[Check] | None = Field(description="With `verbose` only.")


class Alive(Model):
    alive: Literal[True]


class WrongParameter(Model):
    """What is wrong with a request, and where."""

    where: str = Field(alias="in", description="path, query, header or body.")
    name: str
    detail: str


class Problem(BaseModel):
    """An error as RFC 9457 has it. A type other than about:blank is one that a client can act on."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[WrongParameter] | None = None
