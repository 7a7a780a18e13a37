"""Segments of open minutes, rows of closed ones, evidence lines, and how far minutes are closed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from incidents.domain.fold import MinuteKey, merge_minutes
from incidents.domain.minute import MINUTE, AttemptTally, Evidence, ServiceTally, add_counts
from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import EvidenceRow, NodeMinute, Progress, Segment, ServiceMinute

_segments = table_of(Segment)
_progress = table_of(Progress)
_service_minutes = table_of(ServiceMinute)
_node_minutes = table_of(NodeMinute)
_evidence = table_of(EvidenceRow)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, ServiceTally]).decode
_json = msgspec.json.Encoder().encode
_counts = msgspec.json.Decoder(dict[str, int]).decode
_limits = msgspec.json.Decoder(dict[int, int]).decode
_bins = msgspec.msgpack.Decoder(dict[int, int]).decode


class ClosedThrough(msgspec.Struct, frozen=True):
    """Minutes before `second` are closed; `at` is the clock when the last one was; `minutes` how many ever."""

    second: int
    at: float
    minutes: int


def closed_through(tx: Connection, shard: int, lock: bool = False) -> ClosedThrough | None:
    """None before the first minute was closed. `lock` keeps it from moving until this transaction ends."""
    query = select(_progress.c.closed_through, _progress.c.closed_at, _progress.c.minutes).where(
        _progress.c.shard == shard
    )
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return ClosedThrough(*row) if row else None


def move_closed_through(tx: Connection, shard: int, old: ClosedThrough | None, second: int, at: float) -> bool:
    """Compare-and-set; False when another worker closed these minutes meanwhile: roll back then."""
    if old is None:
        row = {"shard": shard, "closed_through": second, "closed_at": at, "minutes": 0}
        # RETURNING, not rowcount: psycopg knows none for an INSERT that may do nothing.
        inserted = upsert(tx, _progress).values(row).on_conflict_do_nothing().returning(_progress.c.shard)
        return tx.execute(inserted).first() is not None
    changed = tx.execute(
        update(_progress)
        .where(_progress.c.shard == shard, _progress.c.closed_through == old.second)
        .values(closed_through=second, closed_at=at, minutes=_progress.c.minutes + max(0, (second - old.second) // 60))
    )
    return changed.rowcount == 1


def append(
    tx: Connection, tallies: Mapping[MinuteKey, Mapping[str, ServiceTally]], shards: int, closed: Mapping[int, int]
) -> int:
    """Stores what one flush counted; how many requests met a closed minute. `closed`: shard -> closed_through."""
    rows = []
    late_lines = 0
    for key, services in tallies.items():
        parts: dict[int, dict[str, ServiceTally]] = {}
        for service, tally in services.items():
            parts.setdefault(shard_of(service, shards), {})[service] = tally
        for shard, part in parts.items():
            too_late = not key.late and key.minute < closed.get(shard, 0)
            if too_late:
                late_lines += sum(tally.total for tally in part.values())
            late = key.late or too_late
            rows.append({"minute": key.minute, "shard": shard, "late": late, "payload": _encode(part)})
    if rows:
        tx.execute(insert_of(Segment), rows)
    return late_lines


def shard_of(service: str, shards: int) -> int:
    """Which shard evaluates a service: the same in every process and run."""
    return zlib.crc32(service.encode("utf-8", "surrogatepass")) % shards if shards > 1 else 0


def first_segment(tx: Connection, shard: int, not_before: int = 0) -> int | None:
    """The earliest minute with a segment that is on time."""
    found = tx.execute(
        select(func.min(_segments.c.minute)).where(
            _segments.c.shard == shard, _segments.c.late.is_(False), _segments.c.minute >= not_before
        )
    ).scalar()
    return int(found) if found is not None else None


def last_segment(tx: Connection, shard: int) -> int | None:
    """The latest minute with a segment that is on time."""
    found = tx.execute(
        select(func.max(_segments.c.minute)).where(_segments.c.shard == shard, _segments.c.late.is_(False))
    ).scalar()
    return int(found) if found is not None else None


def end_of_batch(tx: Connection, shard: int, start: int, most_minutes: int, most_bytes: int) -> int:
    """The second up to which minutes from `start` on are closed together: one at least, not too many bytes."""
    query = (
        select(_segments.c.minute, func.sum(func.length(_segments.c.payload)))
        .where(_segments.c.shard == shard, _segments.c.late.is_(False), _segments.c.minute >= start)
        .group_by(_segments.c.minute)
        .order_by(_segments.c.minute)
        .limit(most_minutes)
    )
    size = 0
    for minute, length in tx.execute(query):
        size += int(length)
        if size > most_bytes and minute > start:
            return min(int(minute), start + most_minutes * MINUTE)
    return start + most_minutes * MINUTE


def take_segments(tx: Connection, shard: int, start: int, end: int) -> dict[int, dict[str, ServiceTally]]:
    """Merges and removes the segments of minutes in [start, end): they are about to become rows."""
    where = (
        _segments.c.shard == shard,
        _segments.c.late.is_(False),
        _segments.c.minute >= start,
        _segments.c.minute < end,
    )
    found: dict[int, dict[str, ServiceTally]] = {}
    for minute, payload in tx.execute(
        select(_segments.c.minute, _segments.c.payload).where(*where).order_by(_segments.c.id)
    ):
        merge_minutes(found.setdefault(minute, {}), _decode(payload))
    tx.execute(delete(_segments).where(*where))
    return found


def insert_minutes(tx: Connection, minutes: Mapping[int, Mapping[str, ServiceTally]]) -> None:
    """Writes closed minutes as rows that anyone can query."""
    services: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    for minute, tallies in minutes.items():
        for service, tally in tallies.items():
            services.append(
                {
                    "minute": minute,
                    "service": service,
                    "total": tally.total,
                    "bad": tally.bad,
                    "masked": tally.masked,
                    "statuses": _json(tally.statuses).decode(),
                    "slow": _json(tally.slow).decode(),
                    "latency": _encode(tally.latency),
                }
            )
            nodes.extend(_node_row(minute, service, node, found) for node, found in tally.nodes.items())
            evidence.extend(_evidence_row(minute, service, line) for line in tally.evidence)
    for model, rows in ((ServiceMinute, services), (NodeMinute, nodes), (EvidenceRow, evidence)):
        if rows:
            tx.execute(insert_of(model), rows)


def _node_row(minute: int, service: str, node: str, tally: AttemptTally) -> dict[str, Any]:
    return {
        "minute": minute,
        "service": service,
        "node": node,
        "total": tally.total,
        "bad": tally.bad,
        "statuses": _json(tally.statuses).decode(),
        "slow": _json(tally.slow).decode(),
        "latency": _encode(tally.latency),
        "first_bad": tally.first_bad,
        "last_bad": tally.last_bad,
    }


def _evidence_row(minute: int, service: str, line: Evidence) -> dict[str, Any]:
    return {
        "minute": minute,
        "service": service,
        "node": line.node,
        "status": line.status,
        "second": line.second,
        "request_id": line.request_id,
        "line": line.line,
    }


def amend(tx: Connection, shard: int, before: int, at: float) -> int:
    """Adds late segments of closed minutes to their rows, in columns of their own. How many requests were added."""
    where = (_segments.c.shard == shard, _segments.c.late.is_(True), _segments.c.minute < before)
    merged: dict[int, dict[str, ServiceTally]] = {}
    for minute, payload in tx.execute(select(_segments.c.minute, _segments.c.payload).where(*where)):
        merge_minutes(merged.setdefault(minute, {}), _decode(payload))
    if not merged:
        return 0
    tx.execute(delete(_segments).where(*where))
    added = 0
    for minute, tallies in merged.items():
        for service, tally in tallies.items():
            added += tally.total
            _amend_service(tx, minute, service, tally, at)
            for node, found in tally.nodes.items():
                _amend_node(tx, minute, service, node, found, at)
    return added


def _amend_service(tx: Connection, minute: int, service: str, tally: ServiceTally, at: float) -> None:
    known = _service_minutes.c
    where = (known.minute == minute, known.service == service)
    tx.execute(upsert(tx, _service_minutes).values(_empty(minute, service)).on_conflict_do_nothing())
    before = tx.execute(select(known.late_statuses, known.late_slow).where(*where)).one()
    statuses, slow = _counts(before.late_statuses), _limits(before.late_slow)
    add_counts(statuses, tally.statuses)
    add_counts(slow, tally.slow)
    tx.execute(
        update(_service_minutes)
        .where(*where)
        .values(
            late_total=known.late_total + tally.total,
            late_bad=known.late_bad + tally.bad,
            late_masked=known.late_masked + tally.masked,
            late_statuses=_json(statuses).decode(),
            late_slow=_json(slow).decode(),
            revised_at=at,
        )
    )


def _amend_node(tx: Connection, minute: int, service: str, node: str, tally: AttemptTally, at: float) -> None:
    known = _node_minutes.c
    where = (known.minute == minute, known.service == service, known.node == node)
    none = dict.fromkeys(("first_bad", "last_bad", "late_first_bad", "late_last_bad"), 0)
    empty = _empty(minute, service) | {"node": node, **none}
    del empty["masked"], empty["late_masked"]
    tx.execute(upsert(tx, _node_minutes).values(empty).on_conflict_do_nothing())
    before = tx.execute(select(_node_minutes).where(*where)).one()
    late = AttemptTally(
        statuses=_counts(before.late_statuses),
        slow=_limits(before.late_slow),
        first_bad=before.late_first_bad,
        last_bad=before.late_last_bad,
    )
    late.merge(tally)
    tx.execute(
        update(_node_minutes)
        .where(*where)
        .values(
            late_total=known.late_total + tally.total,
            late_bad=known.late_bad + tally.bad,
            late_statuses=_json(late.statuses).decode(),
            late_slow=_json(late.slow).decode(),
            late_first_bad=late.first_bad,
            late_last_bad=late.last_bad,
            revised_at=at,
        )
    )


def _empty(minute: int, service: str) -> dict[str, Any]:
    counts = dict.fromkeys(("total", "bad", "masked", "late_total", "late_bad", "late_masked"), 0)
    texts = dict.fromkeys(("statuses", "slow", "late_statuses", "late_slow"), "{}")
    return {"minute": minute, "service": service, **counts, **texts, "latency": _encode({})}


def load(
    tx: Connection,
    start: int,
    end: int,
    services: Sequence[str] | None = None,
    *,
    late: bool = False,
    evidence: bool = False,
) -> dict[int, dict[str, ServiceTally]]:
    """Closed minutes in [start, end) as tallies: minute -> service -> tally.

    late: add the late columns to the totals (figures do; verdicts do not: a closed minute is judged once).
    """
    found: dict[int, dict[str, ServiceTally]] = {}
    known = _service_minutes.c
    query = select(_service_minutes).where(known.minute >= start, known.minute < end)
    if services is not None:
        query = query.where(known.service.in_(services))
    for row in tx.execute(query.order_by(known.minute)).mappings():
        tally = ServiceTally(
            row["total"],
            row["bad"],
            row["masked"],
            _counts(row["statuses"]),
            _limits(row["slow"]),
            _bins(row["latency"]),
        )
        if late and row["late_total"]:
            tally.total += row["late_total"]
            tally.bad += row["late_bad"]
            tally.masked += row["late_masked"]
            add_counts(tally.statuses, _counts(row["late_statuses"]))
            add_counts(tally.slow, _limits(row["late_slow"]))
        if late or tally.total:
            found.setdefault(row["minute"], {})[row["service"]] = tally
    _load_nodes(tx, found, start, end, services, late)
    if evidence:
        _load_evidence(tx, found, start, end, services)
    return found


def _load_nodes(
    tx: Connection,
    found: dict[int, dict[str, ServiceTally]],
    start: int,
    end: int,
    services: Sequence[str] | None,
    late: bool,
) -> None:
    known = _node_minutes.c
    query = select(_node_minutes).where(known.minute >= start, known.minute < end)
    if services is not None:
        query = query.where(known.service.in_(services))
    for row in tx.execute(query).mappings():
        tally = found.get(row["minute"], {}).get(row["service"])
        if tally is None:
            continue
        node = AttemptTally(
            row["total"],
            row["bad"],
            _counts(row["statuses"]),
            _limits(row["slow"]),
            _bins(row["latency"]),
            row["first_bad"],
            row["last_bad"],
        )
        if late and row["late_total"]:
            late_part = AttemptTally(
                row["late_total"],
                row["late_bad"],
                _counts(row["late_statuses"]),
                _limits(row["late_slow"]),
                first_bad=row["late_first_bad"],
                last_bad=row["late_last_bad"],
            )
            node.merge(late_part)
        if node.total:
            tally.nodes[row["node"]] = node


def _load_evidence(
    tx: Connection,
    found: dict[int, dict[str, ServiceTally]],
    start: int,
    end: int,
    services: Sequence[str] | None,
) -> None:
    known = _evidence.c
    query = select(_evidence).where(known.minute >= start, known.minute < end)
    if services is not None:
        query = query.where(known.service.in_(services))
    for row in tx.execute(query.order_by(known.second, known.request_id)).mappings():
        tally = found.get(row["minute"], {}).get(row["service"])
        if tally is not None:
            tally.evidence.append(Evidence(row["second"], row["request_id"], row["node"], row["status"], row["line"]))


def late_lines(tx: Connection, service: str, first: int, last: int) -> int:
    """Requests of a service that came after their minute was closed, minutes first..last."""
    known = _service_minutes.c
    found = tx.execute(
        select(func.coalesce(func.sum(known.late_total), 0)).where(
            known.service == service, known.minute >= first, known.minute <= last
        )
    ).scalar_one()
    return int(found)


def prune(tx: Connection, before: int) -> int:
    """Removes closed minutes and evidence older than `before` (seconds); incidents stay. How many rows went."""
    gone = 0
    for table in (_service_minutes, _node_minutes, _evidence):
        gone += tx.execute(delete(table).where(table.c.minute < before)).rowcount
    return gone


def services_with_minutes(tx: Connection, start: int, end: int) -> Iterable[str]:
    known = _service_minutes.c
    return tx.execute(
        select(known.service).where(known.minute >= start, known.minute < end).distinct().order_by(known.service)
    ).scalars()
