"""What changed between two rulebooks, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incidents.configcentre.channel_options import SECRETS
from incidents.configcentre.dumping import OFF, as_values
from incidents.domain.rulebook import Rulebook

_Path = tuple[str, ...]


def diff(old: Rulebook, new: Rulebook) -> list[str]:
    """One line for each change, such as `rules.5xx.floor: 1% -> 2%`; none when the two say the same.

    Secrets are compared and never shown.
    """
    return list(_changes(_comparable(old), _comparable(new), ()))


def _comparable(rulebook: Rulebook) -> dict[str, Any]:
    """The document with its routes keyed by their place: their order is what they mean."""
    document = as_values(rulebook, secrets=True)
    return document | {"routes": {f"[{place}]": route for place, route in enumerate(document["routes"])}}


def _changes(old: dict[str, Any], new: dict[str, Any], path: _Path) -> Iterator[str]:
    for key in (*old, *(key for key in new if key not in old)):
        here = (*path, key)
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, here)
        elif _is_entry(here):
            yield f"{_spelled(here)}: {_entry(before, here)} -> {_entry(after, here)}"
        elif here[0] == "channels" and key in SECRETS:
            yield f"{_spelled(here)}: changed (not shown)"
        else:
            yield f"{_spelled(here)}: {_value(before)} -> {_value(after)}"


def _is_entry(path: _Path) -> bool:
    """Whether a whole rule, service, channel or route stands here: one that comes or goes is one line."""
    return (len(path) == 2 and path[0] != "lifecycle") or (len(path) == 4 and path[2] == "rules")


def _entry(entry: Any, path: _Path) -> str:
    if entry is None:
        return "as for all services" if len(path) == 4 else "none"
    if entry == OFF:
        return OFF
    keys = {key: value for key, value in entry.items() if path[0] != "channels" or key not in SECRETS}
    return _value(keys) if keys else "listed"


def _value(value: object) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"({', '.join(f'{key}: {_value(item)}' for key, item in value.items())})"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]" if len(value) != 1 else _value(value[0])
    return str(value)


def _spelled(path: _Path) -> str:
    return ".".join(path).replace("routes.[", "routes[", 1) if path[0] == "routes" else ".".join(path)
