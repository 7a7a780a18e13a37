"""The verb that remembers: an incident with all its figures, as long as anything is known of it.

Figures are summed from closed minutes when they are asked for, so late lines are in them. Minutes are kept for a while
only, incidents for good: afterwards the figures are those of the incident's last message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from incidents.domain.errors import BadRulebook
from incidents.domain.incident import Incident
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.evaluate import summary_of
from incidents.store import Store, incidents, outbox
from incidents.store.incidents import Filter

_decode = msgspec.json.Decoder(Summary).decode

_FIGURES = (
    "symptoms",
    "nodes",
    "totals",
    "peak",
    "first_bad_at",
    "last_bad_at",
    "samples",
    "unaffected",
    "minutes",
    "first_line",
    "last_line",
    "late_lines",
)
"""What a summary sums from minutes; the rest comes from the incident itself."""


class History:
    """Reads one store. `rulebook` gives the rules in force, `past_rulebook` those of a version."""

    def __init__(
        self, store: Store, rulebook: Callable[[], Rulebook], past_rulebook: Callable[[int], Rulebook]
    ) -> None:
        self.store = store
        self._rulebook = rulebook
        self._past_rulebook = past_rulebook

    def one(self, incident_id: str) -> Summary | None:
        """All that is known of one incident; None when there is none, or none that anybody was told of."""
        with self.store.read() as tx:
            incident = incidents.get(tx, incident_id)
        if incident is None or not _is_known(incident):
            return None
        return self.summaries([incident])[0]

    def find(self, wanted: Filter) -> list[Summary]:
        """The newest first."""
        with self.store.read() as tx:
            found = incidents.find(tx, wanted)
        return self.summaries(found)

    def summaries(self, found: Sequence[Incident]) -> list[Summary]:
        """All that is known of these, in the order given."""
        # Rulebooks first: reading one opens a transaction of its own, and a database in memory has one connection.
        books = [self._rulebook_for(incident) for incident in found]
        with self.store.read() as tx:
            return [_summary(tx, incident, book) for incident, book in zip(found, books, strict=True)]

    def _rulebook_for(self, incident: Incident) -> Rulebook:
        """The version that opened it, unless a rule that came later has joined it since."""
        try:
            opened_by = self._past_rulebook(incident.rulebook_version)
        except BadRulebook:
            return self._rulebook()  # its `${NAME}` is not set in this process: the rules in force tell as much
        known = {rule.name for rule in opened_by.rules_of(incident.service)}
        return opened_by if all(symptom.rule in known for symptom in incident.symptoms) else self._rulebook()


def _summary(tx: Connection, incident: Incident, rulebook: Rulebook) -> Summary:
    summary = summary_of(tx, incident, rulebook)
    told = outbox.last_document(tx, incident.id)
    if told is None:
        return summary
    kept = _decode(told)
    # Late lines only ever add. Fewer requests than were told of means that minutes are gone.
    if kept.totals.requests > summary.totals.requests:
        return msgspec.structs.replace(summary, **{name: getattr(kept, name) for name in _FIGURES})
    return summary


def _is_known(incident: Incident) -> bool:
    """Pending ones are nobody's business yet."""
    return incident.is_open or incident.closed_at is not None or incident.merged_into is not None
