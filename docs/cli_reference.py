"""Writes docs/help.txt and docs/cli.md from the commands themselves: `python docs/cli_reference.py`."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from incidents.cli.program import ORDER, program
from incidents.cli.running import run

HERE = Path(__file__).parent

INTRODUCTION = """\
# The command line

`tocsin` is one program with a verb or a noun behind it. Every command has `--help`.

| | |
|---|---|
| exit code 0 | fine |
| exit code 1 | found (a problem, a difference) or failed |
| exit code 2 | wrong use |
| exit code 130 | interrupted |

An error is one line on standard error, `tocsin: ...`, with what to do about it. `--json` prints one JSON object on
standard output and nothing else; its times are RFC 3339 in UTC. Tables show times in the zone of this machine (or of
`TZ`) with the offset; in a pipe they are neither coloured nor cut. `NO_COLOR` switches colours off.

Options win over the environment (`TOCSIN_...`), the environment over the settings file (`--config`, else
`/etc/tocsin/tocsin.toml`). `tocsin doctor` shows the settings in force and where each comes from. The global options
`--config` and `-v` stand before the command: `tocsin -v up`.

This page is made by `python docs/cli_reference.py`; a test compares it with the commands.
"""


def shown(*typed: str) -> str:
    """What `tocsin ... --help` prints in 80 columns."""
    written = io.StringIO()
    os.environ["COLUMNS"] = "80"
    with contextlib.redirect_stdout(written):
        run([*typed, "--help"])
    return written.getvalue()


def main() -> None:
    (HERE / "help.txt").write_text(shown(), encoding="utf-8")
    root = get_command(program)
    assert isinstance(root, TyperGroup)  # noqa: S101  (says to the type checker what a program with verbs is)
    parts = [INTRODUCTION]
    for name in ORDER:
        found = root.commands[name]
        verbs = [(name, verb) for verb in found.commands] if isinstance(found, TyperGroup) else [(name,)]
        parts += [f"## tocsin {' '.join(typed)}\n\n```text\n{shown(*typed).rstrip()}\n```\n" for typed in verbs]
    (HERE / "cli.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
