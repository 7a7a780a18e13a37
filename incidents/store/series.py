"""Closed minutes as people read them: rows with their late columns beside them, never added up unasked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from incidents.domain.minute import NO_NODE, add_counts
from incidents.store.engine import table_of
from incidents.tables import EvidenceRow, NodeMinute, Progress, ServiceMinute

_service_minutes = table_of(ServiceMinute)
_node_minutes = table_of(NodeMinute)
_evidence = table_of(EvidenceRow)
_progress = table_of(Progress)

_counts = msgspec.json.Decoder(dict[str, int]).decode
_bins = msgspec.msgpack.Decoder(dict[int, int]).decode


class Figures(msgspec.Struct):
    """Counts of one minute, or of several. `masked` is None where it has no meaning (a node)."""

    total: int = 0
    bad: int = 0
    masked: int | None = None
    statuses: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, other: Figures) -> None:
        self.total += other.total
        self.bad += other.bad
        if other.masked is not None:
            self.masked = (self.masked or 0) + other.masked
        add_counts(self.statuses, other.statuses)


class MinuteRow(msgspec.Struct):
    """One closed minute of a service, or of one node of it. `closed`: as it was judged; `late`: what came after."""

    minute: int
    node: str
    closed: Figures
    late: Figures
    latency: dict[int, int]
    revised_at: float | None


class ServiceLine(msgspec.Struct, frozen=True):
    """A service over some minutes, late lines included."""

    service: str
    total: int
    bad: int
    last_minute: int


class EvidenceLine(msgspec.Struct, frozen=True):
    """See `EvidenceRow`."""

    id: int
    minute: int
    node: str
    status: str
    second: int
    request_id: str
    line: str


def of_service(tx: Connection, service: str, start: int, end: int) -> list[MinuteRow]:
    """Minutes of a service in [start, end) that had traffic, in order."""
    known = _service_minutes.c
    query = select(_service_minutes).where(known.service == service, known.minute >= start, known.minute < end)
    return [_row(row, "") for row in tx.execute(query.order_by(known.minute)).mappings()]


def of_nodes(tx: Connection, service: str, start: int, end: int, node: str | None = None) -> list[MinuteRow]:
    """Minutes of the nodes of a service (or of one) in [start, end) that had traffic, by minute and node."""
    known = _node_minutes.c
    query = select(_node_minutes).where(known.service == service, known.minute >= start, known.minute < end)
    if node is not None:
        query = query.where(known.node == node)
    return [_row(row, row["node"]) for row in tx.execute(query.order_by(known.minute, known.node)).mappings()]


def _row(row: Mapping[Any, Any], node: str) -> MinuteRow:
    return MinuteRow(
        minute=row["minute"],
        node=node,
        closed=Figures(row["total"], row["bad"], row.get("masked"), _counts(row["statuses"])),
        late=Figures(row["late_total"], row["late_bad"], row.get("late_masked"), _counts(row["late_statuses"])),
        latency=_bins(row["latency"]) if row["latency"] else {},
        revised_at=row["revised_at"],
    )


def has_node(tx: Connection, service: str, node: str) -> bool:
    """Whether any kept minute knows this node."""
    known = _node_minutes.c
    query = select(known.minute).where(known.service == service, known.node == node, known.node != NO_NODE).limit(1)
    return tx.execute(query).scalar() is not None


def services_between(tx: Connection, start: int, end: int) -> dict[str, ServiceLine]:
    """Every service with traffic in [start, end), with its sums."""
    known = _service_minutes.c
    query = (
        select(
            known.service,
            func.sum(known.total + known.late_total),
            func.sum(known.bad + known.late_bad),
            func.max(known.minute),
        )
        .where(known.minute >= start, known.minute < end)
        .group_by(known.service)
    )
    # int(): PostgreSQL sums integers into a numeric.
    return {
        service: ServiceLine(service, int(total), int(bad), last) for service, total, bad, last in tx.execute(query)
    }


def closed_through(tx: Connection) -> int | None:
    """The second before which every minute of every shard is closed; None before the first one was."""
    found = tx.execute(select(func.min(_progress.c.closed_through))).scalar()
    return int(found) if found is not None else None


def evidence(
    tx: Connection,
    service: str,
    start: int,
    end: int,
    *,
    node: str | None = None,
    status: str | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[EvidenceLine]:
    """Sample lines in [start, end), in order; `after` is the (minute, id) of the last one seen."""
    known = _evidence.c
    columns = (known[name] for name in EvidenceLine.__struct_fields__)
    query = select(*columns).where(known.service == service, known.minute >= start, known.minute < end)
    if node is not None:
        query = query.where(known.node == node)
    if status is not None:
        query = query.where(known.status == status)
    if after is not None:
        minute, row_id = after
        query = query.where(or_(known.minute > minute, and_(known.minute == minute, known.id > row_id)))
    query = query.order_by(known.minute, known.id).limit(limit)
    return [EvidenceLine(**row) for row in tx.execute(query).mappings()]
