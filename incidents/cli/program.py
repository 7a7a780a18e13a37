"""The program: global options, and the verbs in the order in which people meet them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

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

program = typer.Typer(
    name="tocsin",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_NAMES,
    epilog=example(
        "tocsin replay /var/log/nginx/access.log    what happened in a log, without a server",
        "tocsin up                                  watch it from now on",
    ),
)


@program.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The settings file instead of /etc/tocsin/tocsin.toml.")
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
