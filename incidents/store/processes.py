"""Heartbeats with progress, and the incidents of Tocsin's own."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, func, select

from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import Heartbeat, SelfIncident

_heartbeats = table_of(Heartbeat)
_self_incidents = table_of(SelfIncident)


class Beat(msgspec.Struct, frozen=True):
    """One sign of life. `progress` only grows: a process that lives and does nothing is told from one that works."""

    role: str
    instance: str
    pid: int
    host: str
    started_at: float
    progress: int
    detail: dict[str, object]


def beat(tx: Connection, sign: Beat, now: float) -> None:
    """Writes a heartbeat; `progress_at` moves only with progress."""
    known = _heartbeats.c
    where = (known.role == sign.role, known.instance == sign.instance)
    before = tx.execute(select(known.progress, known.progress_at).where(*where)).one_or_none()
    moved = before is None or sign.progress != before[0]
    row = {
        "role": sign.role,
        "instance": sign.instance,
        "pid": sign.pid,
        "host": sign.host,
        "started_at": sign.started_at,
        "beat_at": now,
        "progress": sign.progress,
        "progress_at": now if moved or before is None else before[1],
        "detail": msgspec.json.encode(sign.detail).decode(),
    }
    insert = upsert(tx, _heartbeats).values(row)
    tx.execute(insert.on_conflict_do_update(index_elements=["role", "instance"], set_=row))


def heartbeats(tx: Connection) -> list[Heartbeat]:
    """Every process that ever beat and was not forgotten."""
    query = select(_heartbeats).order_by(_heartbeats.c.role, _heartbeats.c.instance)
    return [Heartbeat(**row) for row in tx.execute(query).mappings()]


def forget(tx: Connection, role: str, instance: str) -> None:
    """A process that stopped cleanly is not dead."""
    tx.execute(delete(_heartbeats).where(_heartbeats.c.role == role, _heartbeats.c.instance == instance))


def report(
    tx: Connection,
    kind: str,
    detail: str,
    started_at: int,
    ended_at: int | None = None,
    source: str = "",
    partition: str = "",
    lost: int | None = None,
    unit: str = "",
) -> None:
    """Records an incident of Tocsin's own, such as a gap. Times are seconds of event time."""
    row = {
        "kind": kind,
        "source": source,
        "partition": partition,
        "started_at": started_at,
        "ended_at": ended_at,
        "detail": detail,
        "lost": lost,
        "unit": unit,
    }
    tx.execute(insert_of(SelfIncident), row)


def self_counts(tx: Connection) -> dict[str, int]:
    """Kind -> incidents of Tocsin's own, ever."""
    known = _self_incidents.c
    return dict(tx.execute(select(known.kind, func.count()).group_by(known.kind)).all())


def self_incidents(tx: Connection, limit: int = 100, before: int | None = None) -> list[SelfIncident]:
    """The newest first; with `before`, those with an id below it."""
    query = select(_self_incidents).order_by(_self_incidents.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_self_incidents.c.id < before)
    return [SelfIncident(**row) for row in tx.execute(query).mappings()]
