"""A rulebook as plain values in the document's own words, and as YAML text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from incidents.configcentre import outside, quantities
from incidents.configcentre.channel_options import document_options
from incidents.configcentre.document import FIELDS
from incidents.configcentre.rules import TAKES
from incidents.domain.rule import DEFAULT_RULES, Kind, Rule
from incidents.domain.rulebook import Channel, Lifecycle, Route, Rulebook, Service

OFF = "off"

_COUNTS = frozenset({"min_quiet_requests"})  # the one entry of the lifecycle that is no duration
_FIELD_OF = {unit: field for field, unit in FIELDS.items()}


def dump(rulebook: Rulebook, *, secrets: bool = False) -> str:
    """The document of a rulebook with nothing left to defaults.

    With `secrets` it loads back to an equal rulebook (but for the version, which no document holds). Without, secrets
    are masked, and where there is one the document must be completed before it can be loaded.
    """
    document = as_values(rulebook, secrets=secrets)
    return yaml.dump(_spelled(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


def as_values(rulebook: Rulebook, *, secrets: bool = False) -> dict[str, Any]:
    """The document as dict, list, text, int and bool; every section is there, empty ones too."""
    rules: dict[str, Any] = {rule.name: OFF for rule in DEFAULT_RULES}
    rules |= {rule.name: rule_values(rule) for rule in rulebook.rules}
    return {
        "rules": rules,
        "services": {service.name: _service(service) for service in rulebook.services},
        "only_listed_services": rulebook.only_listed_services,
        "max_services": rulebook.max_services,
        "lifecycle": _lifecycle(rulebook.lifecycle),
        "channels": {channel.name: _channel(channel, secrets) for channel in rulebook.channels},
        "routes": [_route(route) for route in rulebook.routes],
    }


def rule_values(rule: Rule) -> dict[str, Any]:
    """One rule with every key that its kind takes."""
    found: dict[str, Any] = {"kind": rule.kind.value}
    if rule.over is not None:
        found |= {"field": _FIELD_OF[rule.unit], "over": quantities.seconds_text(rule.over)}
    else:
        found |= {"status": list(rule.status), "unit": rule.unit.value}
    texts: dict[str, Any] = {
        "floor": quantities.share_text(rule.floor),
        "min_bad": rule.min_bad,
        "threshold": int(rule.threshold) if rule.kind is Kind.COUNT else quantities.share_text(rule.threshold),
        "min_requests": rule.min_requests,
        "quantile": quantities.quantile_text(rule.quantile),
    }
    found |= {key: texts[key] for key in TAKES[rule.kind]}
    found |= {"for": quantities.n_of_m_text(rule.n_of_m), "severity": rule.severity.value, "escalates": rule.escalates}
    if rule.services:
        found["services"] = list(rule.services)
    return found


def _service(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if service.hosts:
        found["hosts"] = list(service.hosts)
    if service.labels:
        found["labels"] = dict(service.labels)
    if service.rules:
        found["rules"] = {name: rule_values(rule) if rule else OFF for name, rule in service.rules.items()}
    return found


def _lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    timers: dict[str, int] = msgspec.structs.asdict(lifecycle)
    return {name: n if name in _COUNTS else quantities.duration_text(n) for name, n in timers.items()}


def _channel(channel: Channel, secrets: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"type": channel.kind}
    found |= {name: _option(value) for name, value in document_options(channel, secrets=secrets).items()}
    return found | {"language": channel.language, "timezone": channel.timezone}


def _option(value: object) -> object:
    if isinstance(value, str):
        return outside.escaped(value)
    if isinstance(value, Mapping):
        return {name: _option(item) for name, item in value.items()}
    return [_option(item) for item in value] if isinstance(value, tuple | list) else value


def _route(route: Route) -> dict[str, Any]:
    patterns = {"service": route.services, "node": route.nodes, "severity": tuple(map(str, route.severities))}
    match: dict[str, Any] = {name: list(found) for name, found in patterns.items() if found}
    match |= route.labels
    found: dict[str, Any] = {"match": match} if match else {}
    found["channels"] = list(route.channels)
    return found | ({"stop": True} if route.stop else {})


class _Off:
    """`off` without quotes: YAML 1.1 has it as a boolean, and a text of that spelling would be quoted."""


class _Dumper(yaml.SafeDumper):
    """Writes lists in one line and mappings in several, and never aliases: the same dict twice is a coincidence."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Off, lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:bool", OFF))
_Dumper.add_representer(
    list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=_is_flat(items))
)


def _is_flat(items: list[Any]) -> bool:
    return not any(isinstance(item, dict) for item in items)


def _spelled(document: dict[str, Any]) -> dict[str, Any]:
    """The document with `499: off` as people write it, not `'499': 'off'`, and without empty sections."""
    found = {section: value for section, value in document.items() if value not in ({}, [])}
    found["rules"] = _spelled_rules(document["rules"])
    for name, service in document["services"].items():
        if "rules" in service:
            found["services"] = found["services"] | {name: service | {"rules": _spelled_rules(service["rules"])}}
    return found


def _spelled_rules(rules: dict[str, Any]) -> dict[Any, Any]:
    return {_spelled_word(name): _Off() if rule == OFF else _spelled_rule(rule) for name, rule in rules.items()}


def _spelled_rule(rule: dict[str, Any]) -> dict[str, Any]:
    found = rule | ({"status": [_spelled_word(status) for status in rule["status"]]} if "status" in rule else {})
    return found | ({"for": _Off()} if rule["for"] == OFF else {})


def _spelled_word(word: str) -> str | int:
    return int(word) if word.isascii() and word.isdecimal() and str(int(word)) == word else word
