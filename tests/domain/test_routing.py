"""Which channels a message goes to, and why."""

from __future__ import annotations

from incidents.domain.incident import Culprit, CulpritKind, Incident, State
from incidents.domain.routing import plan
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Channel, Route, Rulebook, Service

CHANNELS = tuple(Channel(name, "mail") for name in ("ops", "money", "night"))


def incident(severity: Severity = Severity.WARNING, service: str = "pay") -> Incident:
    return Incident(
        id="1",
        service=service,
        culprit=Culprit(CulpritKind.NODE, ("a:80",)),
        state=State.OPEN,
        severity=severity,
        first_minute=0,
        last_minute=0,
        opened_minute=0,
        detected_at=65,
    )


def channels(*routes: Route, to: Incident | None = None) -> list[str]:
    services = (Service("pay", labels={"team": "money"}),)
    rulebook = Rulebook(channels=CHANNELS, routes=routes, services=services)
    return [planned.channel for planned in plan(rulebook, to or incident())]


def test_without_routes_every_channel_is_told() -> None:
    assert channels() == ["ops", "money", "night"]


def test_every_route_that_matches_adds_its_channels_once_and_in_order() -> None:
    routes = Route(("money",), labels={"team": "money"}), Route(("ops", "money"))
    assert channels(*routes) == ["money", "ops"]
    assert channels(*routes, to=incident(service="order")) == ["ops", "money"]


def test_nothing_after_a_route_that_stops_is_asked() -> None:
    routes = Route(("night",), severities=(Severity.CRITICAL,), stop=True), Route(("ops",))
    assert channels(*routes) == ["ops"]
    assert channels(*routes, to=incident(Severity.CRITICAL)) == ["night"]


def test_when_no_route_matches_nobody_is_told() -> None:
    assert channels(Route(("ops",), services=("order",))) == []


def test_the_plan_says_which_route_it_was() -> None:
    routes = Route(("ops",), services=("order",)), Route(("money",))
    rulebook = Rulebook(channels=CHANNELS, routes=routes)
    assert [planned.reason for planned in plan(rulebook, incident())] == ["route 2"]
    assert all(planned.reason for planned in plan(Rulebook(channels=CHANNELS), incident()))
