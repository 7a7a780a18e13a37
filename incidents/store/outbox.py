"""The transactional outbox: notifications, who may send them now, and what became of each attempt.

States: pending -> sending -> sent | pending again | dead. A claim raises the token; only its holder may mark the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select, update

from incidents.domain.incident import Message
from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import DeliveryRow, NotificationRow

_notifications = table_of(NotificationRow)
_deliveries = table_of(DeliveryRow)


class Delivery(StrEnum):
    """What became of a notification, or of one attempt at it."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    DEAD = "dead"


class Notification(msgspec.Struct, frozen=True):
    """One message to one channel; see `NotificationRow`. `id` is the key that every attempt carries."""

    id: str
    incident_id: str
    kind: Message
    sequence: int
    channel: str
    document: str
    late_minutes: int
    created_at: float = 0.0
    token: int = 0
    attempts: int = 0
    ambiguous: int = 0


def enqueue(tx: Connection, notifications: Iterable[Notification], now: float) -> None:
    """Adds messages; one that is there already stays as it is (the same minute judged twice sends nothing twice)."""
    rows = [
        {
            "id": notification.id,
            "incident_id": notification.incident_id,
            "kind": notification.kind.value,
            "sequence": notification.sequence,
            "channel": notification.channel,
            "document": notification.document,
            "late_minutes": notification.late_minutes,
            "created_at": now,
            "due_at": now,
        }
        for notification in notifications
    ]
    for row in rows:
        defaults = {"state": Delivery.PENDING.value, "lease_until": 0.0, "token": 0, "attempts": 0, "ambiguous": 0}
        tx.execute(upsert(tx, _notifications).values(row | defaults | {"answer": ""}).on_conflict_do_nothing())


def channels_told(tx: Connection, incident_id: str) -> list[str]:
    """Channels that were given this incident's onset: they get its summary."""
    query = select(_notifications.c.channel).where(
        _notifications.c.incident_id == incident_id, _notifications.c.kind == Message.ONSET.value
    )
    return list(tx.execute(query.distinct().order_by(_notifications.c.channel)).scalars())


def next_sequence(tx: Connection, incident_id: str, kind: Message) -> int:
    """The sequence of the next message of this kind: onset and summary have 0 only, escalations count on."""
    if kind is not Message.ESCALATION:
        return 0
    known = _notifications.c
    found = tx.execute(
        select(func.max(known.sequence)).where(known.incident_id == incident_id, known.kind == kind.value)
    ).scalar()
    return 0 if found is None else int(found) + 1


def _earlier_waits() -> ColumnElement[bool]:
    """An earlier message of the same incident to the same channel has not left yet.

    Earlier by what it is, not by the clock: two can be caused in one instant, and a clock that steps back would let
    the onset and the escalation wait for each other.
    """
    earlier = _notifications.alias("earlier")
    known = _notifications.c
    return exists().where(
        earlier.c.incident_id == known.incident_id,
        earlier.c.channel == known.channel,
        earlier.c.state.in_((Delivery.PENDING.value, Delivery.SENDING.value)),
        or_(
            and_(earlier.c.kind == Message.ONSET.value, known.kind != Message.ONSET.value),
            and_(earlier.c.kind != Message.SUMMARY.value, known.kind == Message.SUMMARY.value),
            and_(earlier.c.kind == known.kind, earlier.c.sequence < known.sequence),
        ),
    )


def _ready(now: float) -> ColumnElement[bool]:
    """Due, or the sender's lease ran out, and nothing earlier of the same incident waits for the same channel."""
    known = _notifications.c
    ready = or_(
        and_(known.state == Delivery.PENDING.value, known.due_at <= now),
        and_(known.state == Delivery.SENDING.value, known.lease_until <= now),
    )
    return and_(ready, not_(_earlier_waits()))


def due_channels(tx: Connection, now: float) -> list[str]:
    """Channels to which something may be sent now."""
    channel = _notifications.c.channel
    return list(tx.execute(select(channel).where(_ready(now)).distinct().order_by(channel)).scalars())


def due(tx: Connection, now: float, channel: str, limit: int) -> list[str]:
    """Notifications that may be sent to one channel now, in the order they were caused.

    By channel: what waits for a dead one, however much, must not stand before the others.
    """
    known = _notifications.c
    query = select(known.id).where(known.channel == channel, _ready(now)).order_by(known.due_at, known.id)
    return list(tx.execute(query.limit(limit)).scalars())


def claim(tx: Connection, notification_id: str, now: float, lease: float) -> Notification | None:
    """Takes one for `lease` seconds; None when somebody else has it. A lease that ran out was an ambiguous attempt."""
    known = _notifications.c
    expired = and_(known.state == Delivery.SENDING.value, known.lease_until <= now)
    open_attempt = tx.execute(select(known.token).where(known.id == notification_id, expired)).scalar()
    if open_attempt is not None:
        _finish(tx, notification_id, open_attempt, Delivery.AMBIGUOUS, "the sender died before it knew", now)
    changed = tx.execute(
        update(_notifications)
        .where(
            known.id == notification_id,
            or_(expired, and_(known.state == Delivery.PENDING.value, known.due_at <= now)),
        )
        .values(
            state=Delivery.SENDING.value,
            token=known.token + 1,
            attempts=known.attempts + 1,
            ambiguous=known.ambiguous + (1 if open_attempt is not None else 0),
            lease_until=now + lease,
        )
    )
    found = get(tx, notification_id) if changed.rowcount == 1 else None
    if found is None:
        return None
    attempt = {"notification_id": found.id, "token": found.token, "started_at": now, "outcome": "sending", "answer": ""}
    tx.execute(insert_of(DeliveryRow), attempt)
    return found


