"""Incidents, their symptoms and their timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, Select, and_, delete, func, or_, select

from incidents.domain.incident import Incident, Message, State, Transition
from incidents.domain.summary import SentMessage
from incidents.store.engine import insert_of, table_of, upsert
from incidents.tables import IncidentRow, SymptomRow, TransitionRow

_incidents = table_of(IncidentRow)
_symptoms = table_of(SymptomRow)
_transitions = table_of(TransitionRow)

_decode = msgspec.json.Decoder(Incident).decode
_encode = msgspec.json.Encoder().encode

LIVE = (State.PENDING, State.OPEN, State.RECOVERING, State.STALE)
OPEN = (State.OPEN, State.RECOVERING, State.STALE)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What people ask incidents by. Times are seconds; `after` is the cursor: (first_minute, id) of the last seen."""

    states: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    rule: str | None = None
    node: str | None = None
    start: int | None = None
    end: int | None = None
    text: str | None = None
    after: tuple[int, str] | None = None
    limit: int = 50


def live(tx: Connection) -> list[Incident]:
    """Open and pending incidents, oldest first."""
    return _values(tx, select(_incidents.c.value).where(_incidents.c.state.in_(LIVE)))


def recent(tx: Connection, closed_after: int) -> list[Incident]:
    """Incidents closed after this second, oldest first."""
    return _values(tx, select(_incidents.c.value).where(_incidents.c.closed_at > closed_after))


def _values(tx: Connection, query: Select[str]) -> list[Incident]:
    ordered = query.order_by(_incidents.c.first_minute, _incidents.c.id)
    return [_decode(value) for value in tx.execute(ordered).scalars()]


def get(tx: Connection, incident_id: str) -> Incident | None:
    value = tx.execute(select(_incidents.c.value).where(_incidents.c.id == incident_id)).scalar()
    return _decode(value) if value is not None else None


def find(tx: Connection, wanted: Filter) -> list[Incident]:
    """The newest first; pending ones are nobody's business yet."""
    known = _incidents.c
    query = select(known.value).where(known.state != State.PENDING)
    if wanted.states:
        query = query.where(known.state.in_(wanted.states))
    if wanted.services:
        query = query.where(known.service.in_(wanted.services))
    if wanted.severities:
        query = query.where(known.severity.in_(wanted.severities))
    if wanted.start is not None:
        query = query.where(known.last_minute >= wanted.start)
    if wanted.end is not None:
        query = query.where(known.first_minute < wanted.end)
    if wanted.rule is not None or wanted.node is not None:
        symptom = select(_symptoms.c.incident_id)
        if wanted.rule is not None:
            symptom = symptom.where(_symptoms.c.rule == wanted.rule)
        if wanted.node is not None:
            symptom = symptom.where(_symptoms.c.node == wanted.node)
        query = query.where(known.id.in_(symptom))
    if wanted.text:
        pattern = f"%{_escape(wanted.text)}%"
        query = query.where(or_(known.service.like(pattern, escape="\\"), known.value.like(pattern, escape="\\")))
    if wanted.after is not None:
        minute, incident_id = wanted.after
        query = query.where(
            or_(known.first_minute < minute, and_(known.first_minute == minute, known.id < incident_id))
        )
    query = query.order_by(known.first_minute.desc(), known.id.desc()).limit(wanted.limit)
    return [_decode(value) for value in tx.execute(query).scalars()]


