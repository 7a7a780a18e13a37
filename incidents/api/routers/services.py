"""Services: which there are, and what applies to each."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Page, answer_page, cut, decode
from incidents.api.parameters import ServiceName
from incidents.api.problem import not_found
from incidents.documents import brief_document, moment, moment_or_none
from incidents.domain.rulebook import Rulebook
from incidents.store import incidents, positions, series
from incidents.store.incidents import OPEN, Filter
from incidents.store.series import ServiceLine

router = APIRouter(prefix="/services", tags=["services"])
last_router = APIRouter(prefix="/services", tags=["services"])
"""Taken in after every longer path: a service's name may hold a slash, so this one would swallow them."""

HOUR = 3600

_key = msgspec.json.Decoder(tuple[str]).decode


class _Seen(msgspec.Struct, frozen=True):
    """What the database knows of services."""

    first: dict[str, int]
    hour: dict[str, ServiceLine]
    open: dict[str, int]


def _seen(tx: Connection) -> _Seen:
    closed = series.closed_through(tx) or 0
    unresolved: dict[str, int] = {}
    for service, _, n in incidents.open_counts(tx):
        unresolved[service] = unresolved.get(service, 0) + n
    return _Seen(positions.services(tx), series.services_between(tx, closed - HOUR, closed), unresolved)


@router.get(
    "",
    operation_id="list_services",
    response_model=schemas.ServicePage,
    summary="List services by name",
)
def list_services(request: Request, house: House, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Those that were seen and those that the rulebook names."""
    after = decode(cursor, _key) or ("",)
    rulebook = house.rulebook()
    with house.store.read() as tx:
        seen = _seen(tx)
    names = sorted({*seen.first, *(service.name for service in rulebook.services)})
    kept, key = cut([name for name in names if name > after[0]][: limit + 1], limit, lambda name: (name,))
    return answer_page(request, Page([_brief(name, seen, rulebook) for name in kept], key))


@last_router.get(
    "/{service:path}",
    operation_id="get_service",
    response_model=schemas.Service,
    summary="One service, its rules and its open incidents",
)
def get_service(request: Request, house: House, service: ServiceName) -> Response:
    """The rules are those in force now."""
    rulebook = house.rulebook()
    listed = rulebook.service(service)
    with house.store.read() as tx:
        seen = _seen(tx)
        if listed is None and service not in seen.first:
            raise not_found(f"service {service}")
        unresolved = incidents.find(tx, Filter(services=(service,), states=OPEN, limit=100))
    rules = [
        {"name": rule.name, "severity": rule.severity.value, "description": rule.describe()}
        for rule in rulebook.rules_of(service)
    ]
    document = _brief(service, seen, rulebook) | {
        "hosts": list(listed.hosts) if listed else [],
        "rules": rules,
        "incidents": [brief_document(incident) for incident in unresolved],
    }
    return answer(request, document)


def _brief(name: str, seen: _Seen, rulebook: Rulebook) -> dict[str, object]:
    hour = seen.hour.get(name)
    return {
        "name": name,
        "first_seen": moment_or_none(seen.first.get(name)),
        "last_minute": moment(hour.last_minute) if hour else None,
        "last_hour": {"requests": hour.total if hour else 0, "bad_requests": hour.bad if hour else 0},
        "open_incidents": seen.open.get(name, 0),
        "labels": dict(rulebook.labels_of(name)),
    }