def mark(
    tx: Connection,
    claimed: Notification,
    state: Delivery,
    outcome: Delivery,
    answer: str,
    now: float,
    due_at: float | None = None,
) -> bool:
    """Records how an attempt ended; False when the lease was lost: then nothing of the notification is written."""
    known = _notifications.c
    values: dict[str, object] = {"state": state.value, "answer": answer, "lease_until": 0.0}
    if state is Delivery.SENT:
        values["sent_at"] = now
    if due_at is not None:
        values["due_at"] = due_at
    if outcome is Delivery.AMBIGUOUS:
        values["ambiguous"] = known.ambiguous + 1
    changed = tx.execute(
        update(_notifications)
        .where(known.id == claimed.id, known.token == claimed.token, known.state == Delivery.SENDING.value)
        .values(**values)
    )
    _finish(tx, claimed.id, claimed.token, outcome, answer, now)
    return changed.rowcount == 1


def _finish(tx: Connection, notification_id: str, token: int, outcome: Delivery, answer: str, now: float) -> None:
    known = _deliveries.c
    tx.execute(
        update(_deliveries)
        .where(known.notification_id == notification_id, known.token == token, known.finished_at.is_(None))
        .values(outcome=outcome.value, answer=answer, finished_at=now)
    )


def get(tx: Connection, notification_id: str) -> Notification | None:
    columns = (_notifications.c[name] for name in Notification.__struct_fields__)
    query = select(*columns).where(_notifications.c.id == notification_id)
    row = tx.execute(query).mappings().one_or_none()
    return Notification(**{**row, "kind": Message(row["kind"])}) if row else None


def onset_key(tx: Connection, incident_id: str, channel: str) -> str | None:
    """The id of this incident's onset on this channel: what later messages are threaded under."""
    known = _notifications.c
    where = (known.incident_id == incident_id, known.channel == channel, known.kind == Message.ONSET.value)
    return tx.execute(select(known.id).where(*where)).scalar()


def rows(
    tx: Connection,
    incident_id: str | None = None,
    channel: str | None = None,
    states: Sequence[str] = (),
    after: tuple[float, str] | None = None,
    limit: int = 50,
    kinds: Sequence[str] = (),
) -> list[NotificationRow]:
    """Notifications, the newest first; `after` is the (created_at, id) of the last one seen."""
    known = _notifications.c
    query = select(_notifications)
    if incident_id is not None:
        query = query.where(known.incident_id == incident_id)
    if channel is not None:
        query = query.where(known.channel == channel)
    if states:
        query = query.where(known.state.in_(states))
    if kinds:
        query = query.where(known.kind.in_(kinds))
    if after is not None:
        at, key = after
        query = query.where(or_(known.created_at < at, and_(known.created_at == at, known.id < key)))
    query = query.order_by(known.created_at.desc(), known.id.desc()).limit(limit)
    return [NotificationRow(**row) for row in tx.execute(query).mappings()]


def row(tx: Connection, notification_id: str) -> NotificationRow | None:
    """One notification with all its columns."""
    query = select(_notifications).where(_notifications.c.id == notification_id)
    found = tx.execute(query).mappings().one_or_none()
    return NotificationRow(**found) if found else None


def last_document(tx: Connection, incident_id: str) -> str | None:
    """What the latest message of an incident says: its figures outlive the minutes that they were summed over."""
    known = _notifications.c
    query = select(known.document).where(known.incident_id == incident_id)
    return tx.execute(query.order_by(known.created_at.desc(), known.id).limit(1)).scalar()


def deliveries(tx: Connection, notification_id: str) -> list[DeliveryRow]:
    """Every attempt at one notification, in order."""
    query = select(_deliveries).where(_deliveries.c.notification_id == notification_id).order_by(_deliveries.c.id)
    return [DeliveryRow(**row) for row in tx.execute(query).mappings()]


def counts(tx: Connection) -> dict[tuple[str, str], int]:
    """(channel, state) -> notifications."""
    known = _notifications.c
    query = select(known.channel, known.state, func.count()).group_by(known.channel, known.state)
    return {(channel, state): n for channel, state, n in tx.execute(query)}


def attempt_counts(tx: Connection) -> dict[str, int]:
    """Outcome -> attempts."""
    known = _deliveries.c
    return dict(tx.execute(select(known.outcome, func.count()).group_by(known.outcome)).all())


def latency(tx: Connection) -> tuple[int, float]:
    """(messages sent, seconds from their cause to their being sent, in all)."""
    known = _notifications.c
    query = select(func.count(), func.coalesce(func.sum(known.sent_at - known.created_at), 0.0))
    count, total = tx.execute(query.where(known.sent_at.is_not(None))).one()
    return int(count), max(0.0, float(total))


def oldest_due(tx: Connection) -> float | None:
    """When the longest waiting notification was due, in clock seconds; None when nothing waits."""
    known = _notifications.c
    query = select(func.min(known.due_at)).where(known.state == Delivery.PENDING.value)
    return tx.execute(query).scalar()
