"""The database as the commands that look at it open it: what is not there yet is not made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.settings import Settings
    from incidents.store import Store


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for anything else, a wrong URL among it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None  # Store says better what is wrong with it
    named = parsed.database
    if not parsed.drivername.startswith("sqlite") or not named or named == ":memory:" or named.startswith("file:"):
        return None
    return Path(named)


def exists(url: str) -> bool:
    """Whether there is something to look at: a server is believed to be there, a file is looked for."""
    file = sqlite_file(url)
    try:
        return file is None or file.exists()
    except PermissionError:
        return True  # opening it says what is wrong


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The database in force. Raises StoreError when it was never made, or is not at this version's schema."""
    from incidents.domain.errors import StoreError
    from incidents.migrations import head, revision
    from incidents.store import Store

    if not exists(settings.database_url):
        file = sqlite_file(settings.database_url)
        raise StoreError(f"there is no database {file} yet; `tocsin up` makes it, --database names another")
    store = Store(settings.database_url)
    try:
        with store.read() as tx:
            found = revision(tx)
        if found != head():
            raise StoreError(
                f"the database's schema is {found or 'empty'}, this version of Tocsin needs {head()}; "
                "run `tocsin db upgrade`"
            )
        yield store
    finally:
        store.close()
