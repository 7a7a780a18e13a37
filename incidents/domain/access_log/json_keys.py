"""Which keys of a JSON log hold what: learnt from its first lines by name, and believed only if the values agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from incidents.domain.access_log.json_values import TEXT_FIELDS, Value, duration_of, text_of, time_of
from incidents.domain.access_log.names import FIELDS, Field, candidates
from incidents.domain.access_log.request import Malformed

_LIST = r"(?:{0})(?:(?:, | : )(?:{0}))*+(?: : )?"
_ADDRESSES = re.compile(_LIST.format(r"unix:[^\s,]++|[\w.:\[\]\-]++") + "|", re.ASCII)
_STATUSES = re.compile(_LIST.format(r"\d{3}|-") + "|", re.ASCII)
_TIMES = re.compile(_LIST.format(r"\d++\.\d++|\d++|-") + "|", re.ASCII)


class Keys(NamedTuple):
    """The keys in use. Fields that are not in `found` are looked for under `names` all the same, where harmless."""

    names: Mapping[Field, str]
    """A key for every field; of one that was looked at and disbelieved, a key that cannot occur."""
    found: frozenset[Field]
    seconds: bool
    """The time is epoch seconds in every sample line, so the decoder can read it by itself."""
    not_text: frozenset[Field]
    """Text fields that also came as numbers or null: `"upstream_status":200`."""

    def optional(self) -> dict[Field, str]:
        """What stands in for an empty field."""
        return {field: "-" for field in ("service", "host") if field in self.found}


def learn(objects: Sequence[Mapping[str, Value]]) -> Keys:
    """Keys of sample objects. `time` or `status` may be absent from `found`: then this is no access log."""
    chosen: dict[Field, str] = {}
    disbelieved: set[Field] = set()
    for field, names in candidates(key for values in objects for key in values).items():
        plausible = [name for name in names if _plausible(field, [values.get(name) for values in objects])]
        if not plausible:
            disbelieved.add(field)
        elif field == "time":
            # min() is stable: among equally exact ones the first name in the table stays.
            chosen[field] = min(plausible, key=lambda name: _coarseness(values.get(name) for values in objects))
        else:
            chosen[field] = plausible[0]
    return keys_for(chosen, objects, disbelieved)


def keys_for(
    chosen: Mapping[Field, str], objects: Sequence[Mapping[str, Value]] = (), disbelieved: Iterable[Field] = ()
) -> Keys:
    """Keys that are known already (from a log_format, say); sample objects only tell how values are written."""
    gone = set(disbelieved)
    names = {field: chosen.get(field, f"({field}: no such key)" if field in gone else field) for field in FIELDS}
    times = [values.get(names["time"]) for values in objects]
    not_text = (
        field for field in TEXT_FIELDS if any(not isinstance(values.get(names[field], ""), str) for values in objects)
    )
    return Keys(names, frozenset(chosen), all(map(_is_seconds, filter(_given, times))), frozenset(not_text))


def _given(value: Value) -> bool:
    return value is not None and value not in ("", "-")


def _is_seconds(value: Value) -> bool:
    try:
        return 0 <= time_of(value) - float(value) < 1  # type: ignore[arg-type]
    except (Malformed, TypeError, ValueError):
        return False


def _coarseness(values: Iterable[Value]) -> int:
    given = [value for value in values if _given(value)]
    exact = any(_fraction(value) for value in given)
    number = all(map(_is_seconds, given))
    return (0 if exact else 2) + (0 if number else 1)


def _fraction(value: Value) -> bool:
    try:
        return time_of(value) % 1 != 0
    except Malformed:
        return False


def _plausible(field: Field, values: Iterable[Value]) -> bool:
    given = [value for value in values if _given(value)]
    if field in ("time", "status") and not given:
        return False
    return _PLAUSIBLE[field](given)


def _mostly_times(values: list[Value]) -> bool:
    good = 0
    for value in values:
        try:
            time_of(value)
            good += 1
        except Malformed:
            continue
    return good * 2 > len(values)


def _mostly_statuses(values: list[Value]) -> bool:
    return sum(text_of(value).split(".")[0] in _STATUS_TEXTS for value in values) * 2 > len(values)


_STATUS_TEXTS = {f"{number:03}" for number in range(1000)} | {str(number) for number in range(100)}


def _seconds_not_milliseconds(values: list[Value]) -> bool:
    # nginx writes 0.013. Whole numbers throughout are another program's milliseconds: a thousand times too slow.
    numbers = [value for value in map(duration_of, values) if value >= 0]
    written = [value for value in values if isinstance(value, float) or (isinstance(value, str) and "." in value)]
    return bool(written) or not any(numbers)


def _all_match(pattern: re.Pattern[str]) -> Callable[[list[Value]], bool]:
    return lambda values: all(pattern.fullmatch(text_of(value)) for value in values)


def _any_text(values: list[Value]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


# "ua" is an upstream address in one log and a user agent in the next; only the values can tell.
_PLAUSIBLE: dict[Field, Callable[[list[Value]], bool]] = {
    "time": _mostly_times,
    "status": _mostly_statuses,
    "request_time": _seconds_not_milliseconds,
    "service": _any_text,
    "host": _any_text,
    "upstream_addr": _all_match(_ADDRESSES),
    "upstream_status": _all_match(_STATUSES),
    "upstream_response_time": _all_match(_TIMES),
    "request_id": _any_text,
}
