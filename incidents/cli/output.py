"""What is printed: tables for people, one JSON object for programs.

Log text only ever reaches Rich as Text: its markup ([bold], [link=...]) must not be obeyed.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from incidents.cli.words import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Cell: TypeAlias = str | tuple[str, str]
"""A text, or a text and its style."""

STYLES = {
    "critical": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "open": "bold red",
    "recovering": "yellow",
    "stale": "magenta",
    "closed": "green",
    "merged": "dim",
    "ok": "green",
    "note": "yellow",
    "failed": "bold red",
}


def print_json(value: object) -> None:
    """One JSON object and nothing else; indented for a terminal. UTF-8 whatever the locale says."""
    import msgspec

    text = msgspec.json.encode(value)
    if sys.stdout.isatty():
        text = msgspec.json.format(text, indent=2)
    sys.stdout.flush()
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def console(*, stderr: bool = False) -> Console:
    """Rich's console: colours only on a terminal, and none with NO_COLOR."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(*parts: Cell, stderr: bool = False) -> None:
    """One line of text in styled parts; the terminal wraps it."""
    out = console(stderr=stderr)
    out.print(_line(parts))


def _line(parts: Sequence[Cell]) -> Text:
    from rich.text import Text

    return Text.assemble(*(_cell(part) for part in parts))


def _cell(cell: Cell) -> Text:
    from rich.text import Text

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(harmless(text), style=style)


def styled(word: str) -> tuple[str, str]:
    """A state or severity in its colour; the word itself still says it."""
    return word, STYLES.get(word, "")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A table as wide as it needs to be; where the terminal is narrower, one block a row instead of broken words.

    Not on a terminal, nothing is ever wrapped or cut: `grep` and `cut` need whole rows.
    """
    from rich.measure import Measurement
    from rich.table import Table

    out = console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=True)
    cells = [[_cell(cell) for cell in row] for row in rows]
    for row in cells:
        table.add_row(*row)
    needed = Measurement.get(out, out.options.update(max_width=100_000), table).maximum
    if out.is_terminal and needed > out.width:
        _print_blocks(out, columns, cells)
        return
    if out.is_terminal:
        out.print(table)
        return
    # Rich fills rows up to the table's width: trailing blanks are noise in a file.
    out.width = max(needed, 1)
    out.file = written = io.StringIO()
    out.print(table)
    sys.stdout.writelines(line.rstrip() + "\n" for line in written.getvalue().splitlines())


def _print_blocks(out: Console, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    width = max(len(name) for name in columns)
    for number, row in enumerate(rows):
        if number:
            out.print()
        for name, cell in zip(columns, row, strict=True):
            if cell.plain:
                out.print(_line([(name.ljust(width + 2), "bold")]).append_text(cell))
