"""`tocsin rules`: the rulebook, checked, shown and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from incidents.cli.options import Database, Json, example

if TYPE_CHECKING:
    from incidents.domain.errors import BadRulebook
    from incidents.domain.rulebook import Rulebook

nouns = typer.Typer(name="rules", help="The rulebook: services, rules, channels and routes.", no_args_is_help=True)


@nouns.command(epilog=example("tocsin rules check rulebook.yaml", "tocsin rules check rules/*.yaml --json"))
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rulebooks, YAML files.")],
    as_json: Json = False,
) -> None:
    """Check rulebooks and name every mistake with its line.

    Exits with 1 when there is one.
    """
    from incidents.cli.output import print_json, say

    found = {str(file): _problems(file) for file in files}
    if as_json:
        documents = [
            {
                "file": file,
                "ok": not problems,
                "problems": [{"line": problem.line or None, "message": problem.message} for problem in problems],
            }
            for file, problems in found.items()
        ]
        print_json({"ok": not any(found.values()), "files": documents})
    else:
        for file, problems in found.items():
            for problem in problems:
                say(str(problem))
            if not problems:
                say(f"{file}: ", ("fine", "green"), f": {_contents(file)}")
    if any(found.values()):
        raise typer.Exit(1)


def _problems(file: Path) -> list[BadRulebook]:
    from incidents.channels import open_channel
    from incidents.cli.rulebooks import read
    from incidents.configcentre import problems
    from incidents.domain.errors import BadInput, BadRulebook

    try:
        return problems(read(file), str(file), opens=open_channel)
    except BadInput as error:  # one file that cannot be read must not keep the others from being checked
        return [BadRulebook(str(file), 0, str(error).removeprefix(f"rulebook {file}: "))]


def _contents(file: str) -> str:
    from incidents.cli.rulebooks import from_file

    rulebook = from_file(Path(file))
    counts = {
        "rule": len(rulebook.rules),
        "service": len(rulebook.services),
        "channel": len(rulebook.channels),
        "route": len(rulebook.routes),
    }
    return ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items())


@nouns.command(epilog=example("tocsin rules show", "tocsin rules show rulebook.yaml --json"))
def show(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A rulebook; without one, the rulebook in force.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show a rulebook, defaults filled in and secrets masked."""
    from incidents.cli.output import print_json, say
    from incidents.configcentre import dump
    from incidents.configcentre.dumping import as_values

    rulebook, origin = _named_or_in_force(file, database)
    if as_json:
        print_json({"version": rulebook.version, "origin": origin} | as_values(rulebook))
        return
    say((f"# {origin}", "dim"))
    for line in dump(rulebook).splitlines():
        say(line)


@nouns.command(epilog=example("tocsin rules diff rulebook.yaml", "tocsin rules diff old.yaml new.yaml"))
def diff(
    files: Annotated[
        list[Path], typer.Argument(metavar="[OLD] NEW", help="Two rulebooks, or one to compare with that in force.")
    ],
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say what a new rulebook changes.

    Exits with 1 when it changes anything.
    """
    from incidents.cli.output import print_json, say
    from incidents.cli.rulebooks import from_file
    from incidents.configcentre import diff as changes_between

    if len(files) > 2:
        raise typer.BadParameter("expected one rulebook or two", param_hint="[OLD] NEW")
    new = from_file(files[-1])
    old, origin = _named_or_in_force(files[0] if len(files) == 2 else None, database)
    changes = changes_between(old, new)
    if as_json:
        print_json({"from": origin, "to": str(files[-1]), "changes": changes})
    elif changes:
        for change in changes:
            say(change)
    else:
        say("no difference")
    if changes:
        raise typer.Exit(1)


def _named_or_in_force(file: Path | None, database: str | None) -> tuple[Rulebook, str]:
    from incidents.cli.options import settings
    from incidents.cli.rulebooks import from_file, in_force

    if file is not None:
        return from_file(file), str(file)
    return in_force(settings(database=database))
