"""The shape of a rulebook document: which keys stand where, and what each of them takes.

Values arrive as text (see `yaml_file`), so every field has a reader of its own that says what it expected. What one
key means for another (a kind that forbids a key, a route to a channel that is not there) is checked in `reading`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from incidents.configcentre import quantities, words
from incidents.domain.rule import Kind, Severity, Unit

FIELDS = {"request_time": Unit.REQUEST, "upstream_response_time": Unit.ATTEMPT}
"""The times that can be watched, and what is counted when they are."""

MATCHERS = ("service", "node", "severity")
"""What a route can match besides labels."""

_DAY = 24 * 60
_MANY = 10**9


def mapping(given: object) -> dict[str, object]:
    if not isinstance(given, dict):
        raise ValueError(f"expected keys and values, not {'a list' if isinstance(given, list) else 'a single value'}")
    return given


def _list(given: object) -> list[object]:
    if not isinstance(given, list):
        raise ValueError(f"expected a list, not {'a mapping' if isinstance(given, dict) else 'a single value'}")
    return given


Entries = Annotated[dict[str, Any], BeforeValidator(mapping)]
Patterns = Annotated[tuple[Annotated[str, BeforeValidator(words.pattern)], ...], BeforeValidator(words.one_or_more)]
NodePatterns = Annotated[
    tuple[Annotated[str, BeforeValidator(words.node_pattern)], ...], BeforeValidator(words.one_or_more)
]
Statuses = Annotated[tuple[Annotated[str, BeforeValidator(words.status)], ...], BeforeValidator(words.one_or_more)]
Word = Annotated[str, BeforeValidator(words.filled)]
Words = Annotated[tuple[Word, ...], BeforeValidator(words.one_or_more)]
Switch = Annotated[bool, BeforeValidator(words.switch)]
Share = Annotated[float, BeforeValidator(quantities.share)]
ASeverity = Annotated[Severity, BeforeValidator(words.one_of(*Severity))]
Severities = Annotated[tuple[ASeverity, ...], BeforeValidator(words.one_or_more)]


class Section(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    may_be_empty: ClassVar[frozenset[str]] = frozenset()
    """Keys that may stand there with nothing behind them, as when all lines below were commented out."""

    def given(self) -> dict[str, Any]:
        """What the document says, under the fields' own names, without what was filled in."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class TopSection(Section):
    """The whole document."""

    may_be_empty = frozenset({"rules", "services", "lifecycle", "channels", "routes"})

    rules: Entries = {}
    services: Entries = {}
    only_listed_services: Switch = False
    max_services: Annotated[int, BeforeValidator(quantities.whole(1, 100_000))] = 1000
    lifecycle: Entries = {}
    channels: Entries = {}
    routes: Annotated[list[Any], BeforeValidator(_list)] = []


class RuleSection(Section):
    """One rule. None is a key that is not given: it is inherited, or has the default of the rule's kind."""

    kind: Annotated[Kind, BeforeValidator(words.one_of(*Kind))] | None = None
    unit: Annotated[Unit, BeforeValidator(words.one_of(*Unit))] | None = None
    status: Statuses | None = None
    field: Annotated[str, BeforeValidator(words.one_of(*FIELDS))] | None = None
    over: Annotated[float, BeforeValidator(quantities.seconds)] | None = None
    floor: Share | None = None
    min_bad: Annotated[int, BeforeValidator(quantities.whole(1, _MANY))] | None = None
    threshold: Annotated[quantities.Amount, BeforeValidator(quantities.amount)] | None = None
    min_requests: Annotated[int, BeforeValidator(quantities.whole(0, _MANY))] | None = None
    quantile: Annotated[float, BeforeValidator(quantities.quantile)] | None = None
    n_of_m: Annotated[tuple[int, int] | None, BeforeValidator(quantities.n_of_m)] = Field(default=None, alias="for")
    severity: ASeverity | None = None
    escalates: Switch | None = None
    services: Patterns | None = None


def keys_of(section: type[Section]) -> list[str]:
    """The keys as a document spells them."""
    return [field.alias or name for name, field in section.model_fields.items()]


class ServiceSection(Section):
    """A business behind the gateway."""

    may_be_empty = frozenset({"hosts", "labels", "rules"})

    hosts: Patterns = ()
    labels: Entries = {}
    rules: Entries = {}


class LifecycleSection(Section):
    """The timers of an incident, in whole minutes. Zero is allowed where it means never."""

    hold: Annotated[int, BeforeValidator(quantities.minutes(1, _DAY))] | None = None
    max_hold: Annotated[int, BeforeValidator(quantities.minutes(1, _DAY))] | None = None
    relapse_within: Annotated[int, BeforeValidator(quantities.minutes(0, 7 * _DAY))] | None = None
    relapse_hold: Annotated[int, BeforeValidator(quantities.minutes(1, _DAY))] | None = None
    stale_after: Annotated[int, BeforeValidator(quantities.minutes(1, _DAY))] | None = None
    no_traffic_after: Annotated[int, BeforeValidator(quantities.minutes(1, 7 * _DAY))] | None = None
    little_traffic_after: Annotated[int, BeforeValidator(quantities.minutes(1, 7 * _DAY))] | None = None
    min_quiet_requests: Annotated[int, BeforeValidator(quantities.whole(0, _MANY))] | None = None
    link_within: Annotated[int, BeforeValidator(quantities.minutes(0, 30 * _DAY))] | None = None


class RouteSection(Section):
    """Which incidents go to which channels. `match` is read apart: besides three known keys it holds labels."""

    may_be_empty = frozenset({"match"})

    match: Entries = {}
    channels: Words
    stop: Switch = False


class MatchSection(Section):
    """What an incident must be to take a route. Every other key is a label of the service, with its pattern."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[str, BeforeValidator(words.pattern)]]

    service: Patterns = ()
    node: NodePatterns = ()
    severity: Severities = ()
