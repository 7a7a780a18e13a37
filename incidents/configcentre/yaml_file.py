"""YAML text into a tree in which every key and value knows its line.

The tree is built from parser events and not by a YAML constructor, for three reasons. Lines are kept, so that every
mistake can be shown where it stands. Scalars stay the text that was written: YAML 1.1 would read `no` as false, `499`
as a number, `010` as 8 and `1:30` as 90, and a service may well be called `no`. Nothing is ever constructed, so a tag
such as `!!python/object` cannot run anything.
"""

from __future__ import annotations

import yaml

from incidents.configcentre.text import LINE_BREAK, checked, decoded
from incidents.configcentre.tree import Builder, Mapping, Scalar, kind_of
from incidents.domain.errors import BadRulebook

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is some 10 times faster; same events, same lines


def parse(text: str | bytes, source: str) -> tuple[Mapping, list[BadRulebook]]:
    """The document's tree, and the mistakes that did not keep it from being read (keys that are there twice).

    Raises BadRulebook where no tree can be made. An empty document is an empty mapping.
    """
    text = checked(text if isinstance(text, str) else decoded(text, source), source)
    builder = Builder(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, source) from None
    except yaml.YAMLError as error:
        raise BadRulebook(source, 0, f"this is not YAML: {' '.join(str(error).split())}") from None
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.text is None):
        root = Mapping(1, {}, {})
    if not isinstance(root, Mapping):
        expected = "expected a mapping such as `rules:`, `services:`, `channels:` at the top of the document"
        raise BadRulebook(source, root.line, f"{expected}, not {kind_of(root)}")
    return root, builder.problems


def _syntax_error(error: yaml.MarkedYAMLError, text: str, source: str) -> BadRulebook:
    """The parser's complaint in the words of a person, at the line to mend.

    What is never closed is only noticed at the end of the file: there the line that opened it is named.
    """
    context, problem = error.context or "", error.problem or "unreadable"
    mark = error.problem_mark or error.context_mark
    opened = error.context_mark
    if opened is not None and ("flow" in context or "quoted" in context):
        what = "the quote opened here is not closed"
        if "quoted" not in context:
            what = "the bracket opened here is not closed, or lacks a comma or quotes inside"
            what += " (${NAME} needs them there)" if "${" in text else ""
        return BadRulebook(source, opened.line + 1, f"this is not YAML: {what}")
    if mark is None:
        return BadRulebook(source, 0, f"this is not YAML: {problem}")
    lines = LINE_BREAK.split(text)
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
