"""Incidents: a list with filters, one with all its figures, and an export."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Number, Page, answer_page, cut, decode
from incidents.api.parameters import NAME_LIMIT, From, IncidentId, Text, To, check_order
from incidents.api.problem import not_found
from incidents.api.reading import history_of
from incidents.documents import brief_document, incident_document
from incidents.domain.minute import MINUTE
from incidents.domain.summary import Summary
from incidents.exporting import Format, exported
from incidents.history import History
from incidents.store import incidents
from incidents.store.incidents import Filter

router = APIRouter(prefix="/incidents", tags=["incidents"])

EXPORTED_AT_ONCE = 50
"""Incidents read in one transaction of an export: a slow reader must hold no lock, and memory stays flat."""

_key = msgspec.json.Decoder(tuple[Number, Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]]).decode

States = Annotated[list[schemas.State] | None, Query(description="Repeat it for more than one.")]
Severities = Annotated[list[schemas.Severity] | None, Query(description="Repeat it for more than one.")]
Services = Annotated[list[Text] | None, Query(max_length=100, description="Exact name; repeat it for more than one.")]
Rule = Annotated[Text | None, Query(max_length=NAME_LIMIT, description="With a symptom of this rule.")]
Node = Annotated[Text | None, Query(max_length=NAME_LIMIT, description="With a symptom on this node.")]
Words = Annotated[Text | None, Query(max_length=200, description="Anywhere in the incident: a node, a label, a rule.")]


@router.get(
    "",
    operation_id="list_incidents",
    response_model=schemas.IncidentPage,
    summary="List incidents, the newest first",
)
def list_incidents(
    request: Request,
    house: House,
    state: States = None,
    service: Services = None,
    severity: Severities = None,
    rule: Rule = None,
    node: Node = None,
    start: From = None,
    end: To = None,
    text: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Those with a bad minute in [from, to), that fit every filter given."""
    wanted = _filter(state, service, severity, rule, node, start, end, text)
    wanted = msgspec.structs.replace(wanted, limit=limit + 1, after=decode(cursor, _key))
    with house.store.read() as tx:
        found = incidents.find(tx, wanted)
    kept, key = cut(found, limit, lambda incident: (incident.first_minute, incident.id))
    return answer_page(request, Page([brief_document(incident) for incident in kept], key))


@router.get(
    "/export",
    operation_id="export_incidents",
    summary="Export incidents with all their figures",
    response_class=Response,
    responses={
        200: {
            "description": "One incident a line, the newest first.",
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
)
def export_incidents(
    request: Request,
    house: House,
    as_format: Annotated[Format, Query(alias="format", description="csv or jsonl.")] = "jsonl",
    state: States = None,
    service: Services = None,
    severity: Severities = None,
    rule: Rule = None,
    node: Node = None,
    start: From = None,
    end: To = None,
    text: Words = None,
) -> Response:
    """Streamed, with the filters of the list. In a CSV, what would begin a formula is prefixed with an apostrophe."""
    wanted = _filter(state, service, severity, rule, node, start, end, text)
    if request.scope.get("tocsin.head"):
        pages: Iterator[list[Summary]] = iter(())
    else:
        pages = _pages(history_of(house), wanted)
        # The first page before the first byte: what is wrong can still be told with a status.
        pages = chain([next(pages)], pages)
    media_type = "text/csv; charset=utf-8" if as_format == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="incidents.{as_format}"', "Cache-Control": "no-store"}
    return StreamingResponse(exported(pages, as_format), media_type=media_type, headers=headers)


@router.get(
    "/{incident_id}",
    operation_id="get_incident",
    response_model=schemas.Incident,
    summary="One incident with all its figures",
)
def get_incident(request: Request, house: House, incident_id: IncidentId) -> Response:
    """Figures sum whole minutes from the first to the last bad one, late lines included."""
    found = history_of(house).one(incident_id)
    if found is None:
        raise not_found(f"incident {incident_id}")
    return answer(request, incident_document(found))


def _filter(
    state: list[schemas.State] | None,
    service: list[str] | None,
    severity: list[schemas.Severity] | None,
    rule: str | None,
    node: str | None,
    start: int | None,
    end: int | None,
    text: str | None,
) -> Filter:
    check_order(start, end)
    return Filter(
        states=tuple(state or ()),
        services=tuple(service or ()),
        severities=tuple(severity or ()),
        rule=rule,
        node=node,
        # An incident lasts until the end of its last minute: 10:00 is still on at 10:00:30.
        start=start // MINUTE * MINUTE if start is not None else None,
        end=end,
        text=text,
    )


def _pages(history: History, wanted: Filter) -> Iterator[list[Summary]]:
    wanted = msgspec.structs.replace(wanted, limit=EXPORTED_AT_ONCE)
    while True:
        found = history.find(wanted)
        yield found
        if len(found) < EXPORTED_AT_ONCE:
            return
        wanted = msgspec.structs.replace(wanted, after=(found[-1].first_minute, found[-1].id))
