"""`tocsin status`: who is alive, how far behind, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from incidents.cli.options import Database, Json, example

if TYPE_CHECKING:
    from incidents.cli.health import Facts
    from incidents.settings import Settings
    from incidents.tables import Heartbeat


def register(program: typer.Typer) -> None:
    program.command(epilog=example("tocsin status", "tocsin status --json | jq .problems"))(status)


def status(database: Database = None, as_json: Json = False) -> None:
    """Show who is alive, how far behind, since when.

    Exits with 1 when something is wrong, and says what.
    """
    from incidents.cli.health import problems
    from incidents.cli.options import settings
    from incidents.cli.output import print_json, say

    facts, rulebook = _look(settings(database=database))
    wrong = problems(facts)
    if as_json:
        print_json({"ok": not wrong, "problems": wrong, **_document(facts), "rulebook": rulebook})
    else:
        _tell(facts, rulebook)
        for problem in wrong:
            say(("wrong: ", "bold red"), problem)
        if not wrong:
            say(("all is well", "green"))
    if wrong:
        raise typer.Exit(1)


def _look(settings: Settings) -> tuple[Facts, dict[str, object]]:
    from incidents.bootstrap import Clock
    from incidents.cli.health import Facts
    from incidents.cli.store import opened
    from incidents.documents import moment_or_none
    from incidents.store import minutes, outbox, positions, processes, rulebooks

    with opened(settings) as store, store.read() as tx:
        closed = {shard: minutes.closed_through(tx, shard) for shard in range(settings.shards)}
        facts = Facts(
            now=Clock(settings.clock).now(),
            scale=settings.clock.scale,
            beat_is_apart=not settings.broker_url.startswith("memory:"),
            lateness=settings.lateness,
            heartbeats=processes.heartbeats(tx),
            positions=positions.every(tx),
            closed={shard: through for shard, through in closed.items() if through is not None},
            sources=rulebooks.sources(tx),
            messages=outbox.counts(tx),
            oldest_due=outbox.oldest_due(tx),
            own=processes.self_incidents(tx, 20),
        )
        latest = rulebooks.latest(tx)
    return facts, {
        "version": latest.version if latest else 0,
        "source": latest.source if latest else "built in",
        "since": moment_or_none(latest.at) if latest else None,
        "looked_at": [
            {"source": source.source, "at": moment_or_none(source.checked_at), "error": source.error or None}
            for source in facts.sources
        ],
    }


def _state(facts: Facts, process: Heartbeat) -> str:
    from incidents.cli.health import is_alive, is_replaced, is_stuck

    if is_alive(facts, process):
        return "stuck" if is_stuck(facts, process) else "alive"
    return "replaced" if is_replaced(facts, process) else "dead"


def _document(facts: Facts) -> dict[str, object]:
    from incidents.cli.health import closing_delay, is_behind
    from incidents.documents import moment, moment_or_none, self_document

    return {
        "at": moment(facts.now),
        "processes": [
            {
                "role": process.role,
                "instance": process.instance,
                "pid": process.pid,
                "host": process.host,
                "state": _state(facts, process),
                "started_at": moment(process.started_at),
                "beat_at": moment(process.beat_at),
                "progress": process.progress,
                "progress_at": moment(process.progress_at),
            }
            for process in facts.heartbeats
        ],
        "partitions": [
            {
                "source": _masked(position.source),
                "partition": position.partition,
                "format": position.format,
                "behind": is_behind(facts, position),
                "backlog": position.backlog,
                "unit": position.unit,
                "caught_up_at": moment_or_none(position.caught_up_at or None),
                "watermark": moment_or_none(position.watermark or None),
                "lines": position.lines,
                "malformed": position.malformed,
                "late": position.late,
                "quarantined": position.quarantined,
            }
            for position in facts.positions
        ],
        "closed_through": moment_or_none(min((closed.second for closed in facts.closed.values()), default=None)),
        "closing_delay_seconds": round(closing_delay(facts)),
        "messages": [
            {"channel": channel, "state": state, "count": n} for (channel, state), n in sorted(facts.messages.items())
        ],
        "oldest_due_at": moment_or_none(facts.oldest_due),
        "self": [self_document(own) for own in facts.own],
    }


def _masked(source: str) -> str:
    from incidents.cli.masking import masked_url

    return masked_url(source)


def _tell(facts: Facts, rulebook: dict[str, object]) -> None:
    from incidents.cli.health import is_behind
    from incidents.cli.output import print_table, say
    from incidents.cli.words import count_text, minute_text, minutes_text, second_text, span_text

    def ago(second: float) -> str:
        return f"{span_text(facts.real(second))} ago" if second else "never"

    shown = [process for process in facts.heartbeats if _state(facts, process) != "replaced"]
    if shown:
        styles = {"alive": "green", "stuck": "bold red", "dead": "bold red"}
        print_table(
            ("Role", "Instance", "State", "Since", "Last beat", "Last progress"),
            [
                (
                    process.role,
                    process.instance,
                    (_state(facts, process), styles[_state(facts, process)]),
                    second_text(process.started_at),
                    ago(process.beat_at),
                    ago(process.progress_at),
                )
                for process in shown
            ],
        )
        say()
    if facts.positions:
        print_table(
            (
                "Partition",
                "Format",
                "Read to its end",
                "Unread",
                "Last line",
                "Lines",
                "Malformed",
                "Late",
                "Quarantined",
            ),
            [
                (
                    position.partition,
                    position.format or "not known yet",
                    (ago(position.caught_up_at), "bold red" if is_behind(facts, position) else ""),
                    f"{count_text(position.backlog)} {position.unit}" if position.backlog is not None else "",
                    second_text(position.watermark) if position.watermark else "",
                    count_text(position.lines),
                    count_text(position.malformed),
                    count_text(position.late),
                    count_text(position.quarantined),
                )
                for position in facts.positions
            ],
        )
        say()
    if facts.closed:
        last = min(facts.closed.values(), key=lambda closed: closed.second)
        say(f"minutes closed before {minute_text(last.second)}, the last {ago(last.at)}")
    say(f"rulebook version {rulebook['version']}, {rulebook['source']}")
    if facts.messages:
        say(
            "messages: " + ", ".join(f"{channel} {n} {state}" for (channel, state), n in sorted(facts.messages.items()))
        )
    for own in facts.own:
        when = minutes_text(own.started_at, own.ended_at or own.started_at)
        say((f"{own.kind}: {own.detail} ({when})", "yellow"))