def _escape(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def save(tx: Connection, incidents: Sequence[Incident]) -> None:
    """Inserts or updates. One that came to nothing (pending, then ok) is removed."""
    gone = [incident.id for incident in incidents if incident.state is State.OK]
    if gone:
        tx.execute(delete(_incidents).where(_incidents.c.id.in_(gone)))
        tx.execute(delete(_symptoms).where(_symptoms.c.incident_id.in_(gone)))
        tx.execute(delete(_transitions).where(_transitions.c.incident_id.in_(gone)))
    # Those that end first: an ended one may leave its fingerprint to one that opens or widens in the same minute.
    kept = sorted((i for i in incidents if i.state is not State.OK), key=lambda incident: incident.state in LIVE)
    for incident in kept:
        insert = upsert(tx, _incidents).values(_row(incident))
        columns = [column.name for column in _incidents.columns if column.name != "id"]
        tx.execute(
            insert.on_conflict_do_update(index_elements=["id"], set_={name: insert.excluded[name] for name in columns})
        )
        _save_symptoms(tx, incident)


def _row(incident: Incident) -> dict[str, object]:
    return {
        "id": incident.id,
        "service": incident.service,
        "fingerprint": incident.fingerprint,
        "culprit_kind": incident.culprit.kind.value,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "first_minute": incident.first_minute,
        "last_minute": incident.last_minute,
        "closed_at": incident.closed_at,
        "value": _encode(incident).decode(),
    }


def _save_symptoms(tx: Connection, incident: Incident) -> None:
    if not incident.symptoms:
        return
    rows = [
        {
            "incident_id": incident.id,
            "rule": symptom.rule,
            "node": symptom.node or "",
            "first_minute": symptom.first_minute,
            "last_minute": symptom.last_minute,
        }
        for symptom in incident.symptoms
    ]
    insert = upsert(tx, _symptoms).values(rows)
    tx.execute(
        insert.on_conflict_do_update(
            index_elements=["incident_id", "rule", "node"], set_={"last_minute": insert.excluded.last_minute}
        )
    )


def add_transitions(tx: Connection, transitions: Iterable[Transition], at: int) -> None:
    """Appends to the timeline. `at`: event time (replay) or clock (live) at which it was decided, in seconds."""
    rows = [
        {
            "incident_id": transition.incident_id,
            "minute": transition.minute,
            "at": at,
            "source": transition.source.value,
            "target": transition.target.value,
            "event": transition.event,
            "reason": transition.reason,
            "sends": transition.sends.value if transition.sends else "",
            "actor": transition.actor,
        }
        for transition in transitions
    ]
    if rows:
        tx.execute(insert_of(TransitionRow), rows)


def timeline(tx: Connection, incident_id: str) -> list[TransitionRow]:
    """Every transition of an incident, in order."""
    query = select(_transitions).where(_transitions.c.incident_id == incident_id).order_by(_transitions.c.id)
    return [TransitionRow(**row) for row in tx.execute(query).mappings()]


def timeline_page(tx: Connection, incident_id: str, after: int, limit: int) -> list[TransitionRow]:
    """A part of the timeline, in order: transitions with an id above `after`."""
    known = _transitions.c
    query = select(_transitions).where(known.incident_id == incident_id, known.id > after)
    return [TransitionRow(**row) for row in tx.execute(query.order_by(known.id).limit(limit)).mappings()]


def open_counts(tx: Connection) -> list[tuple[str, str, int]]:
    """(service, severity, how many) of incidents that are open now."""
    known = _incidents.c
    query = select(known.service, known.severity, func.count()).where(known.state.in_(OPEN))
    return [(*row,) for row in tx.execute(query.group_by(known.service, known.severity))]


def state_counts(tx: Connection) -> dict[str, int]:
    """State -> incidents ever, pending ones left out."""
    known = _incidents.c
    query = select(known.state, func.count()).where(known.state != State.PENDING).group_by(known.state)
    return dict(tx.execute(query).all())


def messages(tx: Connection, incident_id: str) -> list[SentMessage]:
    """The messages that an incident caused, in order."""
    query = (
        select(_transitions.c.sends, _transitions.c.at)
        .where(_transitions.c.incident_id == incident_id, _transitions.c.sends != "")
        .order_by(_transitions.c.id)
    )
    return [SentMessage(Message(sends), at) for sends, at in tx.execute(query)]
