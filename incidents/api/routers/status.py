"""How Tocsin itself is."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Number, Page, answer_page, cut, decode
from incidents.status import look, own_document, status_document
from incidents.store import processes

router = APIRouter(tags=["status"])

_key = msgspec.json.Decoder(tuple[Number]).decode


@router.get("/status", operation_id="get_status", response_model=schemas.Status, summary="How Tocsin itself is")
def get_status(request: Request, house: House) -> Response:
    """Who is alive, how far behind, since when; `problems` says in words what is wrong."""
    with house.store.read() as tx:
        seen = look(tx, house.settings, house.now())
    return answer(request, status_document(seen))


@router.get(
    "/self-incidents",
    operation_id="list_self_incidents",
    response_model=schemas.SelfIncidents,
    summary="List incidents of Tocsin's own, the newest first",
)
def list_self_incidents(request: Request, house: House, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Such as gaps: times that Tocsin was blind for. They are kept apart from the services' incidents."""
    before = decode(cursor, _key)
    with house.store.read() as tx:
        found = processes.self_incidents(tx, limit + 1, before[0] if before else None)
    kept, key = cut(found, limit, lambda row: (row.id,))
    return answer_page(request, Page([own_document(row) for row in kept], key))
