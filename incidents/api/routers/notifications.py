"""Notifications and what became of each attempt at them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Page, answer_page, cut, decode
from incidents.api.parameters import NAME_LIMIT, Text
from incidents.api.problem import not_found
from incidents.documents import incident_document, moment, moment_or_none
from incidents.domain.summary import Summary
from incidents.store import outbox
from incidents.tables import DeliveryRow, NotificationRow

router = APIRouter(prefix="/notifications", tags=["notifications"])

_key = msgspec.json.Decoder(tuple[float, Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]]).decode
_summary = msgspec.json.Decoder(Summary).decode

NotificationId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="The notification's id.",
        examples=["0b7a4c1e-6d2f-5f0e-9a3b-1c2d3e4f5a6b"],
    ),
]


@router.get(
    "",
    operation_id="list_notifications",
    response_model=schemas.NotificationPage,
    summary="List notifications, the newest first",
)
def list_notifications(
    request: Request,
    house: House,
    incident: Annotated[str | None, Query(pattern="^[0-9a-f]{16}$", description="Of this incident.")] = None,
    channel: Annotated[Text | None, Query(max_length=NAME_LIMIT, description="To this channel.")] = None,
    kind: Annotated[list[schemas.MessageKind] | None, Query(description="Repeat it for more than one.")] = None,
    state: Annotated[list[schemas.DeliveryState] | None, Query(description="Repeat it for more than one.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """One row for each message to each channel, whatever became of it."""
    after = decode(cursor, _key)
    with house.store.read() as tx:
        found = outbox.rows(tx, incident, channel, state or (), after, limit + 1, kind or ())
    kept, key = cut(found, limit, lambda row: (row.created_at, row.id))
    return answer_page(request, Page([_brief(row) for row in kept], key))


@router.get(
    "/{notification_id}",
    operation_id="get_notification",
    response_model=schemas.Notification,
    summary="One notification with what it says",
)
def get_notification(request: Request, house: House, notification_id: NotificationId) -> Response:
    """`incident` is the incident as it stood when the message was caused: that is what was sent."""
    with house.store.read() as tx:
        found = outbox.row(tx, notification_id)
    if found is None:
        raise not_found(f"notification {notification_id}")
    return answer(request, _brief(found) | {"incident": incident_document(_summary(found.document))})


@router.get(
    "/{notification_id}/deliveries",
    operation_id="list_deliveries",
    response_model=schemas.Deliveries,
    summary="Every attempt at a notification, in order",
)
def list_deliveries(request: Request, house: House, notification_id: NotificationId) -> Response:
    """All attempts carry the notification's id as their key, so that a receiver can tell a repetition."""
    with house.store.read() as tx:
        if outbox.row(tx, notification_id) is None:
            raise not_found(f"notification {notification_id}")
        found = outbox.deliveries(tx, notification_id)
    return answer(request, {"items": [_delivery(row) for row in found]})


def _brief(row: NotificationRow) -> dict[str, object]:
    return {
        "id": row.id,
        "incident_id": row.incident_id,
        "kind": row.kind,
        "sequence": row.sequence,
        "channel": row.channel,
        "state": row.state,
        "created_at": moment(row.created_at),
        "due_at": moment(row.due_at),
        "sent_at": moment_or_none(row.sent_at),
        "late_minutes": row.late_minutes,
        "attempts": row.attempts,
        "ambiguous": row.ambiguous,
        "answer": row.answer,
    }


def _delivery(row: DeliveryRow) -> dict[str, object]:
    return {
        "attempt": row.token,
        "started_at": moment(row.started_at),
        "finished_at": moment_or_none(row.finished_at),
        "outcome": row.outcome,
        "answer": row.answer,
    }
