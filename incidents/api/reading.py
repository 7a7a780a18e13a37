"""The history as an endpoint asks it."""

from __future__ import annotations

from sqlalchemy import Connection

from incidents.api.problem import not_found
from incidents.bootstrap import App
from incidents.domain.incident import Incident, State
from incidents.history import History
from incidents.store import incidents


def history_of(house: App) -> History:
    return History(house.store, house.rulebook, house.past_rulebook)


def incident_in(tx: Connection, incident_id: str) -> Incident:
    """The incident of this id; raises Problem 404. Pending ones are nobody's business yet."""
    found = incidents.get(tx, incident_id)
    if found is None or found.state in (State.OK, State.PENDING):
        raise not_found(f"incident {incident_id}")
    return found
