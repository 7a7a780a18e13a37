"""`tocsin channels`: where messages go, and whether they arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from incidents.cli.options import Database, Json, example

if TYPE_CHECKING:
    from incidents.domain.rulebook import Rulebook

nouns = typer.Typer(name="channels", help="Channels: where messages go.", no_args_is_help=True)

Rules = Annotated[
    Path | None, typer.Option("--rules", metavar="FILE", help="Channels of this rulebook instead of those in force.")
]

DEADLINE = 20.0
"""Seconds that a test message may take, as any other."""


@nouns.command("list", epilog=example("tocsin channels list"))
def list_(rules: Rules = None, database: Database = None, as_json: Json = False) -> None:
    """List the channels and what became of their messages."""
    from incidents.cli.options import settings
    from incidents.cli.output import print_json, print_table
    from incidents.cli.store import exists, opened
    from incidents.configcentre import masked
    from incidents.store import outbox

    rulebook = _rulebook(rules, database)
    found = settings(database=database)
    counts: dict[tuple[str, str], int] = {}
    if exists(found.database_url):
        with opened(found) as store, store.read() as tx:
            counts = outbox.counts(tx)
    rows = [
        {
            "name": channel.name,
            "type": channel.kind,
            "options": masked(channel),
            "language": channel.language,
            "timezone": channel.timezone,
            "messages": {state: n for (name, state), n in sorted(counts.items()) if name == channel.name},
        }
        for channel in rulebook.channels
    ]
    if as_json:
        print_json({"channels": rows})
        return
    print_table(
        ("Name", "Type", "Options", "Language", "Time zone", "Messages"),
        [
            (
                channel.name,
                channel.kind,
                ", ".join(f"{key}: {_option(value)}" for key, value in masked(channel).items()),
                channel.language,
                channel.timezone,
                ", ".join(f"{n} {state}" for (name, state), n in sorted(counts.items()) if name == channel.name),
            )
            for channel in rulebook.channels
        ],
    )


def _option(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


@nouns.command(epilog=example("tocsin channels test ops-mail", "tocsin channels test pager --rules candidate.yaml"))
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The channel's name in the rulebook.")],
    rules: Rules = None,
    database: Database = None,
) -> None:
    """Send a sample onset, marked as a test, through a channel."""
    from incidents.channels import open_channel
    from incidents.cli.output import say
    from incidents.cli.sample import sample_message
    from incidents.domain.errors import BadInput, DeliveryError

    rulebook = _rulebook(rules, database)
    config = rulebook.channel(name)
    if config is None:
        names = ", ".join(channel.name for channel in rulebook.channels) or "none"
        raise BadInput(f"the rulebook has no channel {name}; it has: {names}")
    channel = open_channel(config)
    try:
        answer = channel.send(sample_message(config), DEADLINE)
    except DeliveryError as error:
        sure = "; it may have arrived all the same: look there" if error.ambiguous else ""
        raise DeliveryError(f"channel {name} ({channel.target}): {error}{sure}") from error
    say(f"channel {name} ({channel.target}): ", ("sent", "green"), f", and it answered: {answer}")


def _rulebook(rules: Path | None, database: str | None) -> Rulebook:
    from incidents.cli.options import settings
    from incidents.cli.rulebooks import from_file, in_force

    return from_file(rules) if rules is not None else in_force(settings(database=database))[0]
