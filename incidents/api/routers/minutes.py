"""The minute series of services and of their nodes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.parameters import From, NodeName, ServiceName, To, span
from incidents.api.problem import not_found
from incidents.api.series import latency_document, minutes_document, span_document
from incidents.bootstrap import App
from incidents.documents import moment
from incidents.domain.minute import MINUTE, NO_NODE, add_counts
from incidents.store import positions, series
from incidents.store.series import Figures, MinuteRow

router = APIRouter(prefix="/services/{service:path}", tags=["services"])

HOUR = 3600
LONGEST = 7 * 24 * HOUR
LONGEST_SUM = 24 * HOUR
"""Sums over nodes read every minute of every node, so they are over a shorter time."""


# Before the service's own series: its path takes this one's as well, with "order/nodes/..." for a service.
@router.get(
    "/nodes/{node:path}/minutes",
    operation_id="get_node_minutes",
    response_model=schemas.NodeSeries,
    summary="Attempts at one node, by minute",
)
def get_node_minutes(
    request: Request, house: House, service: ServiceName, node: NodeName, start: From = None, end: To = None
) -> Response:
    """Closed minutes in [from, to), without `from` the last hour of them; at most a week at once."""
    with house.store.read() as tx:
        closed = _closed(tx, house, service)
        if not series.has_node(tx, service, node):
            raise not_found(f"node {node} of {service}")
        first, last = span(start, end, closed or int(house.now()), HOUR, LONGEST)
        rows = series.of_nodes(tx, service, first, last, node)
    document = span_document(first, last, closed) | {"service": service, "node": node}
    return answer(request, document | {"minutes": minutes_document(rows)})


@router.get(
    "/nodes",
    operation_id="list_nodes",
    response_model=schemas.Nodes,
    summary="The nodes of a service, with sums",
)
def list_nodes(request: Request, house: House, service: ServiceName, start: From = None, end: To = None) -> Response:
    """Over closed minutes in [from, to), without `from` the last hour of them; at most a day at once."""
    with house.store.read() as tx:
        closed = _closed(tx, house, service)
        first, last = span(start, end, closed or int(house.now()), HOUR, LONGEST_SUM)
        rows = series.of_nodes(tx, service, first, last)
    by_node: dict[str, list[MinuteRow]] = {}
    for row in rows:
        by_node.setdefault(row.node, []).append(row)
    without = _sum(by_node.pop(NO_NODE, []))
    document = span_document(first, last, closed) | {
        "service": service,
        "nodes": [_node(node, found) for node, found in sorted(by_node.items())],
        "without_upstream": {
            "requests": without.total,
            "bad": without.bad,
            "by_status": dict(sorted(without.statuses.items())),
        },
    }
    return answer(request, document)


@router.get(
    "/minutes",
    operation_id="get_service_minutes",
    response_model=schemas.ServiceSeries,
    summary="Requests of a service, by minute",
)
def get_service_minutes(
    request: Request, house: House, service: ServiceName, start: From = None, end: To = None
) -> Response:
    """Closed minutes in [from, to), without `from` the last hour of them; at most a week at once."""
    with house.store.read() as tx:
        closed = _closed(tx, house, service)
        first, last = span(start, end, closed or int(house.now()), HOUR, LONGEST)
        rows = series.of_service(tx, service, first, last)
    document = span_document(first, last, closed) | {"service": service}
    return answer(request, document | {"minutes": minutes_document(rows)})


def _closed(tx: Connection, house: App, service: str) -> int | None:
    """How far minutes are closed; raises Problem 404 for a service that no line was of."""
    if service not in positions.services(tx):
        raise not_found(f"service {service}")
    return series.closed_through(tx)


def _sum(rows: list[MinuteRow]) -> Figures:
    whole = Figures()
    for row in rows:
        whole.add(row.closed)
        whole.add(row.late)
    return whole


def _node(node: str, rows: list[MinuteRow]) -> dict[str, object]:
    whole = _sum(rows)
    latency: dict[int, int] = {}
    for row in rows:
        add_counts(latency, row.latency)
    return {
        "node": node,
        "attempts": whole.total,
        "bad": whole.bad,
        "by_status": dict(sorted(whole.statuses.items())),
        "latency": latency_document(latency),
        "last_minute": moment(rows[-1].minute // MINUTE * MINUTE),
    }
