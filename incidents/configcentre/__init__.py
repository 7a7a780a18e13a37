"""Where the rulebook comes from: one YAML document, read, checked, written and compared.

`load` and `problems` read a document's text; `dump` writes one that loads back to an equal Rulebook; `diff` says in
lines what changed between two. docs/rulebook.md is the document as its writers see it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from incidents.configcentre.channel_options import masked
from incidents.configcentre.difference import diff
from incidents.configcentre.dumping import dump
from incidents.configcentre.reading import Reader
from incidents.configcentre.yaml_file import parse
from incidents.domain.errors import BadRulebook
from incidents.domain.rulebook import Rulebook

__all__ = ["diff", "dump", "load", "masked", "problems"]


def load(text: str | bytes, source: str, version: int = 0, *, environ: Mapping[str, str] = os.environ) -> Rulebook:
    """The rulebook of a document; `source` is its name in errors. Raises BadRulebook for the first mistake.

    An empty document is the default rulebook: DEFAULT_RULES, everything to one console channel.
    `environ` is where `${NAME}` in channel options comes from.
    """
    rulebook, found = _read(text, source, version, environ)
    if rulebook is None:
        raise found[0]
    return rulebook


def problems(text: str | bytes, source: str, *, environ: Mapping[str, str] = os.environ) -> list[BadRulebook]:
    """Every mistake of a document, by line. What is not YAML at all is one mistake, the first."""
    return _read(text, source, 0, environ)[1]


def _read(
    text: str | bytes, source: str, version: int, environ: Mapping[str, str]
) -> tuple[Rulebook | None, list[BadRulebook]]:
    try:
        root, found = parse(text, source)
    except BadRulebook as error:
        return None, [error]
    reader = Reader(source, environ)
    rulebook = reader.rulebook(root, version)
    found = sorted((*found, *reader.problems), key=lambda problem: problem.line)
    return (None, found) if found else (rulebook, [])
