"""The rulebook: services, rules, routes and channels as one validated document, known by its version number.

These are values; reading and checking the YAML document is the work of `incidents.configcentre`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from incidents.domain.rule import DEFAULT_RULES, Rule, Severity, Unit

OTHER = "__other__"
"""The service of lines that name none, and of those beyond the cap."""

UNNAMED = frozenset({"", "-", "_"})
"""What nginx writes where there is no service or server name."""


class Service(msgspec.Struct, frozen=True):
    """A business behind the gateway as the rulebook names it.

    `hosts` are patterns of server names (`*` and `?`) that belong to it; its own name is always matched against the
    log's service field. `rules` replaces rules by name for this service only; None switches the rule off.
    """

    name: str
    hosts: tuple[str, ...] = ()
    rules: Mapping[str, Rule | None] = {}
    labels: Mapping[str, str] = {}


class Lifecycle(msgspec.Struct, frozen=True):
    """The timers of detection.md section 6, in minutes."""

    hold: int = 5
    max_hold: int = 30
    relapse_within: int = 30
    relapse_hold: int = 15
    stale_after: int = 15
    no_traffic_after: int = 60
    little_traffic_after: int = 30
    min_quiet_requests: int = 10
    link_within: int = 24 * 60


class Channel(msgspec.Struct, frozen=True):
    """One target of messages. `kind` names the adapter, `options` are the adapter's own; `options` can hold secrets."""

    name: str
    kind: str
    options: Mapping[str, object] = {}
    language: str = "en"
    timezone: str = "UTC"

    def __repr__(self) -> str:
        """Without the options: what is logged or shown in an error must not carry a password."""
        return f"Channel(name={self.name!r}, kind={self.kind!r})"


class Route(msgspec.Struct, frozen=True):
    """Sends incidents that match to channels. Empty matchers match everything; service and node take patterns."""

    channels: tuple[str, ...]
    services: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    labels: Mapping[str, str] = {}
    stop: bool = False

    def matches(self, service: str, nodes: tuple[str, ...], severity: Severity, labels: Mapping[str, str]) -> bool:
        return (
            (not self.services or any(fnmatchcase(service, pattern) for pattern in self.services))
            and (not self.nodes or any(fnmatchcase(node, pattern) for pattern in self.nodes for node in nodes))
            and (not self.severities or severity in self.severities)
            and all(fnmatchcase(labels.get(name, ""), pattern) for name, pattern in self.labels.items())
        )


class Rulebook(msgspec.Struct, frozen=True, dict=True):
    """Everything that decides what is told to whom. `version` 0 is the built-in one.

    `earlier_limits` are time limits of versions before this one: counted on, because incidents are open by them.
    """

    version: int = 0
    rules: tuple[Rule, ...] = DEFAULT_RULES
    services: tuple[Service, ...] = ()
    channels: tuple[Channel, ...] = ()
    routes: tuple[Route, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    max_services: int = 1000
    only_listed_services: bool = False
    earlier_limits: tuple[tuple[Unit, float], ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Service]:
        return {service.name: service for service in self.services}

    @cached_property
    def _rules_of(self) -> dict[str, tuple[Rule, ...]]:
        return {}

    def service(self, name: str) -> Service | None:
        return self._by_name.get(name)

    def labels_of(self, service: str) -> Mapping[str, str]:
        known = self._by_name.get(service)
        return known.labels if known else {}

    def name_of(self, logged: str, host: str) -> str:
        """The service of a line: the log's own service field, else the listed hosts, else the server name, else OTHER.

        `logged` is "" when the log has no service field at all, and "-" when it has one that is unset.
        """
        if logged in self._by_name:
            return logged
        for service in self.services:
            if any(fnmatchcase(host.lower(), pattern.lower()) for pattern in service.hosts):
                return service.name
        name = logged or host
        return OTHER if name in UNNAMED or self.only_listed_services else name

    def rules_of(self, service: str) -> tuple[Rule, ...]:
        """The rules in force for a service: the common ones, with the service's own in their place."""
        found = self._rules_of.get(service)
        if found is None:
            known = self._by_name.get(service)
            own = known.rules if known else {}
            common = {rule.name: rule for rule in self.rules if self._applies(rule, service)}
            rules = {name: own.get(name, rule) for name, rule in common.items()} | dict(own)
            found = self._rules_of[service] = tuple(rule for rule in rules.values() if rule is not None)
        return found

    @staticmethod
    def _applies(rule: Rule, service: str) -> bool:
        return not rule.services or any(fnmatchcase(service, pattern) for pattern in rule.services)

    @cached_property
    def _every_rule(self) -> tuple[Rule, ...]:
        own = (rule for service in self.services for rule in service.rules.values() if rule is not None)
        return (*self.rules, *own)

    @cached_property
    def limits(self) -> dict[Unit, tuple[float, ...]]:
        """The time limits in force anywhere, in seconds, ascending: counts over these are kept exactly."""
        found: dict[Unit, set[float]] = {Unit.REQUEST: set(), Unit.ATTEMPT: set()}
        for rule in self._every_rule:
            if rule.over is not None:
                found[rule.unit].add(rule.over)
        for unit, limit in self.earlier_limits:
            found[unit].add(limit)
        return {unit: tuple(sorted(limits)) for unit, limits in found.items()}

    @cached_property
    def watched_statuses(self) -> frozenset[str]:
        """Statuses and classes that any rule calls bad: their lines are worth keeping as evidence."""
        return frozenset(status for rule in self._every_rule for status in rule.status)

    def channel(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels if channel.name == name), None)
