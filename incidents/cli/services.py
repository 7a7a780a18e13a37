"""`tocsin services`: what is being watched."""

from __future__ import annotations

import typer

from incidents.cli.options import Database, Json, example

nouns = typer.Typer(name="services", help="Services that were seen in the log.", no_args_is_help=True)


@nouns.command("list", epilog=example("tocsin services list --json"))
def list_(database: Database = None, as_json: Json = False) -> None:
    """List the services that were seen in the log."""
    from collections import Counter

    from incidents.cli.options import settings
    from incidents.cli.output import print_json, print_table, say
    from incidents.cli.store import opened
    from incidents.cli.words import second_text
    from incidents.documents import moment
    from incidents.store import incidents, positions

    with opened(settings(database=database)) as store, store.read() as tx:
        known = positions.services(tx)
        unresolved = Counter(incident.service for incident in incidents.live(tx) if incident.is_open)
    names = sorted(known)
    if as_json:
        found = [
            {"name": name, "first_seen": moment(known[name]), "open_incidents": unresolved[name]} for name in names
        ]
        print_json({"services": found})
    elif not names:
        say("no service seen yet; `tocsin status` says whether lines arrive")
    else:
        rows = [(name, second_text(known[name]), str(unresolved[name]) if unresolved[name] else "") for name in names]
        print_table(("Service", "First seen", "Open incidents"), rows)
