"""Alembic migrations. `upgrade` brings a database to this version's schema, from nothing or an earlier version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from incidents.domain.errors import StoreError
from incidents.store import Store

_FOLDER = Path(__file__).parent


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision that this version of Tocsin knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise StoreError("this installation of Tocsin has lost its migrations: install it again")
    return found


def revision(connection: Connection) -> str | None:
    """The revision a database is at; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store) -> bool:
    """Upgrades in one transaction (two processes that start at once wait in turn). True when anything changed."""
    with store.read() as tx:
        if revision(tx) == head():
            return False
    with store.write() as tx:
        before = revision(tx)
        if before == head():
            return False
        known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
        if before is not None and before not in known:
            raise StoreError(
                f"the database is at revision {before}, which this version of Tocsin does not know; "
                "it was upgraded by a newer one: install that version, or restore a backup"
            )
        command.upgrade(_config(tx), "head")
    return True
