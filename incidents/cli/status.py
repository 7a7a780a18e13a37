"""`tocsin status`: who is alive, how far behind, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from incidents.cli.options import Database, Json, example

if TYPE_CHECKING:
    from incidents.cli.output import Cell
    from incidents.status import Look, Sign
    from incidents.store.positions import Position


def register(program: typer.Typer) -> None:
    program.command(epilog=example("tocsin status", "tocsin status --json | jq .problems"))(status)


def status(database: Database = None, as_json: Json = False) -> None:
    """Show who is alive, how far behind, since when.

    Exits with 1 when something is wrong, and says what.
    """
    from incidents.bootstrap import Clock
    from incidents.cli.options import settings
    from incidents.cli.output import print_json
    from incidents.cli.store import opened
    from incidents.status import look, problems, status_document

    found = settings(database=database)
    with opened(found) as store, store.read() as tx:
        seen = look(tx, found, Clock(found.clock).now())
    if as_json:
        print_json(status_document(seen))
    else:
        _tell(seen)
    if problems(seen):
        raise typer.Exit(1)


def _tell(seen: Look) -> None:
    from incidents.cli.output import say
    from incidents.cli.words import count_text, minutes_text
    from incidents.status import by_reason, problems

    _tell_processes(seen)
    _tell_partitions(seen)
    for shard, closed in seen.shards.items():
        name = "" if len(seen.shards) == 1 else f" of shard {shard}"
        say(f"minutes{name} closed before {_since(seen, closed.second)}, the last {_ago(seen, closed.at)}")
    if seen.malformed:
        say("malformed: " + ", ".join(f"{reason} {count_text(n)}" for reason, n in by_reason(seen.malformed)))
    say(f"rulebook: version {seen.rulebook_version}" if seen.rulebook_version else "rulebook: built in")
    for (channel, state), n in sorted(seen.outbox.items()):
        say(f"messages: {channel} {count_text(n)} {state}")
    for own in seen.self_incidents:
        say((f"{own.kind}: {own.detail} ({minutes_text(own.started_at, own.ended_at or own.started_at)})", "yellow"))
    wrong = problems(seen)
    for problem in wrong:
        say(("wrong: ", "bold red"), problem)
    if not wrong:
        say(("all is well", "green"))


def _tell_processes(seen: Look) -> None:
    from incidents.cli.output import print_table, say
    from incidents.cli.words import second_text
    from incidents.status import FORGOTTEN_AFTER

    shown = [sign for sign in seen.signs if sign.age <= FORGOTTEN_AFTER]
    if not shown:
        return
    print_table(
        ("Role", "Instance", "State", "Since", "Last beat", "Last progress"),
        [
            (
                sign.row.role,
                sign.row.instance,
                _state(sign),
                second_text(sign.row.started_at),
                _ago(seen, sign.row.beat_at),
                _ago(seen, sign.row.progress_at),
            )
            for sign in shown
        ],
    )
    say()


def _state(sign: Sign) -> Cell:
    if not sign.alive:
        return "dead", "bold red"
    # The API waits to be asked: only wheels that turn by themselves can be stuck.
    return ("stuck", "bold red") if sign.stuck and sign.row.role != "api" else ("alive", "green")


def _tell_partitions(seen: Look) -> None:
    from incidents.cli.output import print_table, say
    from incidents.status import masked_url

    if not seen.partitions:
        return
    print_table(
        ("Partition", "Format", "Behind", "Unread", "Read to its end", "Lines", "Malformed", "Late", "Quarantined"),
        [
            (
                masked_url(position.partition),
                position.format or "not known yet",
                *_lag(seen, position),
                *(f"{n:,}" for n in (position.lines, position.malformed, position.late, position.quarantined)),
            )
            for position in seen.partitions
        ],
    )
    say()


def _lag(seen: Look, position: Position) -> tuple[str, str, str]:
    from incidents.cli.words import count_text, span_text
    from incidents.status import lag_of

    lag = lag_of(position, seen.now)
    unread = f"{count_text(position.backlog)} {position.unit}" if position.backlog is not None else "not known"
    end = _since(seen, position.caught_up_at) if position.caught_up_at else "never yet"
    return ("not known" if lag is None else span_text(lag)), unread, end


def _since(seen: Look, second: float) -> str:
    from incidents.cli.words import second_text

    return f"{second_text(second)} ({_ago(seen, second)})"


def _ago(seen: Look, second: float) -> str:
    from incidents.cli.words import span_text

    return f"{span_text(seen.now - second)} ago"
