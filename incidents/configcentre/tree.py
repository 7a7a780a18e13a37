"""The tree of a document, built from a YAML parser's events, in which every key and value knows its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from incidents.configcentre.text import LINE_BREAK, UNPRINTABLE
from incidents.domain.errors import BadRulebook

MAX_DEPTH = 32
MAX_VALUE = 4096
"""Characters of one key or value."""
MAX_NODES = 100_000
"""After aliases are followed: ten lines of aliases to aliases make a document of a thousand million values."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_MERGE = "<<"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as text; None when nothing is written there (or `~`, `null`)."""

    line: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their lines and values, in the order of the document."""

    line: int
    nodes: dict[str, Node]
    key_lines: dict[str, int]


Node = Scalar | Items | Mapping


def kind_of(node: Node) -> str:
    """What a person would call this node."""
    if isinstance(node, Scalar):
        return "nothing" if node.text is None else "a single value"
    return "a list" if isinstance(node, Items) else "a mapping"


def plain(node: Node) -> object:
    """The node as text, None, list and dict."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {key: plain(value) for key, value in node.nodes.items()}


@dataclass(slots=True)
class _Open:
    """A collection under construction. `size` counts its values with aliases followed."""

    line: int
    anchor: str | None
    is_map: bool
    items: list[Node] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)
    key: str | None = None
    skip: bool = False
    size: int = 1


@dataclass(slots=True)
class Builder:
    """Events in, tree out."""

    source: str
    root: Node | None = None
    problems: list[BadRulebook] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _documents: int = 0

    def feed(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(line, "a second document begins here; a rulebook is one document")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._no_tag(event.tag, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._no_tag(event.tag, line)
            if self._awaits_key:
                raise self._error(line, "a key must be a single word, not a list or a mapping")
            if self._stack and self._stack[-1].key is not None:
                # The line to mend in `checkout:` with keys below it is that of `checkout:`, not of the first of them.
                line = self._stack[-1].key_lines.get(self._stack[-1].key, line)
            if len(self._stack) >= MAX_DEPTH:
                raise self._error(line, f"nested more than {MAX_DEPTH} deep")
            self._stack.append(_Open(line, event.anchor, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.CollectionEndEvent):
            opened = self._stack.pop()
            node = self._mapping(opened) if opened.is_map else Items(opened.line, tuple(opened.items))
            self._add(node, opened.size, opened.anchor)

    @property
    def _awaits_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_map and self._stack[-1].key is None

    def _error(self, line: int, message: str) -> BadRulebook:
        return BadRulebook(self.source, line, message)

    def _no_tag(self, tag: str | None, line: int) -> None:
        if tag is not None and tag != "!" and tag not in _PLAIN_TAGS:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(line, f"the tag {short} has no meaning in a rulebook; leave it out")

    def _alias(self, anchor: str, line: int) -> None:
        known = self._anchors.get(anchor)
        if self._awaits_key:
            raise self._error(line, f"*{anchor} stands where a key belongs; a name that begins with * needs quotes")
        if any(opened.anchor == anchor for opened in self._stack):
            raise self._error(line, f"*{anchor} stands inside &{anchor} itself")
        if known is None:
            raise self._error(line, f"no &{anchor} comes before *{anchor}; a pattern that begins with * needs quotes")
        self._add(*known, None)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value: str = event.value
        if len(value) > MAX_VALUE:
            raise self._error(line, f"a key or value of more than {MAX_VALUE} characters")
        if self._awaits_key:
            self._key(value, line, merge=bool(event.implicit[0]) and value == _MERGE)
            return
        text = None if event.implicit[0] and value in _NULL else value
        if text is not None and UNPRINTABLE.search(text):
            raise self._error(line, "a control character, written as an escape; values are plain text")
        if text is not None and LINE_BREAK.search(text):
            raise self._error(line, "a line break inside a value; values are one line (for a folded one write >-)")
        self._add(Scalar(line, text), 1, event.anchor)

    def _key(self, key: str, line: int, *, merge: bool) -> None:
        opened = self._stack[-1]
        opened.key = key
        opened.skip = False
        if merge:
            return
        if not key or UNPRINTABLE.search(key) or LINE_BREAK.search(key):
            raise self._error(line, "a key must be one line of text, and not empty")
        if key in opened.key_lines:
            first = opened.key_lines[key]
            self.problems.append(self._error(line, f"`{key}` is already there, in line {first}; keep one of the two"))
            opened.skip = True
        else:
            opened.key_lines[key] = line

    def _add(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self.root = node
            return
        opened = self._stack[-1]
        opened.size += size
        if opened.size > MAX_NODES:
            raise self._error(opened.line, f"more than {MAX_NODES} values once aliases are followed")
        if not opened.is_map:
            opened.items.append(node)
            return
        key, opened.key = opened.key, None
        if key is None or opened.skip:
            return
        if key in opened.key_lines:
            opened.nodes[key] = node
        else:
            opened.merged.append(node)

    def _mapping(self, opened: _Open) -> Mapping:
        """With what `<<` brings in: keys written here win, then those of the mapping named first."""
        for given in _flattened(opened.merged):
            if not isinstance(given, Mapping):
                raise self._error(given.line, f"`<<` takes a mapping, not {kind_of(given)}")
            for key, node in given.nodes.items():
                if opened.nodes.setdefault(key, node) is node:
                    opened.key_lines.setdefault(key, given.key_lines[key])
        return Mapping(opened.line, opened.nodes, opened.key_lines)


def _flattened(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Items):
            yield from node.nodes
        else:
            yield node
