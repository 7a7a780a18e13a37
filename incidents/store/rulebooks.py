"""Numbered versions of the rulebook, and the last look at where it comes from."""

from __future__ import annotations

from sqlalchemy import Connection, select

from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import RulebookSource, RulebookVersion

_versions = table_of(RulebookVersion)
_sources = table_of(RulebookSource)


def latest(tx: Connection) -> RulebookVersion | None:
    """The version in force; None while nothing but the built-in rules was ever there."""
    row = tx.execute(select(_versions).order_by(_versions.c.version.desc()).limit(1)).mappings().one_or_none()
    return RulebookVersion(**row) if row else None


def latest_number(tx: Connection) -> int:
    """The number of the version in force, 0 for the built-in one."""
    return tx.execute(select(_versions.c.version).order_by(_versions.c.version.desc()).limit(1)).scalar() or 0


def get(tx: Connection, version: int) -> RulebookVersion | None:
    row = tx.execute(select(_versions).where(_versions.c.version == version)).mappings().one_or_none()
    return RulebookVersion(**row) if row else None


def history(tx: Connection, limit: int = 50, before: int | None = None) -> list[RulebookVersion]:
    """The newest first; with `before`, those below that number."""
    query = select(_versions).order_by(_versions.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(_versions.c.version < before)
    return [RulebookVersion(**row) for row in tx.execute(query).mappings()]


def add(tx: Connection, text: str, digest: str, source: str, author: str, reason: str, at: float) -> int:
    """A new version; its number."""
    row = {"digest": digest, "text": text, "source": source, "author": author, "reason": reason, "at": at}
    return int(tx.execute(insert_of(RulebookVersion).returning(_versions.c.version), row).scalar_one())


def looked(tx: Connection, source: str, digest: str, error: str, at: float) -> None:
    """Notes the last look at a source; `error` is empty when its document could be used."""
    row = {"source": source, "digest": digest, "error": error, "checked_at": at}
    insert = upsert(tx, _sources).values(row)
    tx.execute(insert.on_conflict_do_update(index_elements=["source"], set_=row))


def sources(tx: Connection) -> list[RulebookSource]:
    """Every source that was ever looked at."""
    return [RulebookSource(**row) for row in tx.execute(select(_sources)).mappings()]
