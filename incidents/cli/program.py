"""The program: global options, and the verbs in the order in which people meet them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from incidents.cli import (
    channels,
    database,
    doctor,
    incidents,
    replay,
    roles,
    rules,
    services,
    status,
    tokens,
    version,
)
from incidents.cli.options import HELP_NAMES, example
from incidents.cli.running import Invocation

ORDER = (
    "demo",
    "up",
    "replay",
    "incidents",
    "services",
    "rules",
    "channels",
    "status",
    "doctor",
    "tokens",
    "db",
    "collect",
    "worker",
    "beat",
    "serve",
    "version",
)


class _InOrder(TyperGroup):
    """Lists the commands as people meet them; Typer's own order is all verbs, then all nouns."""

    def list_commands(self, ctx: object) -> list[str]:
        return sorted(self.commands, key=ORDER.index)


program = typer.Typer(
    name="tocsin",
    cls=_InOrder,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_NAMES,
    epilog=example(
        "tocsin replay access.log               what happened in a log, without a server",
        "tocsin up --source access.log          watch it from now on",
        "tocsin incidents list --state open     what is wrong now",
    ),
)


@program.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The settings file instead of /etc/tocsin/tocsin.toml."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more: debug messages, and where an unexpected error came from.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=version.callback, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Watches what an nginx gateway serves: one alert when trouble begins, one summary when it is over."""
    context.ensure_object(Invocation).verbose = verbose
    if config is not None:
        os.environ["TOCSIN_CONFIG"] = str(config.absolute())


roles.register(program)
replay.register(program)
program.add_typer(incidents.nouns)
program.add_typer(services.nouns)
program.add_typer(rules.nouns)
program.add_typer(channels.nouns)
status.register(program)
doctor.register(program)
program.add_typer(tokens.nouns)
program.add_typer(database.nouns)
version.register(program)
