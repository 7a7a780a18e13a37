"""Reading a log_format as it stands in nginx.conf: pieces, escapes, variables. No pattern is made here."""

from __future__ import annotations

import re
from typing import NamedTuple, cast

from incidents.domain.access_log.escapes import Escape
from incidents.domain.errors import UnknownFormat


class Literal(NamedTuple):
    """Text that stands in every line."""

    text: str


class Variable(NamedTuple):
    """$name or ${name}."""

    name: str


class LogFormat(NamedTuple):
    """A format and how its values are escaped. Neighbouring literals are one."""

    template: str
    escape: Escape
    tokens: tuple[Literal | Variable, ...]


_HEAD = re.compile(r"\s*(?:log_format\s+(?!escape=)[^\s'\"$;]+\s+)?(?:escape=(\w+)\s+)?", re.ASCII)
_PIECE = re.compile(r"""\s*(?:#[^\n]*\n\s*)*(?:'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)"|([^\s;'"]++))""", re.DOTALL)
_END = re.compile(r"\s*(?:;\s*(?:#[^\n]*\s*)?)?\Z")
_CONF_ESCAPE = re.compile(r"""\\(['"\\trn])""")
_CONTROL = {"t": "\t", "r": "\r", "n": "\n"}
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))|([^$]++)|(\$)")


def read_log_format(text: str) -> LogFormat:
    """Takes the bare format string, quoted pieces, or the whole directive; raises UnknownFormat."""
    head = _HEAD.match(text)
    assert head is not None  # noqa: S101 - every part of the pattern is optional
    escape = head.group(1) or "default"
    if escape not in ("default", "json", "none"):
        raise UnknownFormat(f"log_format: escape={escape} is unknown; nginx has default, json and none")
    body = text[head.end() :]
    # A bare string may begin with a double quote of its own ("$request" $status), but hardly with a single one.
    template = _pieces(body) if head.group().strip() or body.startswith("'") else body.strip()
    return LogFormat(template, cast(Escape, escape), _tokens(template))


def _pieces(body: str) -> str:
    found: list[str] = []
    at = 0
    while not _END.match(body, at):
        piece = _PIECE.match(body, at)
        if piece is None:
            raise UnknownFormat(
                f"log_format: cannot read {body[at : at + 40].strip()!r}; give one directive, quotes closed"
            )
        found.append(next(part for part in piece.groups() if part is not None))
        at = piece.end()
    return _CONF_ESCAPE.sub(lambda m: _CONTROL.get(m.group(1), m.group(1)), "".join(found))


def _tokens(template: str) -> tuple[Literal | Variable, ...]:
    tokens: list[Literal | Variable] = []
    for match in _VARIABLE.finditer(template):
        braced, plain, literal, lone = match.groups()
        if lone:
            raise UnknownFormat(f"log_format: a lone $ at {template[match.start() :][:20]!r}; write $name or ${{name}}")
        tokens.append(Literal(literal) if literal else Variable(braced or plain))
    return tuple(tokens)
