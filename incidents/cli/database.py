"""`tocsin db`: the database's schema and its size."""

from __future__ import annotations

from typing import Annotated

import typer

from incidents.cli.options import Database, Json, example

nouns = typer.Typer(name="db", help="The database.", no_args_is_help=True)


@nouns.command(epilog=example("tocsin db upgrade --database sqlite:////var/lib/tocsin/tocsin.db"))
def upgrade(database: Database = None) -> None:
    """Bring the database to this version's schema, or make it."""
    from incidents.cli.options import settings
    from incidents.migrations import head
    from incidents.migrations import upgrade as migrate
    from incidents.store import Store

    store = Store(settings(database=database).database_url)
    changed = migrate(store)
    store.close()
    typer.echo(f"upgraded to schema {head()}" if changed else f"already at schema {head()}")


@nouns.command(epilog=example("tocsin db status --json"))
def status(database: Database = None, as_json: Json = False) -> None:
    """Show where the database is, its schema and its size.

    Exits with 1 when it has to be upgraded.
    """
    from incidents.cli.options import settings
    from incidents.cli.output import print_json, say
    from incidents.cli.store import exists, sqlite_file
    from incidents.cli.words import size_text
    from incidents.domain.errors import StoreError
    from incidents.migrations import head, revision
    from incidents.status import masked_url
    from incidents.store import Store

    found = settings(database=database)
    file = sqlite_file(found.database_url)
    if not exists(found.database_url):
        raise StoreError(f"there is no database {file} yet; `tocsin db upgrade` makes it, --database names another")
    store = Store(found.database_url)
    with store.read() as tx:
        schema = revision(tx)
    store.close()
    size = file.stat().st_size if file is not None else None
    current = schema == head()
    if as_json:
        print_json(
            {
                "url": masked_url(found.database_url),
                "schema": schema,
                "newest_schema": head(),
                "up_to_date": current,
                "bytes": size,
            }
        )
    else:
        say(f"database  {masked_url(found.database_url)}")
        say(f"schema    {schema or 'empty'}", "" if current else f", needs {head()}: run `tocsin db upgrade`")
        if size is not None:
            say(f"size      {size_text(size)}")
    if not current:
        raise typer.Exit(1)


@nouns.command(epilog=example("tocsin db prune --keep-days 7"))
def prune(
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days", metavar="N", min=1, help="Days to keep, instead of the setting retain_minutes_days."
        ),
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Remove old minutes and evidence lines; incidents stay."""
    from incidents.bootstrap import Clock
    from incidents.cli.options import settings
    from incidents.cli.output import print_json
    from incidents.cli.store import opened
    from incidents.retention import prune as forget

    found = settings(database=database)
    days = keep_days if keep_days is not None else found.retain_minutes_days
    with opened(found) as store:
        rows = forget(store, Clock(found.clock).now(), days)
    if as_json:
        print_json({"rows_removed": rows, "kept_days": days})
    else:
        typer.echo(f"removed {rows:,} rows older than {days} days")
