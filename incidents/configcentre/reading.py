"""From the tree of a document to a Rulebook, collecting every mistake on the way."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from incidents.configcentre import outside, words
from incidents.configcentre.channel_options import CHANNEL_TYPES, SECRETS, ChannelSection, options_of
from incidents.configcentre.document import (
    LifecycleSection,
    MatchSection,
    RouteSection,
    RuleSection,
    Section,
    ServiceSection,
    TopSection,
    keys_of,
)
from incidents.configcentre.rules import resolve
from incidents.configcentre.yaml_file import Items, Mapping, Node, Scalar, kind_of, plain
from incidents.domain.errors import BadRulebook
from incidents.domain.rule import DEFAULT_RULES, Rule
from incidents.domain.rulebook import Channel, Lifecycle, Route, Rulebook, Service

_S = TypeVar("_S", bound=Section)
_NOTHING = Mapping(0, {}, {})
_MATCHERS = ("service", "node", "severity")
CONSOLE = Channel("console", "console")
"""Where messages go when no channel is given."""


class Reader:
    """Reads one tree. `problems` is complete after `rulebook`, whose result counts only when there are none."""

    def __init__(self, source: str, environ: AbstractMapping[str, str]) -> None:
        self.source = source
        self.problems: list[BadRulebook] = []
        self._environ = environ

    def rulebook(self, root: Mapping, version: int) -> Rulebook:
        top = self._section(TopSection, root, "")
        rules = self._common_rules(_child(root, "rules"))
        services = self._services(_child(root, "services"), {rule.name: rule for rule in rules})
        channels = self._channels(_child(root, "channels")) or (CONSOLE,)
        # Names from the document, not from what was read: a mistake in a channel is not one in its routes as well.
        names = list(_child(root, "channels").nodes) or [CONSOLE.name]
        labels = {label for service in services for label in service.labels}
        routes = self._routes(root.nodes.get("routes"), names, labels)
        return Rulebook(
            version=version,
            rules=rules,
            services=services,
            channels=channels,
            routes=routes or (Route(tuple(names)),),
            lifecycle=self._lifecycle(_child(root, "lifecycle")),
            max_services=top.max_services if top else 0,
            only_listed_services=bool(top and top.only_listed_services),
        )

    def _problem(self, line: int, path: str, message: str) -> None:
        self.problems.append(BadRulebook(self.source, line, f"{path}: {message}" if path else message))

    def _section(self, model: type[_S], node: Node, path: str) -> _S | None:
        """The section, or None and its mistakes: unknown and missing keys, and values that are not as expected."""
        if not isinstance(node, Mapping):
            self._problem(node.line, path, f"expected keys and values, not {kind_of(node)}")
            return None
        before = len(self.problems)
        values = {}
        for key, child in node.nodes.items():
            if not isinstance(child, Scalar) or child.text is not None:
                values[key] = plain(child)
            elif key not in model.may_be_empty:
                self._problem(child.line, _joined(path, key), "has no value")
        if not issubclass(model, ChannelSection):
            self._no_references(node, path)
        try:
            section = model.model_validate(values)
        except ValidationError as errors:
            for error in errors.errors(include_url=False, include_input=False):
                self._section_problem(error["type"], error["loc"], error.get("ctx", {}), model, node, path)
            return None
        return section if len(self.problems) == before else None

    def _section_problem(
        self,
        kind: str,
        loc: tuple[int | str, ...],
        context: AbstractMapping[str, Any],
        model: type[Section],
        node: Mapping,
        path: str,
    ) -> None:
        key = str(loc[0])
        if kind == "missing":
            if key not in node.nodes:  # else it stands there without a value, which has been said
                self._problem(node.line, path, f"needs `{key}`")
        elif kind == "extra_forbidden":
            self._problem(node.key_lines[key], path, f"unknown key `{key}`{words.closest(key, keys_of(model))}")
        else:
            at: Node = node
            for part in loc:
                if isinstance(at, Mapping) and part in at.nodes:
                    at = at.nodes[str(part)]
                elif isinstance(at, Items) and isinstance(part, int):
                    at = at.nodes[part]
            self._problem(at.line, _joined(path, key), str(context.get("error", kind)))

    def _no_references(self, node: Mapping, path: str) -> None:
        for key, child in node.nodes.items():
            for value in (child, *child.nodes) if isinstance(child, Items) else (child,):
                if isinstance(value, Scalar) and value.text is not None and outside.refers(value.text):
                    message = "${...} is taken in the options of channels only; write the value itself"
                    self._problem(value.line, _joined(path, key), message)

    def _common_rules(self, node: Mapping) -> tuple[Rule, ...]:
        """The defaults in their order, as overridden, then the added rules."""
        found: dict[str, Rule | None] = {rule.name: rule for rule in DEFAULT_RULES}
        for name, child in node.nodes.items():
            rule = self._rule(name, child, node.key_lines[name], "rules", found.get(name), tuple(found))
            found[name] = rule
        return tuple(rule for rule in found.values() if rule is not None)

    def _own_rules(self, node: Mapping, path: str, common: AbstractMapping[str, Rule]) -> dict[str, Rule | None]:
        """The rules of one service. A rule that is off for all starts from its built-in values here."""
        bases = {rule.name: rule for rule in DEFAULT_RULES} | dict(common)
        found = {}
        for name, child in node.nodes.items():
            base = bases.get(name)
            if isinstance(child, Mapping) and "services" in child.nodes:
                self._problem(
                    child.key_lines["services"], f"{path}.{name}", "`services` has no meaning inside a service"
                )
            rule = self._rule(name, child, node.key_lines[name], path, base, tuple(bases))
            # The pattern of the common rule has done its work when a service asks for the rule by name.
            found[name] = rule and Rule(**{**_fields(rule), "services": ()})
        return found

    def _rule(
        self, name: str, node: Node, key_line: int, parent: str, base: Rule | None, known: Sequence[str]
    ) -> Rule | None:
        path = f"{parent}.{name}"
        self._name(name, key_line, parent)
        if isinstance(node, Scalar):
            if node.text is None or not words.is_off(node.text):
                self._problem(node.line, path, "expected keys such as `floor: 2%`, or off")
            elif base is None:
                self._problem(node.line, path, f"there is no such rule to switch off{words.closest(name, known)}")
            return None
        section = self._section(RuleSection, node, path)
        if section is None or not isinstance(node, Mapping):
            return None
        rule, complaints = resolve(section, name, base)
        for key, message in complaints:
            self._problem(node.key_lines.get(key, key_line), _joined(path, key), message)
        return rule

    def _name(self, name: str, line: int, path: str) -> None:
        try:
            words.name(name)
        except ValueError as error:
            self._problem(line, path, str(error))

    def _services(self, node: Mapping, common: AbstractMapping[str, Rule]) -> tuple[Service, ...]:
        found = []
        owners: dict[str, str] = {}
        for name, child in node.nodes.items():
            path = f"services.{name}"
            try:
                words.unpatterned(name)
            except ValueError as error:
                self._problem(node.key_lines[name], "services", str(error))
            if isinstance(child, Scalar) and child.text is None:
                child = _NOTHING  # `checkout:` alone lists a service
            section = self._section(ServiceSection, child, path)
            if not isinstance(child, Mapping):
                continue
            rules = self._own_rules(_child(child, "rules"), f"{path}.rules", common)
            labels = self._labels(_child(child, "labels"), f"{path}.labels")
            hosts = section.hosts if section else ()
            for host in hosts:
                if owners.setdefault(host, name) != name:
                    line = child.nodes["hosts"].line
                    self._problem(line, f"{path}.hosts", f"{words.quoted(host)} already belongs to {owners[host]}")
            found.append(Service(name, hosts, rules, labels))
        return tuple(found)

    def _labels(self, node: Mapping, path: str) -> dict[str, str]:
        found = {}
        self._no_references(node, path)
        for name, child in node.nodes.items():
            self._name(name, node.key_lines[name], path)
            if name in _MATCHERS:
                message = f"the label `{name}` could never be matched: in a route this word means the {name} itself"
                self._problem(node.key_lines[name], path, message)
            if isinstance(child, Scalar) and child.text:
                found[name] = child.text.strip()
            else:
                self._problem(child.line, f"{path}.{name}", "expected some text, such as `team: payments`")
        return found

    def _lifecycle(self, node: Mapping) -> Lifecycle:
        section = self._section(LifecycleSection, node, "lifecycle")
        if section is None:
            return Lifecycle()
        found = Lifecycle(**section.given())
        for smaller, larger in (
            ("hold", "max_hold"),
            ("stale_after", "no_traffic_after"),
            ("hold", "little_traffic_after"),
        ):
            if getattr(found, smaller) > getattr(found, larger):
                key = larger if larger in node.key_lines else smaller
                message = f"`{larger}` must be at least `{smaller}` ({getattr(found, smaller)}m)"
                self._problem(node.key_lines[key], f"lifecycle.{key}", message)
        return found

    def _channels(self, node: Mapping) -> tuple[Channel, ...]:
        found = []
        for name, child in node.nodes.items():
            path = f"channels.{name}"
            self._name(name, node.key_lines[name], "channels")
            if not isinstance(child, Mapping):
                self._problem(child.line, path, f"expected keys such as `type: console`, not {kind_of(child)}")
                continue
            kind = child.nodes.get("type")
            if not isinstance(kind, Scalar) or kind.text is None:
                line = node.key_lines[name] if kind is None else kind.line
                self._problem(line, path, f"needs `type`: {', '.join(CHANNEL_TYPES)}")
                continue
            model = CHANNEL_TYPES.get(kind.text)
            if model is None:
                message = f"there is no channel type {words.quoted(kind.text)}{words.closest(kind.text, CHANNEL_TYPES)}"
                self._problem(kind.line, f"{path}.type", message)
                continue
            section = self._section(model, self._from_outside(child, path), path)
            if section is not None:
                found.append(Channel(name, kind.text, options_of(section), section.language, section.timezone))
        return tuple(found)

    def _from_outside(self, node: Mapping, path: str) -> Mapping:
        """The channel with `${NAME}` and `{file: ...}` replaced. An option that cannot be had is left out, as empty."""
        nodes = {}
        for key, child in node.nodes.items():
            if key in ChannelSection.model_fields:
                nodes[key] = child
                continue
            try:
                nodes[key] = self._value(key, child)
            except ValueError as error:
                self._problem(child.line, _joined(path, key), str(error))
        left_out = {key: Scalar(node.nodes[key].line, None) for key in node.nodes if key not in nodes}
        return Mapping(node.line, nodes | left_out, node.key_lines)

    def _value(self, key: str, node: Node) -> Node:
        if isinstance(node, Scalar) and node.text is not None:
            return Scalar(node.line, outside.filled_in(node.text, self._environ))
        if isinstance(node, Items):
            return Items(node.line, tuple(self._value(key, item) for item in node.nodes))
        if isinstance(node, Mapping) and list(node.nodes) == ["file"]:
            if key not in SECRETS:
                raise ValueError(f"only {', '.join(sorted(SECRETS))} can be read from a file")
            path = node.nodes["file"]
            if not isinstance(path, Scalar) or not path.text:
                raise ValueError("expected the path of a file after `file:`")
            return Scalar(path.line, outside.read_secret(outside.filled_in(path.text, self._environ)))
        return node

    def _routes(self, node: Node | None, channels: Sequence[str], labels: set[str]) -> tuple[Route, ...]:
        found = []
        for number, child in enumerate(node.nodes if isinstance(node, Items) else ()):
            path = f"routes[{number}]"
            section = self._section(RouteSection, child, path)
            match = _child(child, "match")
            matcher = self._section(MatchSection, match, f"{path}.match")
            for label in match.nodes:
                # Any label may be named, also one that no service has yet; but `sevrity` is a slip, and would make a
                # route that never matches.
                near = words.closest(label, (*_MATCHERS, *labels))
                if label not in _MATCHERS and label not in labels and near.startswith(";"):
                    self._problem(match.key_lines[label], f"{path}.match", f"no service has the label `{label}`{near}")
            if section is None or matcher is None:
                continue
            for channel in section.channels:
                if channel not in channels:
                    line = _line_of(child, "channels", channel)
                    message = f"there is no channel `{channel}`{words.closest(channel, channels)}"
                    self._problem(line, f"{path}.channels", message)
            patterns: dict[str, str] = matcher.model_extra or {}
            found.append(
                Route(section.channels, matcher.service, matcher.node, matcher.severity, patterns, section.stop)
            )
        return tuple(found)


def _fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key


def _child(node: Node, key: str) -> Mapping:
    """The mapping under this key, or an empty one: what stands there instead was reported with its section."""
    found = node.nodes.get(key) if isinstance(node, Mapping) else None
    return found if isinstance(found, Mapping) else _NOTHING


def _line_of(node: Node, key: str, text: str) -> int:
    """The line of one value in a list under a key."""
    found = node.nodes[key] if isinstance(node, Mapping) else node
    for item in found.nodes if isinstance(found, Items) else ():
        if isinstance(item, Scalar) and item.text is not None and item.text.strip() == text:
            return item.line
    return found.line
