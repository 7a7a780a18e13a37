"""A log_format as one regular expression that takes time linear in the line, whatever the line holds.

Each variable is one step that never gives back what it took (possessive quantifiers, Python 3.11). A variable of known
shape takes that shape. One that may hold anything goes on to the first place where all that is certain to follow does:
the literal after it, variables of known shape after that, the next literal, up to the next unknown; so a user name with
spaces, or one that imitates what follows, ends where it should.
In every mode but escape=none nginx escapes quotes, so no value can run past one: what a client sends cannot forge
fields behind it. With escape=none it can, which is why nginx's manual advises against it.

The expressions are for text that was decoded as latin-1, one character for each byte: that costs one call a line
instead of one for every field, and no byte is invalid in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from incidents.domain.access_log.escapes import Escape
from incidents.domain.access_log.log_format import Literal, LogFormat, Variable
from incidents.domain.access_log.names import Field, field_of
from incidents.domain.access_log.variables import BUILT_IN_PREFIXES, SHAPES, SOURCES, Shape
from incidents.domain.errors import UnknownFormat

END = r"[\r\n]*+"
_LABEL = re.compile(r"([A-Za-z_@][\w.@-]*)[\"']?\s*[=:]\s*[\"'\[]?\Z", re.ASCII)
_FLAGS = re.ASCII | re.DOTALL
Shapes = Mapping[str, Shape]
Tokens = Sequence[Literal | Variable]


class Pattern(NamedTuple):
    """A compiled format. Each field's text is in the group of the field's name; only `variables` have one."""

    regex: re.Pattern[str]
    unescaped: re.Pattern[str]
    """The same for lines without any backslash, which are most and can be matched twice as fast."""
    variables: Mapping[Field, str]
    escape: Escape


def compile_pattern(log_format: LogFormat, shapes: Shapes = SHAPES, end: str = END) -> Pattern:
    """Raises UnknownFormat when the format has no time or status, or cannot be taken apart again."""
    variables = fields_of(log_format.tokens)
    _check_neighbours(log_format.tokens, shapes)
    return Pattern(
        re.compile(_Steps(log_format, shapes, backslashes=True).joined(variables) + end, _FLAGS),
        re.compile(_Steps(log_format, shapes, backslashes=False).joined(variables) + end, _FLAGS),
        variables,
        log_format.escape,
    )


def fields_of(tokens: Tokens) -> dict[Field, str]:
    """The variable that each field is read from. Raises UnknownFormat without a time or a status."""
    names = [token.name for token in tokens if isinstance(token, Variable)]
    found: dict[Field, str] = {}
    for field, sources in SOURCES.items():
        name = next((source for source in sources if source in names), None) or _custom(field, tokens)
        if name is not None:
            found[field] = name
    if "time" not in found:
        raise UnknownFormat("log_format: no time in it; add $msec (best), $time_iso8601 or $time_local")
    if "status" not in found:
        raise UnknownFormat("log_format: no $status in it; add it")
    return found


def _custom(field: Field, tokens: Tokens) -> str | None:
    """A variable of the user's own (by map or set), known by its name, or by the label in front of it."""
    if field not in ("service", "request_id"):
        return None
    for i, token in enumerate(tokens):
        if isinstance(token, Literal) or token.name in SHAPES:
            continue
        if field_of(token.name) == field:
            return token.name
        before = tokens[i - 1] if i else None
        label = _LABEL.search(before.text) if isinstance(before, Literal) else None
        if label and field_of(label.group(1)) == field and not token.name.startswith(BUILT_IN_PREFIXES):
            return token.name
    return None


def _check_neighbours(tokens: Tokens, shapes: Shapes) -> None:
    for left, right in pairwise(tokens):
        if isinstance(left, Variable) and isinstance(right, Variable):
            shape = shapes.get(left.name)
            if shape is None or not shape.fixed:
                raise UnknownFormat(
                    f"log_format: nothing stands between ${left.name} and ${right.name}, so nobody can tell where the "
                    f"first ends; put a space or quotes between them"
                )


class _Steps:
    """Turns tokens into steps of an expression, one a token."""

    def __init__(self, log_format: LogFormat, shapes: Shapes, *, backslashes: bool) -> None:
        self._tokens = log_format.tokens
        self._shapes = shapes
        self._quotes_are_safe = log_format.escape != "none"
        self._may_be_empty = log_format.escape != "default"
        self._backslashes = backslashes and self._quotes_are_safe

    def joined(self, variables: Mapping[Field, str]) -> str:
        names: dict[str, Field] = {name: field for field, name in variables.items()}
        parts: list[str] = []
        for i, token in enumerate(self._tokens):
            if isinstance(token, Literal):
                parts.append(re.escape(token.text))
                continue
            # A variable may stand twice; its first place is as good as any.
            field = names.pop(token.name, None)
            parts.append(f"(?P<{field}>{self._step(i, token)})" if field else self._step(i, token))
        return "".join(parts)

    def _step(self, i: int, token: Variable) -> str:
        shape = self._shapes.get(token.name)
        first = self._literal(i + 1)[:1]
        in_quotes = self._quotes_are_safe and first == '"' and self._literal(i - 1).endswith('"')
        if shape is None or (shape.listed and in_quotes):
            return self._anything(first, i)
        return self._list(shape, first, i) if shape.listed else self._one(shape)

    def _literal(self, i: int) -> str:
        token = self._tokens[i] if 0 <= i < len(self._tokens) else None
        return token.text if isinstance(token, Literal) else ""

    def _one(self, shape: Shape) -> str:
        return f"(?:{shape.pattern})?+" if self._may_be_empty and not shape.fixed else shape.pattern

    def _certain(self, i: int) -> str:
        """What must follow from token i on, as far as its length is bounded: looking for it stays linear."""
        parts: list[str] = []
        for token in self._tokens[i:]:
            if isinstance(token, Literal):
                parts.append(re.escape(token.text))
                continue
            shape = self._shapes.get(token.name)
            if shape is None or not shape.bounded:
                break
            parts.append(self._one(shape))
            if shape.listed:
                break
        else:
            parts.append(rf"{END}\Z")
        return "".join(parts)

    def _anything(self, first: str, i: int) -> str:
        """Any value, up to the literal that begins with `first` and all that is certain to follow ("": end of line)."""
        # Raw line ends are left to the end of the pattern: they are not the value's.
        stop = re.escape(first) if first else (r"\"\r\n" if self._quotes_are_safe else r"\r\n")
        plain = rf"[^\\{stop}]*+" if self._backslashes else f"[^{stop}]*+"
        escaped = rf"\\.{plain}"
        certain = self._certain(i + 1)
        if not first or certain == stop or (first == '"' and self._quotes_are_safe):
            return f"{plain}(?:{escaped})*+" if self._backslashes else plain
        beyond = '[^"]' if self._quotes_are_safe else "."
        if self._backslashes:
            return rf"{plain}(?:{escaped}|(?!{certain})[^\"\\]{plain})*+"
        return f"{plain}(?:(?!{certain}){beyond}{plain})*+"

    def _list(self, shape: Shape, first: str, i: int) -> str:
        """Values joined with ", " and " : ". What follows may begin like a separator, or like a part of an address."""
        certain = self._certain(i + 1)
        item = shape.pattern
        if first and first not in ' "' and item.startswith("[^"):
            item = rf"(?:(?!{certain})[^\s,\"]){{1,255}}+"
        joined = rf"{item}(?:(?!{certain})(?:, | : ){item})*+(?:(?!{certain}) : )?+"
        return f"(?:{joined})?+" if self._may_be_empty else joined
