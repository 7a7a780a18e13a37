"""The list of mistakes of one document, and the check of a section against its model that fills it."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as AbstractMapping
from typing import Any, TypeVar

from pydantic import ValidationError

from incidents.configcentre import outside, words
from incidents.configcentre.channel_options import ChannelSection
from incidents.configcentre.document import Section, keys_of
from incidents.configcentre.tree import Items, Mapping, Node, Scalar, kind_of, plain
from incidents.domain.errors import BadRulebook

_S = TypeVar("_S", bound=Section)
NOTHING = Mapping(0, {}, {})


MAX_PROBLEMS = 100


class TooManyProblems(Exception):
    """Ends the reading of what was never a rulebook: a hint for each of 30,000 unknown names would take minutes."""


class Check:
    """Collects mistakes. One mistake does not end the reading: who mends one wants to see the others too."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[BadRulebook] = []

    def problem(self, line: int, path: str, message: str) -> None:
        self.problems.append(BadRulebook(self.source, line, f"{path}: {message}" if path else message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyProblems

    def name(self, name: str, line: int, path: str) -> None:
        try:
            words.name(name)
        except ValueError as error:
            self.problem(line, path, str(error))

    def section(self, model: type[_S], node: Node, path: str, told: Collection[str] = ()) -> _S | None:
        """The section, or None and its mistakes: unknown and missing keys, and values that are not as expected.

        `told` are keys whose mistakes are known already.
        """
        if not isinstance(node, Mapping):
            self.problem(node.line, path, f"expected keys and values, not {kind_of(node)}")
            return None
        before = len(self.problems)
        if not issubclass(model, ChannelSection):
            told = self.no_references(node, path)
        values = {}
        for key, child in node.nodes.items():
            if isinstance(child, Scalar) and child.text is None:
                if key not in model.may_be_empty:
                    self.problem(child.line, joined(path, key), "has no value")
            elif key not in told:
                values[key] = plain(child)
        try:
            section = model.model_validate(values)
        except ValidationError as errors:
            for error in errors.errors(include_url=False, include_input=False):
                self._mistake(error["type"], error["loc"], error.get("ctx", {}), model, node, path)
            return None
        return section if len(self.problems) == before and not told else None

    def _mistake(
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
                self.problem(node.line, path, f"needs `{key}`")
        elif kind == "extra_forbidden":
            self.problem(node.key_lines[key], path, f"unknown key `{key}`{words.closest(key, keys_of(model))}")
        else:
            at: Node = node
            for part in loc:
                if isinstance(at, Mapping) and part in at.nodes:
                    at = at.nodes[str(part)]
                elif isinstance(at, Items) and isinstance(part, int):
                    at = at.nodes[part]
            self.problem(at.line, joined(path, key), str(context.get("error", kind)))

    def no_references(self, node: Mapping, path: str) -> set[str]:
        """The keys whose values take something from outside where nothing is taken; each is a mistake."""
        found = set()
        for key, child in node.nodes.items():
            for value in (child, *child.nodes) if isinstance(child, Items) else (child,):
                if isinstance(value, Scalar) and value.text is not None and outside.refers(value.text):
                    message = "${...} is taken in the options of channels only; write the value itself"
                    self.problem(value.line, joined(path, key), message)
                    found.add(key)
        return found


def joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key


def child_of(node: Node, key: str) -> Mapping:
    """The mapping under this key, or an empty one: what stands there instead was reported with its section."""
    found = node.nodes.get(key) if isinstance(node, Mapping) else None
    return found if isinstance(found, Mapping) else NOTHING
