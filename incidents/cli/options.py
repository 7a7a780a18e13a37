"""Options that several commands share, and how they become settings.

An option of the command line wins over the environment and the settings file. It becomes the environment variable of
the setting, so that the processes that `tocsin up` starts see it too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from incidents.settings import Settings

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="The database: sqlite:///FILE or postgresql+psycopg://..."),
]
Source = Annotated[
    str | None, typer.Option("--source", metavar="URL", help="Where log lines come from: a path or a queue's URL.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help="auto, json, combined, common, or a log_format as nginx has it."),
]
Broker = Annotated[
    str | None, typer.Option("--broker", metavar="URL", help="The task broker: memory:// or redis://HOST/0.")
]
RulebookFile = Annotated[
    Path | None, typer.Option("--rulebook", metavar="FILE", help="The rulebook to watch, a YAML file.")
]
Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="The address that the API listens on.")]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="N", min=0, max=65535, help="The port that the API listens on; 0 takes a free one."),
]
Lateness = Annotated[
    int | None,
    typer.Option("--lateness", metavar="SECONDS", min=0, max=600, help="How long a minute waits for stragglers."),
]


def example(*lines: str) -> str:
    """The epilog of a command: examples that are not rewrapped."""
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def given(
    *,
    source: str | None = None,
    log_format: str | None = None,
    database: str | None = None,
    broker: str | None = None,
    rulebook: Path | None = None,
    lateness: int | None = None,
    threads: int | None = None,
    host: str | None = None,
    port: int | None = None,
) -> None:
    """Turns options that were given into the settings of this process and of those that it starts."""
    values: dict[str, object] = {
        "SOURCE": source,
        "LOG_FORMAT": log_format,
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "RULEBOOK": rulebook and rulebook.absolute(),
        "LATENESS": lateness,
        "WORKER_THREADS": threads,
        "API__HOST": host,
        "API__PORT": port,
    }
    for name, value in values.items():
        if value is not None:
            os.environ[f"TOCSIN_{name}"] = str(value)
            # The file's content would win over the variable.
            os.environ.pop(f"TOCSIN_{name}_FILE", None)


def settings(*, database: str | None = None) -> Settings:
    """The settings in force for a command that only looks at the database."""
    from incidents.settings import load_settings

    given(database=database)
    return load_settings()
