"""`tocsin incidents`: what happened, from the database."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from incidents.cli.options import Database, Json, example

if TYPE_CHECKING:
    from incidents.domain.summary import Summary
    from incidents.history import History
    from incidents.store.incidents import Filter


# Spelled out rather than taken from the domain's enumerations, which would have to be imported to show the help.
class StateName(StrEnum):
    """The states that an incident can be asked by."""

    OPEN = "open"
    RECOVERING = "recovering"
    STALE = "stale"
    CLOSED = "closed"
    MERGED = "merged"


class SeverityName(StrEnum):
    """The severities that an incident can be asked by."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


ExportFormat: TypeAlias = Literal["jsonl", "csv"]

nouns = typer.Typer(
    name="incidents", help="Incidents that are open, and the history of all others.", no_args_is_help=True
)

States = Annotated[list[StateName] | None, typer.Option("--state", help="Only in this state; can be repeated.")]
Services = Annotated[
    list[str] | None, typer.Option("--service", metavar="NAME", help="Only of this service; can be repeated.")
]
Severities = Annotated[
    list[SeverityName] | None, typer.Option("--severity", help="Only of this severity; can be repeated.")
]
RuleName = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Only where this rule was in breach.")]
Node = Annotated[str | None, typer.Option("--node", metavar="ADDRESS", help="Only where this node was in breach.")]
Since = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Only what lasted until this time or longer; 24h: a day ago."),
]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only what began before this time.")]
Words = Annotated[str | None, typer.Option("--text", metavar="WORDS", help="Only where these words occur.")]


@nouns.command("list", epilog=example("tocsin incidents list --state open", "tocsin incidents list --from 7d --json"))
def list_(
    states: States = None,
    services: Services = None,
    severities: Severities = None,
    rule: RuleName = None,
    node: Node = None,
    since: Since = None,
    until: Until = None,
    text: Words = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")] = 50,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List incidents, the newest first."""
    wanted = _filter(states, services, severities, rule, node, since, until, text, limit + 1)
    with _history(database) as history:
        summaries = history.find(wanted)
    more, summaries = len(summaries) > limit, summaries[:limit]
    if as_json:
        from incidents.cli.output import print_json
        from incidents.documents import incident_document

        print_json({"incidents": [incident_document(summary) for summary in summaries], "more": more})
        return
    from incidents.cli.incident_table import print_incidents
    from incidents.cli.output import say

    if summaries:
        print_incidents(summaries, with_id=True)
    else:
        say("no incident")
    if more:
        say(f"there are more than {limit}; --limit or --from shows others", stderr=True)


@nouns.command(epilog=example("tocsin incidents show 0f3a9c41d2b87e65"))
def show(
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="The ID that `tocsin incidents list` shows.")],
    language: Annotated[Literal["en", "zh-CN"], typer.Option("--language", help="The language to tell it in.")] = "en",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of one incident."""
    from incidents.cli.incident_page import document, print_page
    from incidents.domain.errors import BadInput
    from incidents.store import incidents as store
    from incidents.store import outbox

    with _history(database) as history:
        summary = history.one(incident_id)
        if summary is None:
            raise BadInput(f"there is no incident {incident_id}; `tocsin incidents list` shows their IDs")
        with history.store.read() as tx:
            timeline = store.timeline(tx, incident_id)
            notifications = outbox.rows(tx, incident_id=incident_id, limit=1000)
    if as_json:
        from incidents.cli.output import print_json

        print_json(document(summary, timeline, notifications))
    else:
        print_page(summary, timeline, notifications, language)


@nouns.command(
    epilog=example(
        "tocsin incidents export --from 30d > incidents.jsonl",
        "tocsin incidents export --format csv --output incidents.csv",
    )
)
def export(
    states: States = None,
    services: Services = None,
    severities: Severities = None,
    rule: RuleName = None,
    node: Node = None,
    since: Since = None,
    until: Until = None,
    text: Words = None,
    as_format: Annotated[
        ExportFormat, typer.Option("--format", help="JSON lines with everything, or CSV with the figures.")
    ] = "jsonl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of the screen.")
    ] = None,
    database: Database = None,
) -> None:
    """Write all incidents that fit, the newest first, as JSON lines or CSV."""
    from incidents.domain.errors import BadInput
    from incidents.exporting import exported

    page = _filter(states, services, severities, rule, node, since, until, text, 200)
    with _history(database) as history:
        pieces = (piece.encode() for piece in exported(pages_of(history, page), as_format))
        if output is None:
            # Bytes: on a screen or in a pipe, a CSV is the same file as with --output.
            sys.stdout.buffer.writelines(pieces)
            return
        try:
            with output.open("wb") as file:
                file.writelines(pieces)
        except OSError as error:
            raise BadInput(f"cannot write {output}: {error.strerror}; name another file with --output") from None


def pages_of(history: History, page: Filter) -> Iterator[list[Summary]]:
    """Page by page: however long the history, only some of it is in memory."""
    import msgspec

    while found := history.find(page):
        yield found
        page = msgspec.structs.replace(page, after=(found[-1].first_minute, found[-1].id))


def _filter(
    states: list[StateName] | None,
    services: list[str] | None,
    severities: list[SeverityName] | None,
    rule: str | None,
    node: str | None,
    since: str | None,
    until: str | None,
    text: str | None,
    limit: int,
) -> Filter:
    from incidents.store.incidents import Filter

    start, end = _instant("--from", since), _instant("--to", until)
    if start is not None and end is not None and start >= end:
        raise typer.BadParameter("--from must be before --to")
    return Filter(
        states=tuple(state.value for state in states or ()),
        services=tuple(services or ()),
        severities=tuple(severity.value for severity in severities or ()),
        rule=rule,
        node=node,
        start=start,
        end=end,
        text=text,
        limit=limit,
    )


def _instant(option: str, text: str | None) -> int | None:
    from incidents.cli.words import instant

    if text is None:
        return None
    try:
        return instant(text, time.time())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


@contextmanager
def _history(database: str | None) -> Iterator[History]:
    from incidents.bootstrap import App, Clock
    from incidents.cli.options import settings
    from incidents.cli.store import opened
    from incidents.history import History

    found = settings(database=database)
    with opened(found) as store:
        app = App(found, store, Clock(found.clock).now)
        yield History(store, app.rulebook, app.past_rulebook)
