"""Where each partition is read on from, and what was counted on the way. The compare-and-set here is the fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import IntegrityError

from incidents.domain.errors import Fenced
from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import Malformed, ServiceRow, SourcePosition

_positions = table_of(SourcePosition)
_malformed = table_of(Malformed)
_services = table_of(ServiceRow)

SAMPLES_KEPT = 5


class Position(msgspec.Struct, frozen=True):
    """One partition: see `SourcePosition`."""

    source: str
    partition: str
    next: str
    watermark: int
    caught_up_at: float
    backlog: int | None
    unit: str
    format: str
    lines: int
    malformed: int
    late: int
    quarantined: int
    updated_at: float


class Advance(msgspec.Struct, frozen=True):
    """One flush of one partition, from position `old` ("": never read) to `new`. Counts are of this flush alone.

    `caught_up_at`: clock time at which nothing more was there to be read; None when there was more.
    """

    source: str
    partition: str
    old: str
    new: str
    watermark: int
    caught_up_at: float | None
    backlog: int | None
    unit: str
    format: str
    lines: int
    late: int
    quarantined: int
    malformed: Mapping[str, Sequence[str]]
    malformed_counts: Mapping[str, int]
    at: float


def of_source(tx: Connection, source: str) -> list[Position]:
    """All partitions of one source."""
    rows = tx.execute(select(_positions).where(_positions.c.source == source).order_by(_positions.c.partition))
    return [Position(**row) for row in rows.mappings()]


def every(tx: Connection) -> list[Position]:
    rows = tx.execute(select(_positions).order_by(_positions.c.source, _positions.c.partition))
    return [Position(**row) for row in rows.mappings()]


def advance(tx: Connection, flush: Advance) -> None:
    """Moves one partition on; raises Fenced when somebody else moved it meanwhile. Roll back then, re-read, seek."""
    bad = sum(flush.malformed_counts.values())
    values: dict[str, object] = {
        "next": flush.new,
        "backlog": flush.backlog,
        "unit": flush.unit,
        "format": flush.format,
        "updated_at": flush.at,
    }
    if flush.caught_up_at is not None:
        values["caught_up_at"] = flush.caught_up_at
    known = _positions.c
    if flush.old:
        changed = tx.execute(
            update(_positions)
            .where(known.source == flush.source, known.partition == flush.partition, known.next == flush.old)
            .values(
                **values,
                # Only ever forward: a flush of late lines must not take the watermark back.
                watermark=_greatest(tx, known.watermark, flush.watermark),
                lines=known.lines + flush.lines,
                malformed=known.malformed + bad,
                late=known.late + flush.late,
                quarantined=known.quarantined + flush.quarantined,
            )
        )
        if changed.rowcount != 1:
            raise Fenced(f"{flush.partition}: another collector reads it")
    else:
        row = {
            **values,
            "source": flush.source,
            "partition": flush.partition,
            "watermark": flush.watermark,
            "caught_up_at": flush.caught_up_at or 0.0,
            "lines": flush.lines,
            "malformed": bad,
            "late": flush.late,
            "quarantined": flush.quarantined,
        }
        try:
            tx.execute(insert_of(SourcePosition), row)
        except IntegrityError:
            raise Fenced(f"{flush.partition}: another collector has begun to read it") from None
    for reason, count in flush.malformed_counts.items():
        _count_malformed(tx, flush, reason, count)


def _greatest(tx: Connection, column: object, value: int) -> object:
    """max(a, b) of two values: SQLite calls it max, PostgreSQL greatest."""
    return func.greatest(column, value) if tx.dialect.name == "postgresql" else func.max(column, value)


def _count_malformed(tx: Connection, flush: Advance, reason: str, count: int) -> None:
    known = _malformed.c
    where = (known.source == flush.source, known.partition == flush.partition, known.reason == reason)
    kept = tx.execute(select(known.samples).where(*where)).scalar()
    samples = [*reversed(flush.malformed.get(reason, ())), *(msgspec.json.decode(kept) if kept else [])]
    row = {
        "source": flush.source,
        "partition": flush.partition,
        "reason": reason,
        "lines": count,
        "samples": msgspec.json.encode(samples[:SAMPLES_KEPT]).decode(),
    }
    insert = upsert(tx, _malformed).values(row)
    tx.execute(
        insert.on_conflict_do_update(
            index_elements=["source", "partition", "reason"],
            set_={"lines": known.lines + insert.excluded.lines, "samples": insert.excluded.samples},
        )
    )


def malformed(tx: Connection) -> list[Malformed]:
    """Malformed lines by partition and reason."""
    rows = tx.execute(select(_malformed).order_by(_malformed.c.lines.desc()))
    return [Malformed(**row) for row in rows.mappings()]


def services(tx: Connection) -> dict[str, int]:
    """Every service seen so far -> event second at which it was first seen."""
    return dict(tx.execute(select(_services.c.name, _services.c.first_seen)).all())


def add_services(tx: Connection, names: Sequence[str], first_seen: int) -> None:
    if names:
        insert = upsert(tx, _services).values([{"name": name, "first_seen": first_seen} for name in names])
        tx.execute(insert.on_conflict_do_nothing())
