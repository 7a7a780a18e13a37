"""Bearer tokens. Only hashes are stored: a copy of the database opens no door."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, or_, select, update

from incidents.store.engine import insert_of, table_of
from incidents.tables import ApiToken

_tokens = table_of(ApiToken)


class Token(msgspec.Struct, frozen=True):
    """What is known of a token besides its secret. Times are clock seconds."""

    id: str
    name: str
    scopes: str
    created_at: float
    last_used_at: float | None
    revoked_at: float | None

    def allows(self, scope: str) -> bool:
        return scope in self.scopes.split()


_columns = tuple(_tokens.c[name] for name in Token.__struct_fields__)


def add(tx: Connection, token: Token, digest: str) -> None:
    """Stores a token under the hash of its secret."""
    tx.execute(insert_of(ApiToken), msgspec.to_builtins(token) | {"hash": digest})


def by_hash(tx: Connection, digest: str) -> Token | None:
    """The token behind a hash, revoked or not."""
    row = tx.execute(select(*_columns).where(_tokens.c.hash == digest)).mappings().one_or_none()
    return Token(**row) if row else None


def every(tx: Connection) -> list[Token]:
    """All tokens, revoked ones too, the oldest first."""
    query = select(*_columns).order_by(_tokens.c.created_at, _tokens.c.id)
    return [Token(**row) for row in tx.execute(query).mappings()]


def any_in_force(tx: Connection) -> bool:
    """Whether there is a token that was not revoked."""
    return tx.execute(select(_tokens.c.id).where(_tokens.c.revoked_at.is_(None)).limit(1)).scalar() is not None


def used(tx: Connection, token_id: str, at: float, not_after: float) -> None:
    """Notes a use, unless one after `not_after` is noted already: a busy client must not cause a write a request."""
    known = _tokens.c
    stale = or_(known.last_used_at.is_(None), known.last_used_at <= not_after)
    tx.execute(update(_tokens).where(known.id == token_id, stale).values(last_used_at=at))


def revoke(tx: Connection, token_id: str, at: float) -> bool:
    """False when there is no such token in force."""
    known = _tokens.c
    changed = tx.execute(update(_tokens).where(known.id == token_id, known.revoked_at.is_(None)).values(revoked_at=at))
    return changed.rowcount == 1
