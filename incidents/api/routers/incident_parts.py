"""What stands behind one incident: its timeline, its evidence, and the minutes around it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Number, Page, answer_page, cut, decode
from incidents.api.parameters import NAME_LIMIT, IncidentId, Text
from incidents.api.reading import incident_in
from incidents.api.series import minutes_document, span_document
from incidents.documents import moment
from incidents.domain.minute import MINUTE, NO_NODE
from incidents.store import incidents, series
from incidents.store.series import EvidenceLine, MinuteRow
from incidents.tables import TransitionRow

router = APIRouter(prefix="/incidents/{incident_id}", tags=["incidents"])

LONGEST = 24 * 60
"""Minutes given at once around an incident; the series of its service has the rest."""

_id = msgspec.json.Decoder(tuple[Number]).decode
_minute_and_id = msgspec.json.Decoder(tuple[Number, Number]).decode

Around = Annotated[int, Query(ge=0, le=LONGEST // 2, description="Minutes.")]


@router.get(
    "/timeline",
    operation_id="get_incident_timeline",
    response_model=schemas.Timeline,
    summary="What happened to an incident, in order",
)
def get_timeline(
    request: Request, house: House, incident_id: IncidentId, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Every change of state with its reason, and the message that it caused."""
    after = decode(cursor, _id) or (0,)
    with house.store.read() as tx:
        incident_in(tx, incident_id)
        found = incidents.timeline_page(tx, incident_id, after[0], limit + 1)
    kept, key = cut(found, limit, lambda row: (row.id,))
    return answer_page(request, Page([_transition(row) for row in kept], key))


def _transition(row: TransitionRow) -> dict[str, object]:
    return {
        "at": moment(row.at),
        "minute": moment(row.minute),
        "source": row.source,
        "target": row.target,
        "event": row.event,
        "reason": row.reason,
        "sends": row.sends or None,
        "actor": row.actor,
    }


@router.get(
    "/evidence",
    operation_id="get_incident_evidence",
    response_model=schemas.EvidencePage,
    summary="Sample lines of an incident's minutes",
)
def get_evidence(
    request: Request,
    house: House,
    incident_id: IncidentId,
    node: Annotated[Text | None, Query(max_length=NAME_LIMIT, description="Of this node only.")] = None,
    status: Annotated[Text | None, Query(max_length=10, description="With this status only.", examples=["502"])] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Redacted; the first few of each node in each minute, and its last."""
    after = decode(cursor, _minute_and_id)
    with house.store.read() as tx:
        incident = incident_in(tx, incident_id)
        found = series.evidence(
            tx,
            incident.service,
            incident.first_minute,
            incident.last_minute + MINUTE,
            node=node,
            status=status,
            after=after,
            limit=limit + 1,
        )
    kept, key = cut(found, limit, lambda line: (line.minute, line.id))
    return answer_page(request, Page([_evidence(line) for line in kept], key))


def _evidence(line: EvidenceLine) -> dict[str, object]:
    return {
        "minute": moment(line.minute),
        "request_id": line.request_id,
        "line": line.line,
        "node": line.node or None,
        "status": line.status,
        "at": moment(line.second),
    }


@router.get(
    "/minutes",
    operation_id="get_incident_minutes",
    response_model=schemas.Around,
    summary="The minutes around an incident",
)
def get_minutes(
    request: Request, house: House, incident_id: IncidentId, before: Around = 15, after: Around = 15
) -> Response:
    """Of its service and of each node of it, from `before` the first bad minute to `after` the last."""
    with house.store.read() as tx:
        incident = incident_in(tx, incident_id)
        start = max(0, incident.first_minute - before * MINUTE)
        wanted = incident.last_minute + (1 + after) * MINUTE
        end = min(wanted, start + LONGEST * MINUTE)
        own = series.of_service(tx, incident.service, start, end)
        by_node: dict[str, list[MinuteRow]] = {}
        for row in series.of_nodes(tx, incident.service, start, end):
            if row.node != NO_NODE:
                by_node.setdefault(row.node, []).append(row)
        closed = series.closed_through(tx)
    document = span_document(start, end, closed) | {
        "service": incident.service,
        "truncated": end < wanted,
        "requests": minutes_document(own),
        "nodes": [{"node": node, "minutes": minutes_document(rows)} for node, rows in sorted(by_node.items())],
    }
    return answer(request, document)
