"""`tocsin version`."""

from __future__ import annotations

import typer

from incidents.cli.options import Json, example


def register(program: typer.Typer) -> None:
    program.command(epilog=example("tocsin version --json"))(version)


def number() -> str:
    """The version that is installed."""
    from importlib.metadata import version as installed

    return installed("tocsin")


def callback(wanted: bool) -> None:
    """`tocsin --version`"""
    if wanted:
        typer.echo(f"tocsin {number()}")
        raise typer.Exit


def version(as_json: Json = False) -> None:
    """Show the versions of Tocsin and what it runs on."""
    import platform
    import sqlite3

    from incidents.cli.output import print_json
    from incidents.migrations import head

    found = {
        "tocsin": number(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "schema": head(),
    }
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name:8} {value}")
