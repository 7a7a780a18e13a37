"""YAML text into a tree in which every key and value knows its line.

The tree is built from parser events and not by a YAML constructor, for three reasons. Lines are kept, so that every
mistake can be shown where it stands. Scalars stay the text that was written: YAML 1.1 would read `no` as false, `499`
as a number, `010` as 8 and `1:30` as 90, and a service may well be called `no`. Nothing is ever constructed, so a tag
such as `!!python/object` cannot run anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from incidents.domain.errors import BadRulebook

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000
"""After aliases are followed: ten lines of aliases to aliases make a document of a thousand million values."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is some 10 times faster; same events, same lines

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_MERGE = "<<"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


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


def parse(text: str | bytes, source: str) -> tuple[Mapping, list[BadRulebook]]:
    """The document's tree, and the mistakes that did not keep it from being read (keys that are there twice).

    Raises BadRulebook where no tree can be made. An empty document is an empty mapping.
    """
    text = _readable(text if isinstance(text, str) else _decoded(text, source), source)
    builder = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, source) from None
    except yaml.YAMLError as error:
        raise BadRulebook(source, 0, f"this is not YAML: {error}") from None
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.text is None):
        root = Mapping(1, {}, {})
    if not isinstance(root, Mapping):
        expected = "expected a mapping such as `rules:`, `services:`, `channels:` at the top of the document"
        raise BadRulebook(source, root.line, f"{expected}, not {kind_of(root)}")
    return root, builder.problems


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


def _decoded(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise _too_large(source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line_at(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise BadRulebook(source, line, message) from None


def _readable(text: str, source: str) -> str:
    # The first comparison is cheap and spares the second a copy of something huge.
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _too_large(source)
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        what = "a NUL byte" if found[0] == "\0" else f"the control character U+{ord(found[0]):04X}"
        raise BadRulebook(source, _line_at(text[: found.start()]), f"{what} does not belong into a text file")
    return text


def _too_large(source: str) -> BadRulebook:
    return BadRulebook(source, 0, f"the document is larger than {MAX_BYTES // 1024} KiB")


def _line_at(before: str) -> int:
    return 1 + len(_LINE_BREAK.findall(before))


def _syntax_error(error: yaml.MarkedYAMLError, text: str, source: str) -> BadRulebook:
    """The parser's complaint in the words of a person, at the line to mend.

    What is never closed is only noticed at the end of the file: there the line that opened it is named.
    """
    context, problem = error.context or "", error.problem or "unreadable"
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark
    if opened is not None and ("flow" in context or "quoted" in context):
        quote = "quoted" in context
        what = "the quote opened here is not closed" if quote else "the bracket opened here is not closed"
        if "${" in text:
            what += "; a ${NAME} inside brackets must stand in quotes"
        return BadRulebook(source, opened.line + 1, f"this is not YAML: {what}")
    if mark is None:
        return BadRulebook(source, 0, f"this is not YAML: {problem}")
    lines = _LINE_BREAK.split(text)
    here = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if here.startswith("\t"):
        message = "a tab; indent with spaces"
    elif "alias" in context:
        message = "a value that begins with * must stand in quotes"
    elif here[:1] in ("@", "`", "%"):
        message = f"a value that begins with {here[0]} must stand in quotes"
    elif "mapping values" in problem:
        message = "a second `:` in one value, or a line indented too far; put the value in quotes or mend the indent"
    elif "block" in context:
        message = "indented differently from the lines above it"
    else:
        message = problem
    return BadRulebook(source, mark.line + 1, f"this is not YAML: {message}")


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
class _Builder:
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
        if self._awaits_key:
            self._key(value, line, merge=bool(event.implicit[0]) and value == _MERGE)
            return
        text = None if event.implicit[0] and value in _NULL else value
        if text is not None and _UNPRINTABLE.search(text):
            raise self._error(line, "a control character, written as an escape; values are plain text")
        if text is not None and _LINE_BREAK.search(text):
            raise self._error(line, "a line break inside a value; values are one line (for a folded one write >-)")
        self._add(Scalar(line, text), 1, event.anchor)

    def _key(self, key: str, line: int, *, merge: bool) -> None:
        opened = self._stack[-1]
        opened.key = key
        opened.skip = False
        if merge:
            return
        if not key or _UNPRINTABLE.search(key) or _LINE_BREAK.search(key):
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
