"""Where a message goes, and why."""

from __future__ import annotations

from typing import NamedTuple

from incidents.domain.incident import Incident
from incidents.domain.rulebook import Rulebook


class Planned(NamedTuple):
    """One channel, and the route that chose it."""

    channel: str
    reason: str


def plan(rulebook: Rulebook, incident: Incident) -> list[Planned]:
    """The channels of one incident, each once, in the order of the routes; without routes, all channels."""
    if not rulebook.routes:
        return [Planned(channel.name, "no routes: every channel") for channel in rulebook.channels]
    found: dict[str, Planned] = {}
    labels = rulebook.labels_of(incident.service)
    for number, route in enumerate(rulebook.routes, start=1):
        if route.matches(incident.service, incident.culprit.nodes, incident.severity, labels):
            for channel in route.channels:
                found.setdefault(channel, Planned(channel, f"route {number}"))
            if route.stop:
                break
    return list(found.values())
