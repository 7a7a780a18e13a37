"""What changed between two rulebooks, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incidents.configcentre.channel_options import SECRETS
from incidents.configcentre.dumping import OFF, as_values
from incidents.domain.rulebook import Rulebook

_NAMED = frozenset({"rules", "services", "channels"})
"""Sections whose entries are told as one line when they come or go."""


def diff(old: Rulebook, new: Rulebook) -> list[str]:
    """One line for each change, such as `rules.5xx.floor: 1% -> 2%`; none when the two say the same.

    Secrets are compared and never shown.
    """
    return list(_changes(as_values(old, secrets=True), as_values(new, secrets=True), ()))


def _changes(old: dict[str, Any], new: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key in (*old, *(key for key in new if key not in old)):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        here = (*path, key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, here)
        elif isinstance(before, list) and isinstance(after, list) and here == ("routes",):
            numbers = range(max(len(before), len(after)))
            routes = ({f"[{i}]": side[i] for i in numbers if i < len(side)} for side in (before, after))
            yield from _changes(*routes, here)
        elif path and path[-1] in _NAMED:
            yield f"{'.'.join(here)}: {_entry(before)} -> {_entry(after)}"
        elif len(here) == 3 and here[0] == "channels" and key in SECRETS:
            yield f"{'.'.join(here)}: changed (not shown)"
        elif isinstance(before, dict) or isinstance(after, dict):
            yield from _changes(before or {}, after or {}, here)
        else:
            yield f"{'.'.join(here)}: {_text(before)} -> {_text(after)}".replace(".[", "[")


def _entry(entry: object) -> str:
    """A whole rule, service or channel."""
    return "none" if entry is None else OFF if entry == OFF else "on"


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
