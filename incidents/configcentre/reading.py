"""From the tree of a document to a Rulebook: rules, services, timers, and the whole of them."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as AbstractMapping

import msgspec

from incidents.configcentre import words
from incidents.configcentre.checking import NOTHING, Check, child_of, joined
from incidents.configcentre.document import MATCHERS, LifecycleSection, RuleSection, ServiceSection, TopSection
from incidents.configcentre.rules import resolve
from incidents.configcentre.targets import Outside, read_channels, read_routes
from incidents.configcentre.tree import Mapping, Node, Scalar
from incidents.domain.errors import BadRulebook
from incidents.domain.rule import DEFAULT_RULES, Rule
from incidents.domain.rulebook import Channel, Lifecycle, Route, Rulebook, Service

CONSOLE = Channel("console", "console")
"""Where messages go when no channel is given."""


class Reader:
    """Reads one tree. `problems` is complete after `rulebook`, whose result counts only when there are none."""

    def __init__(self, source: str, outer: Outside) -> None:
        self._check = Check(source)
        self._outside = outer
        self._broken: set[str] = set()

    @property
    def problems(self) -> list[BadRulebook]:
        return self._check.problems

    def rulebook(self, root: Mapping, version: int) -> Rulebook:
        top = self._check.section(TopSection, root, "")
        rules = self._common_rules(child_of(root, "rules"))
        services = self._services(child_of(root, "services"), {rule.name: rule for rule in rules})
        channels = read_channels(self._check, child_of(root, "channels"), self._outside) or (CONSOLE,)
        # Names from the document, not from what was read: a mistake in a channel is not one in its routes as well.
        names = list(child_of(root, "channels").nodes) or [CONSOLE.name]
        labels = {label for service in services for label in service.labels}
        routes = read_routes(self._check, root.nodes.get("routes"), names, labels)
        return Rulebook(
            version=version,
            rules=rules,
            services=services,
            channels=channels,
            routes=routes or (Route(tuple(names)),),
            lifecycle=self._lifecycle(child_of(root, "lifecycle")),
            max_services=top.max_services if top else 0,
            only_listed_services=bool(top and top.only_listed_services),
        )

    def _common_rules(self, node: Mapping) -> tuple[Rule, ...]:
        """The defaults in their order, as overridden, then the added rules."""
        found: dict[str, Rule | None] = {rule.name: rule for rule in DEFAULT_RULES}
        for name, child in node.nodes.items():
            before = len(self.problems)
            found[name] = self._rule(name, child, node.key_lines[name], "rules", found.get(name), found)
            if len(self.problems) > before:
                self._broken.add(name)
        return tuple(rule for rule in found.values() if rule is not None)

    def _own_rules(self, node: Mapping, path: str, common: AbstractMapping[str, Rule]) -> dict[str, Rule | None]:
        """The rules of one service. A rule that is off for all starts from its built-in values here."""
        bases = {rule.name: rule for rule in DEFAULT_RULES} | dict(common)
        found = {}
        for name, child in node.nodes.items():
            base = bases.get(name)
            if isinstance(child, Mapping) and "services" in child.nodes:
                self._check.problem(
                    child.key_lines["services"], f"{path}.{name}", "`services` has no meaning inside a service"
                )
            rule = self._rule(name, child, node.key_lines[name], path, base, bases)
            # The pattern of the common rule has done its work when a service asks for the rule by name.
            found[name] = rule and msgspec.structs.replace(rule, services=())
        return found

    def _rule(
        self, name: str, node: Node, key_line: int, parent: str, base: Rule | None, known: Collection[str]
    ) -> Rule | None:
        path = f"{parent}.{name}"
        self._check.name(name, key_line, parent)
        if isinstance(node, Scalar):
            if node.text is None or not words.is_off(node.text):
                self._check.problem(node.line, path, "expected keys such as `floor: 2%`, or off")
            elif base is None:
                self._check.problem(node.line, path, f"there is no such rule to switch off{words.closest(name, known)}")
            return None
        section = self._check.section(RuleSection, node, path)
        if section is None or not isinstance(node, Mapping):
            return None
        rule, complaints = resolve(section, name, base, known)
        if name in self._broken:
            return None  # what this rule inherits is not known, and complaints about that would only mislead
        for key, message in complaints:
            self._check.problem(node.key_lines.get(key, key_line), joined(path, key), message)
        return rule

    def _services(self, node: Mapping, common: AbstractMapping[str, Rule]) -> tuple[Service, ...]:
        found = []
        owners: dict[str, str] = {}
        for name, child in node.nodes.items():
            path = f"services.{name}"
            try:
                words.unpatterned(name)
            except ValueError as error:
                self._check.problem(node.key_lines[name], "services", str(error))
            if isinstance(child, Scalar) and child.text is None:
                child = NOTHING  # `checkout:` alone lists a service
            section = self._check.section(ServiceSection, child, path)
            if not isinstance(child, Mapping):
                continue
            rules = self._own_rules(child_of(child, "rules"), f"{path}.rules", common)
            labels = self._labels(child_of(child, "labels"), f"{path}.labels")
            hosts = section.hosts if section else ()
            for host in hosts:
                if owners.setdefault(host, name) != name:
                    line, owner = child.nodes["hosts"].line, owners[host]
                    self._check.problem(line, f"{path}.hosts", f"{words.quoted(host)} already belongs to {owner}")
            found.append(Service(name, hosts, rules, labels))
        return tuple(found)

    def _labels(self, node: Mapping, path: str) -> dict[str, str]:
        found = {}
        self._check.no_references(node, path)
        for name, child in node.nodes.items():
            self._check.name(name, node.key_lines[name], path)
            if name in MATCHERS:
                message = f"the label `{name}` could never be matched: in a route this word means the {name} itself"
                self._check.problem(node.key_lines[name], path, message)
            if isinstance(child, Scalar) and child.text:
                found[name] = child.text.strip()
            else:
                self._check.problem(child.line, f"{path}.{name}", "expected some text, such as `team: payments`")
        return found

    def _lifecycle(self, node: Mapping) -> Lifecycle:
        section = self._check.section(LifecycleSection, node, "lifecycle")
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
                self._check.problem(node.key_lines[key], f"lifecycle.{key}", message)
        return found
