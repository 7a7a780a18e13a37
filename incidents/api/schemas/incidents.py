"""Incidents, and what stands behind one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from incidents.api.schemas.base import (
    AnyState,
    ByStatus,
    CloseReason,
    MessageKind,
    Model,
    PageBase,
    Sample,
    Severity,
    State,
    Time,
)


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
