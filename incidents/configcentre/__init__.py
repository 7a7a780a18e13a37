"""Where the rulebook comes from: one YAML document, read, checked, written and compared.

`load` and `problems` read a document's text; `dump` writes one that loads back to an equal Rulebook; `diff` says in
lines what changed between two. docs/rulebook.md is the document as its writers see it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from incidents.configcentre.channel_options import masked
from incidents.configcentre.checking import TooManyProblems
from incidents.configcentre.difference import diff
from incidents.configcentre.dumping import dump
from incidents.configcentre.reading import Reader
from incidents.configcentre.targets import Outside
from incidents.configcentre.yaml_file import parse
from incidents.domain.errors import BadRulebook
from incidents.domain.rulebook import Channel, Rulebook

__all__ = ["diff", "dump", "load", "masked", "problems"]


def load(
    text: str | bytes,
    source: str,
    version: int = 0,
    *,
    environ: Mapping[str, str] = os.environ,
    secrets: bool = True,
    opens: Callable[[Channel], object] | None = None,
) -> Rulebook:
    """The rulebook of a document; `source` is its name in errors. Raises BadRulebook for the first mistake.

    An empty document is the default rulebook: DEFAULT_RULES, everything to one console channel.

    `environ` is where `${NAME}` in channel options comes from. Without `secrets` nothing is taken from outside, and a
    channel that would is read without its options: for a version of the past, whose secrets may be gone, and for those
    who only judge. `opens` makes an adapter of each channel, so that what only the adapter knows is a mistake with a
    line too; it raises BadSetting.
    """
    rulebook, found = _read(text, source, version, Outside(environ if secrets else None, opens))
    if rulebook is None:
        raise found[0]
    return rulebook


def problems(
    text: str | bytes,
    source: str,
    *,
    environ: Mapping[str, str] = os.environ,
    secrets: bool = True,
    opens: Callable[[Channel], object] | None = None,
) -> list[BadRulebook]:
    """Every mistake of a document, by line, but not more than 100 or so.

    What is not YAML at all is one mistake, the first.
    """
    return _read(text, source, 0, Outside(environ if secrets else None, opens))[1]


def _read(text: str | bytes, source: str, version: int, outside: Outside) -> tuple[Rulebook | None, list[BadRulebook]]:
    try:
        root, found = parse(text, source)
    except BadRulebook as error:
        return None, [error]
    reader = Reader(source, outside)
    rulebook = None
    with suppress(TooManyProblems):
        rulebook = reader.rulebook(root, version)
    found = sorted((*found, *reader.problems), key=lambda problem: problem.line)
    return (None, found) if found else (rulebook, [])
