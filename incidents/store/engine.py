"""Opens the database and its transactions. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from incidents import tables  # noqa: F401  (fills the metadata)
from incidents.domain.errors import BadSetting, StoreError

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

_WAL_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """SQLite before 3.51.3 can corrupt a database on WAL reset (mended in 3.50.7 and 3.44.6 too)."""
    if version >= _WAL_FIXED[0]:
        return True
    return any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED)


class Store:
    """A database. `write` and `read` give a connection in a transaction; leaving the block commits or rolls back."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.in_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        self.engine = self._open()

    def _open(self) -> Engine:
        if not self.is_sqlite:
            return create_engine(self.url, pool_pre_ping=True, pool_size=5, max_overflow=10)
        arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        if self.in_memory:
            engine = create_engine(self.url, connect_args=arguments, poolclass=StaticPool)
        else:
            folder = Path(str(self.url.database)).parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"cannot make the database's folder {folder}: {error.strerror}") from None
            engine = create_engine(self.url, connect_args=arguments)
        wal = wal_is_safe(sqlite3.sqlite_version_info)
        in_memory = self.in_memory

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _: object) -> None:
            # The driver's own transactions lose read-modify-writes of two processes: BEGIN is ours (see `_begun`).
            connection.isolation_level = None
            if in_memory:
                return
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            cursor.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            writes = connection.get_execution_options().get("tocsin_writes", True)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that takes the write lock at once: what it reads cannot change under it (SQLite)."""
        with self._errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and never waits for a writer longer than it must."""
        with (
            self._errors(),
            self.engine.connect().execution_options(tocsin_writes=False) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StoreError(explain(error, self.url)) from error
        except PoolTimeoutError:
            raise StoreError("every connection to the database is in use; try again, or lower the load") from None

    def create(self) -> None:
        """Makes all tables at once, for a database that lives in memory. Files are made by migrations."""
        with self.write() as tx:
            SQLModel.metadata.create_all(tx)

    def close(self) -> None:
        self.engine.dispose()


def upsert(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the dialect at hand."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a row class."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def insert_of(model: type[SQLModel]) -> Insert:
    """A plain INSERT into the table behind a row class."""
    return table_of(model).insert()


def explain(error: DBAPIError, url: URL) -> str:
    """One line that says what is wrong with the database and how to mend it. The password is never in it."""
    name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    said = " ".join(str(error.orig).split())
    hints = {
        "database or disk is full": "make room; what was not committed is read again",
        "database is locked": f"another process held it for {BUSY_SECONDS} s; find a stuck one with `tocsin status`",
        "unable to open database file": "check that the folder exists and may be written",
        "readonly database": "check the file's owner and mode",
        "not a database": "the file is something else; name another one with TOCSIN_DATABASE_URL",
        "no such table": "run `tocsin db upgrade`",
        "no such column": "run `tocsin db upgrade`",
        "does not exist": "run `tocsin db upgrade`",
        "could not connect": "is the server up, and the address right?",
        "connection refused": "is the server up, and the address right?",
    }
    hint = next((hint for words, hint in hints.items() if words in said.lower()), "")
    return f"database {name}: {said}" + (f" ({hint})" if hint else "")


def _parse(url: str) -> URL:
    example = "sqlite:///tocsin.db or postgresql+psycopg://user:password@host/name"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise BadSetting(f"the database URL cannot be read; expected something like {example}") from None
    except ModuleNotFoundError as error:
        raise BadSetting(f"the database driver {error.name} is missing; pip install 'tocsin[postgresql]'") from None
    if backend not in ("sqlite", "postgresql"):
        raise BadSetting(f"databases of kind {backend} are not supported; expected something like {example}")
    return parsed
