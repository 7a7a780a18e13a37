"""The rows. Values of the domain are kept apart: `incidents.store` maps between the two.

All times are seconds since the epoch, UTC: integers for event time, floats for the clock. Text columns named after a
mapping hold JSON. Log text is stored redacted and capped.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Index, LargeBinary, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


class SourcePosition(SQLModel, table=True):
    """How far one partition has been read: the fence of the collectors (compare-and-set on `next`)."""

    __tablename__ = "source_position"
    source: str = Field(primary_key=True)
    partition: str = Field(primary_key=True)
    next: str = Field(sa_type=Text)
    watermark: int = Field(default=0, sa_type=BigInteger)
    caught_up_at: float = Field(default=0.0, sa_type=Float)
    backlog: int | None = Field(default=None, sa_type=BigInteger)
    unit: str = ""
    format: str = ""
    lines: int = Field(default=0, sa_type=BigInteger)
    malformed: int = Field(default=0, sa_type=BigInteger)
    late: int = Field(default=0, sa_type=BigInteger)
    quarantined: int = Field(default=0, sa_type=BigInteger)
    updated_at: float = Field(default=0.0, sa_type=Float)


class Malformed(SQLModel, table=True):
    """Malformed lines counted by reason, with a few samples (JSON array, the newest first)."""

    __tablename__ = "malformed"
    source: str = Field(primary_key=True)
    partition: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    lines: int = Field(default=0, sa_type=BigInteger)
    samples: str = Field(default="[]", sa_type=Text)


class Segment(SQLModel, table=True):
    """Tallies of one minute from one flush, waiting for the minute to close (or, when late, to amend it)."""

    __tablename__ = "segment"
    id: int | None = Field(default=None, primary_key=True)
    minute: int = Field(sa_type=BigInteger, index=True)
    shard: int = 0
    late: bool = False
    payload: bytes = Field(sa_type=LargeBinary)


class Progress(SQLModel, table=True):
    """Minutes before `closed_through` are closed and never change."""

    __tablename__ = "progress"
    shard: int = Field(primary_key=True)
    closed_through: int = Field(sa_type=BigInteger)
    closed_at: float = Field(default=0.0, sa_type=Float)
    minutes: int = Field(default=0, sa_type=BigInteger)


class ServiceRow(SQLModel, table=True):
    """A service that was seen."""

    __tablename__ = "service"
    name: str = Field(primary_key=True)
    first_seen: int = Field(sa_type=BigInteger)


class ServiceMinute(SQLModel, table=True):
    """Request level of one closed minute; `late_*` amend it."""

    __tablename__ = "service_minute"
    minute: int = Field(primary_key=True, sa_type=BigInteger)
    service: str = Field(primary_key=True)
    total: int = 0
    bad: int = 0
    masked: int = 0
    statuses: str = Field(default="{}", sa_type=Text)
    slow: str = Field(default="{}", sa_type=Text)
    latency: bytes = Field(default=b"", sa_type=LargeBinary)
    late_total: int = 0
    late_bad: int = 0
    late_masked: int = 0
    late_statuses: str = Field(default="{}", sa_type=Text)
    late_slow: str = Field(default="{}", sa_type=Text)
    revised_at: float | None = Field(default=None, sa_type=Float)


class NodeMinute(SQLModel, table=True):
    """Attempt level of one closed minute; node "" holds requests that had no upstream. `late_*` amend it."""

    __tablename__ = "node_minute"
    __table_args__ = (Index("ix_node_minute_service_minute", "service", "minute"),)
    minute: int = Field(primary_key=True, sa_type=BigInteger)
    service: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    total: int = 0
    bad: int = 0
    statuses: str = Field(default="{}", sa_type=Text)
    slow: str = Field(default="{}", sa_type=Text)
    latency: bytes = Field(default=b"", sa_type=LargeBinary)
    first_bad: int = Field(default=0, sa_type=BigInteger)
    last_bad: int = Field(default=0, sa_type=BigInteger)
    late_total: int = 0
    late_bad: int = 0
    late_statuses: str = Field(default="{}", sa_type=Text)
    late_slow: str = Field(default="{}", sa_type=Text)
    late_first_bad: int = Field(default=0, sa_type=BigInteger)
    late_last_bad: int = Field(default=0, sa_type=BigInteger)
    revised_at: float | None = Field(default=None, sa_type=Float)


class EvidenceRow(SQLModel, table=True):
    """A sample line of a bad minute, redacted."""

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_service_minute", "service", "minute"),)
    id: int | None = Field(default=None, primary_key=True)
    minute: int = Field(sa_type=BigInteger)
    service: str
    node: str
    status: str
    second: int = Field(sa_type=BigInteger)
    request_id: str = ""
    line: str = Field(sa_type=Text)


class IncidentRow(SQLModel, table=True):
    """One incident. `value` is the whole of it as JSON; the other columns are what people filter by."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "uq_incident_open_fingerprint",
            "fingerprint",
            unique=True,
            sqlite_where=text("state IN ('open', 'recovering', 'stale', 'pending')"),
            postgresql_where=text("state IN ('open', 'recovering', 'stale', 'pending')"),
        ),
        Index("ix_incident_order", "first_minute", "id"),
    )
    id: str = Field(primary_key=True)
    service: str = Field(index=True)
    fingerprint: str = Field(index=True)
    culprit_kind: str
    state: str = Field(index=True)
    severity: str
    first_minute: int = Field(sa_type=BigInteger)
    last_minute: int = Field(sa_type=BigInteger)
    closed_at: int | None = Field(default=None, sa_type=BigInteger, index=True)
    value: str = Field(sa_type=Text)


