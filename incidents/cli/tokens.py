"""`tocsin tokens`: who may use the HTTP API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from incidents.cli.options import Database, Json, example


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    WRITE = "write"


nouns = typer.Typer(name="tokens", help="Bearer tokens of the HTTP API.", no_args_is_help=True)


@nouns.command(epilog=example("tocsin tokens create grafana", "tocsin tokens create deploy-bot --scope write"))
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is and what it is for.")],
    scopes: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may do, read unless said; write includes read.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a token and show its secret, this once only."""
    from incidents import tokens as verb
    from incidents.bootstrap import bootstrap
    from incidents.cli.options import settings
    from incidents.cli.output import print_json

    found = settings(database=database)
    app = bootstrap(found)  # the first token may be made before anything else
    made = verb.create(app.store, name, [scope.value for scope in scopes or [Scope.READ]], app.now())
    app.store.close()
    if as_json:
        print_json(
            {"id": made.token.id, "name": made.token.name, "scopes": _scopes(made.token.scopes), "token": made.secret}
        )
        return
    address = found.external_url.rstrip("/") or f"http://{found.api.host}:{found.api.port}"
    typer.echo(made.secret)
    typer.echo(
        f"token {made.token.id} ({made.token.scopes}); it is shown only now. "
        f"Use: curl -H 'Authorization: Bearer TOKEN' {address}/api/v1/incidents",
        err=True,
    )


@nouns.command("list", epilog=example("tocsin tokens list"))
def list_(database: Database = None, as_json: Json = False) -> None:
    """List the tokens, revoked ones too, without secrets."""
    from incidents import tokens as verb
    from incidents.cli.options import settings
    from incidents.cli.output import print_json, print_table, say
    from incidents.cli.store import opened
    from incidents.cli.words import second_text
    from incidents.documents import moment, moment_or_none

    with opened(settings(database=database)) as store:
        found = verb.listed(store)
    if as_json:
        print_json(
            {
                "tokens": [
                    {
                        "id": token.id,
                        "name": token.name,
                        "scopes": _scopes(token.scopes),
                        "created_at": moment(token.created_at),
                        "last_used_at": moment_or_none(token.last_used_at),
                        "revoked_at": moment_or_none(token.revoked_at),
                    }
                    for token in found
                ]
            }
        )
    elif not found:
        say("no token: the API serves this machine only")
    else:
        print_table(
            ("ID", "Name", "Scopes", "Created", "Last used", "Revoked"),
            [
                (
                    token.id,
                    token.name,
                    token.scopes,
                    second_text(token.created_at),
                    second_text(token.last_used_at) if token.last_used_at else "never",
                    second_text(token.revoked_at) if token.revoked_at else "",
                )
                for token in found
            ],
        )


@nouns.command(epilog=example("tocsin tokens revoke 1f0c9a2b"))
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The ID that `tocsin tokens list` shows.")],
    database: Database = None,
) -> None:
    """End a token at once."""
    from incidents import tokens as verb
    from incidents.bootstrap import Clock
    from incidents.cli.options import settings
    from incidents.cli.store import opened
    from incidents.domain.errors import BadInput

    found = settings(database=database)
    with opened(found) as store:
        if not verb.revoke(store, token_id, Clock(found.clock).now()):
            raise BadInput(f"there is no token {token_id} in force; `tocsin tokens list` shows the IDs")
    typer.echo(f"token {token_id} is revoked")


def _scopes(scopes: str) -> list[str]:
    return scopes.split()
