"""Who changed what, and when."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from incidents.store.engine import insert_of, table_of
from incidents.tables import Audit

_audit = table_of(Audit)


def note(tx: Connection, at: float, actor: str, action: str, target: str, detail: Mapping[str, object]) -> None:
    """Adds a row in the transaction of the change itself: neither is there without the other."""
    row = {"at": at, "actor": actor, "action": action, "target": target, "detail": msgspec.json.encode(detail).decode()}
    tx.execute(insert_of(Audit), row)


def newest(tx: Connection, limit: int = 100) -> list[Audit]:
    """The newest first."""
    return [Audit(**row) for row in tx.execute(select(_audit).order_by(_audit.c.id.desc()).limit(limit)).mappings()]
