"""Tocsin itself: status, probes, errors."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from incidents.api.schemas.base import Model, PageBase, Severity, Time


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
