"""`tocsin replay`: log files through the same engine as the live one, in event time. No server, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from incidents.cli.options import Json, Lateness, example

if TYPE_CHECKING:
    from incidents.cli.progress import Meter
    from incidents.domain.rulebook import Rulebook
    from incidents.replay import Replay


def register(program: typer.Typer) -> None:
    program.command(
        epilog=example(
            "tocsin replay access.log.1 access.log",
            "tocsin replay access.log.2.gz --json | jq '.incidents[].service'",
            "zstdcat access.log.zst | tocsin replay - --format combined",
        )
    )(replay)


def replay(
    logs: Annotated[
        list[str], typer.Argument(metavar="LOG...", help="Logs in order, plain or gzip; - is standard input.")
    ],
    log_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="auto, json, combined, common, or a log_format string.")
    ] = "auto",
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="The rulebook to judge by; its channels send nothing."),
    ] = None,
    lateness: Lateness = None,
    as_json: Json = False,
) -> None:
    """Show the incidents of log files, without a server.

    It is the same engine as the live one, on the log's own clock; nothing is sent and nothing is left behind.
    """
    from backends.replay import read_logs, total_size
    from incidents.cli.progress import meter
    from incidents.counting import can_share
    from incidents.domain.watermark import LATENESS
    from incidents.replay import replay as replay_lines
    from incidents.replay import replay_files

    rulebook = _rulebook(rules)
    late = LATENESS if lateness is None else lateness
    with meter(total_size(logs)) as progress:
        if can_share(logs):
            result = replay_files(logs, rulebook, log_format=log_format, lateness=late, progress=_both(progress))
        else:
            chunks = _counted(read_logs(logs), progress)
            result = replay_lines(chunks, rulebook, log_format=log_format, lateness=late, progress=progress.lines)
    if not result.lines.read:
        typer.echo(
            f"tocsin: {', '.join(logs)}: not one line in it; right after a rotation the lines are in access.log.1",
            err=True,
        )
    if as_json:
        from incidents.cli.output import print_json
        from incidents.documents import replay_document

        print_json(replay_document(result))
    else:
        _tell(result)


def _rulebook(path: Path | None) -> Rulebook:
    """The rules to judge by, without channels: a replay tells nobody."""
    from incidents.domain.rulebook import Rulebook

    if path is None:
        return Rulebook()
    import msgspec

    from incidents.cli.rulebooks import from_file

    return msgspec.structs.replace(from_file(path), channels=(), routes=())


def _counted(chunks: Iterator[tuple[list[bytes], int]], progress: Meter) -> Iterator[list[bytes]]:
    for lines, consumed in chunks:
        progress.bytes(consumed)
        yield lines


def _both(progress: Meter) -> Callable[[int, int], None]:
    consumed = 0

    def told(lines: int, size: int) -> None:
        nonlocal consumed
        consumed += size
        progress.bytes(consumed)
        progress.lines(lines)

    return told


def _tell(result: Replay) -> None:
    from incidents.cli.incident_table import print_incidents
    from incidents.cli.output import say
    from incidents.cli.words import count_text, minutes_text, second_text

    if result.incidents:
        print_incidents(result.incidents)
        say()
    for own in result.self_incidents:
        say((f"{own.kind}: {own.detail} ({minutes_text(own.started_at, own.ended_at or own.started_at)})", "yellow"))
    lines = result.lines
    reasons = ", ".join(f"{reason} {count_text(n)}" for reason, n in sorted(result.malformed.items()))
    found = len(result.incidents)
    told = [
        "no incident" if not found else "1 incident" if found == 1 else f"{count_text(found)} incidents",
        f"{count_text(lines.read)} lines read",
        f"{count_text(lines.parsed)} parsed",
        f"{count_text(lines.malformed)} malformed" + (f" ({reasons})" if reasons else ""),
        f"{count_text(lines.late)} late",
        f"{count_text(lines.quarantined)} quarantined",
    ]
    format_name = f"; format {result.format}" if result.format else ""
    say(f"{told[0]}; {', '.join(told[1:])}{format_name}")
    if result.start is not None and result.end is not None:
        say(f"from {second_text(result.start)} to {second_text(result.end)}")