class SymptomRow(SQLModel, table=True):
    """One rule in breach on one node ("" for the service as a whole) of an incident."""

    __tablename__ = "symptom"
    incident_id: str = Field(primary_key=True)
    rule: str = Field(primary_key=True, index=True)
    node: str = Field(primary_key=True, index=True)
    first_minute: int = Field(sa_type=BigInteger)
    last_minute: int = Field(sa_type=BigInteger)


class TransitionRow(SQLModel, table=True):
    """One immutable row of an incident's timeline."""

    __tablename__ = "transition"
    id: int | None = Field(default=None, primary_key=True)
    incident_id: str = Field(index=True)
    minute: int = Field(sa_type=BigInteger)
    at: int = Field(sa_type=BigInteger)
    source: str
    target: str
    event: str
    reason: str = Field(sa_type=Text)
    sends: str = ""
    actor: str = "tocsin"


class NotificationRow(SQLModel, table=True):
    """One message of one incident to one channel: the outbox. `document` is what it says, fixed when it was caused."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("incident_id", "kind", "sequence", "channel", name="uq_notification_message"),
        Index("ix_notification_due", "state", "due_at"),
    )
    id: str = Field(primary_key=True)
    incident_id: str = Field(index=True)
    kind: str
    sequence: int = 0
    channel: str
    state: str = "pending"
    document: str = Field(sa_type=Text)
    late_minutes: int = 0
    created_at: float = Field(sa_type=Float)
    due_at: float = Field(sa_type=Float)
    lease_until: float = Field(default=0.0, sa_type=Float)
    token: int = 0
    attempts: int = 0
    ambiguous: int = 0
    sent_at: float | None = Field(default=None, sa_type=Float)
    answer: str = Field(default="", sa_type=Text)


class DeliveryRow(SQLModel, table=True):
    """One attempt at one notification, and what the service answered."""

    __tablename__ = "delivery"
    id: int | None = Field(default=None, primary_key=True)
    notification_id: str = Field(index=True)
    token: int
    started_at: float = Field(sa_type=Float)
    finished_at: float | None = Field(default=None, sa_type=Float)
    outcome: str = "sending"
    answer: str = Field(default="", sa_type=Text)


class RulebookVersion(SQLModel, table=True):
    """One numbered version of the rulebook, as text."""

    __tablename__ = "rulebook_version"
    version: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    text: str = Field(sa_type=Text)
    source: str
    author: str = "tocsin"
    reason: str = ""
    at: float = Field(sa_type=Float)


class RulebookSource(SQLModel, table=True):
    """The last look at where the rulebook comes from: whether it could be used."""

    __tablename__ = "rulebook_source"
    source: str = Field(primary_key=True)
    checked_at: float = Field(sa_type=Float)
    digest: str = ""
    error: str = Field(default="", sa_type=Text)


class Heartbeat(SQLModel, table=True):
    """A process and its progress: `progress` only grows, `progress_at` says when it last did."""

    __tablename__ = "heartbeat"
    role: str = Field(primary_key=True)
    instance: str = Field(primary_key=True)
    pid: int
    host: str
    started_at: float = Field(sa_type=Float)
    beat_at: float = Field(sa_type=Float)
    progress: int = Field(default=0, sa_type=BigInteger)
    progress_at: float = Field(default=0.0, sa_type=Float)
    detail: str = Field(default="{}", sa_type=Text)


class SelfIncident(SQLModel, table=True):
    """An incident of Tocsin's own, such as a gap: kept apart from the services'."""

    __tablename__ = "self_incident"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    source: str = ""
    partition: str = ""
    started_at: int = Field(sa_type=BigInteger)
    ended_at: int | None = Field(default=None, sa_type=BigInteger)
    detail: str = Field(default="", sa_type=Text)
    lost: int | None = Field(default=None, sa_type=BigInteger)
    unit: str = ""


class ApiToken(SQLModel, table=True):
    """A bearer token, hashed."""

    __tablename__ = "api_token"
    id: str = Field(primary_key=True)
    name: str
    hash: str = Field(unique=True)
    scopes: str
    created_at: float = Field(sa_type=Float)
    last_used_at: float | None = Field(default=None, sa_type=Float)
    revoked_at: float | None = Field(default=None, sa_type=Float)


class Audit(SQLModel, table=True):
    """Who changed what."""

    __tablename__ = "audit"
    id: int | None = Field(default=None, primary_key=True)
    at: float = Field(sa_type=Float)
    actor: str
    action: str
    target: str
    detail: str = Field(default="{}", sa_type=Text)
