"""Services, nodes, and their minutes."""

from __future__ import annotations

from pydantic import Field

from incidents.api.schemas.base import ByStatus, Model, PageBase, Seconds, Severity, Time
from incidents.api.schemas.incidents import IncidentBrief


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
