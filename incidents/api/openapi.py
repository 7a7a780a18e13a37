"""The OpenAPI document: FastAPI's, with errors as they really are. `python -m incidents.api.openapi` prints it."""

from __future__ import annotations

import json
import sys
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from incidents.api.problem import MEDIA_TYPE
from incidents.api.schemas import Problem

VERSION = "1"
"""The API's version, not the product's: it changes with the paths' /api/v1."""

TITLE = "Tocsin"
DESCRIPTION = """\
The history of what Tocsin saw and told: incidents, the minutes behind them, messages, rules, and Tocsin itself.

Times are RFC 3339, UTC, in whole seconds; a minute is the start of that minute. Spans hold their beginning and not
their end. Lists come in pages: give `next_cursor` as `cursor`, or follow the Link header. Errors are RFC 9457 problem
documents. Answers have an ETag. A parameter that an address does not take is refused.

A program on the machine itself needs no token; all others send `Authorization: Bearer tocsin_...`."""

TAGS = [
    {"name": "incidents", "description": "Episodes of trouble, from onset to resolution."},
    {"name": "services", "description": "Businesses behind the gateway, their nodes, and their closed minutes."},
    {"name": "notifications", "description": "Messages, and every attempt to deliver them."},
    {"name": "rulebook", "description": "Services, rules, routes and channels, as numbered versions."},
    {"name": "status", "description": "Tocsin itself."},
    {"name": "health", "description": "Probes and metrics."},
]


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


OPEN_ERRORS: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has it already (If-None-Match)."},
    413: _problem("The request is too large."),
    422: _problem("A parameter is wrong; `errors` says which."),
    500: _problem("A bug in Tocsin."),
}
"""What any address can answer."""

ERRORS: dict[int | str, dict[str, Any]] = OPEN_ERRORS | {
    401: _problem("A token is needed, or the one given is not in force."),
    403: _problem("The token's scope does not allow this, or the Host header is a stranger's."),
    503: _problem("The database cannot be used at the moment."),
}
"""What an address that needs a token can answer."""

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: _problem("There is no such thing.")}
NOT_READY: dict[int | str, dict[str, Any]] = {503: _problem("Not ready; with `verbose`, `checks` says why.")}


def document_of(api: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=TITLE, version=VERSION, description=DESCRIPTION, tags=TAGS, routes=api.routes, servers=api.servers
        )
        components = document.setdefault("components", {}).setdefault("schemas", {})
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        components |= shape.pop("$defs", {}) | {"Problem": shape}
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        for methods in document["paths"].values():
            for operation in methods.values():
                for parameter in operation.get("parameters", ()):
                    parameter["schema"] = _without_null(parameter["schema"])
        document["components"]["schemas"] = dict(sorted(components.items()))
        api.openapi_schema = document
    return api.openapi_schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that need not be given is left out: there is no null in a query."""
    kept: list[dict[str, Any]] = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(kept) != 1:
        return schema
    return kept[0] | {name: value for name, value in schema.items() if name not in ("anyOf", "default")}


def text_of(api: FastAPI) -> str:
    """The document as it is committed."""
    return json.dumps(document_of(api), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    from incidents.api.app import create_app
    from incidents.bootstrap import bootstrap
    from incidents.settings import load_settings

    sys.stdout.write(text_of(create_app(bootstrap(load_settings(database_url="sqlite://")))))
