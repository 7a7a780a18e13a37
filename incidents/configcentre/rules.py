"""What a rule's section means: which keys its kind takes, what it inherits, and the rule that comes of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from incidents.configcentre import quantities, words
from incidents.configcentre.document import FIELDS, RuleSection
from incidents.domain.rule import Kind, Rule

TAKES: dict[Kind, tuple[str, ...]] = {
    Kind.EVIDENCE: ("floor", "min_bad"),
    Kind.RATIO: ("threshold", "min_requests"),
    Kind.COUNT: ("threshold",),
    Kind.QUANTILE: ("quantile", "min_requests"),
}
"""The keys that belong to one kind or another; all other keys go with every kind."""

_ONE_KINDS_KEYS = ("floor", "min_bad", "threshold", "min_requests", "quantile")
_DEFAULTS = Rule("")


class Complaint(NamedTuple):
    """A mistake inside a section, at the line of one of its keys."""

    key: str
    message: str


def resolve(
    given: RuleSection, name: str, base: Rule | None, known: Collection[str]
) -> tuple[Rule | None, list[Complaint]]:
    """The rule, or None and what is wrong with its section. Keys not given come from `base`.

    `known` are the names of the rules there are: who means one of them and misspells it has made a new rule.

    A rule of another kind than its base inherits nothing that belongs to the base's kind: a threshold of 100 lines is
    no threshold of a share.
    """
    kind = given.kind or (base.kind if base else Kind.EVIDENCE)
    complaints = [*_wrong_for_kind(given, kind), *_wrong_watch(given, name, base, kind, known)]
    same_kind = base is not None and base.kind is kind
    values: dict[str, Any] = msgspec.structs.asdict(base) if base else {}
    values |= {"name": name, "kind": kind}
    for key in _ONE_KINDS_KEYS:
        if key not in TAKES[kind] or not same_kind:
            values.pop(key, None)  # so that equal documents make equal rules
    written = given.given()
    field = written.pop("field", None)
    threshold = written.pop("threshold", None)
    values |= written
    if field is not None:
        values["unit"] = FIELDS[field]
    if threshold is not None and "threshold" in TAKES[kind]:
        try:
            values["threshold"] = (
                quantities.number_of(threshold) if kind is Kind.COUNT else quantities.share_of(threshold)
            )
        except ValueError as error:
            complaints.append(Complaint("threshold", str(error)))
    elif "threshold" in TAKES[kind] and "threshold" not in values:
        example = "100" if kind is Kind.COUNT else "5%"
        complaints.append(Complaint("", f"kind {kind} needs `threshold`, such as {example}"))
    if complaints:
        return None, complaints
    values["status"] = tuple(dict.fromkeys(values.get("status", ())))
    return Rule(**values), []


def _wrong_for_kind(given: RuleSection, kind: Kind) -> list[Complaint]:
    takes = " and ".join(f"`{key}`" for key in TAKES[kind])
    found = []
    for key in _ONE_KINDS_KEYS:
        if getattr(given, key) is not None and key not in TAKES[kind]:
            others = " or ".join(f"`kind: {other}`" for other, keys in TAKES.items() if key in keys)
            found.append(Complaint(key, f"does not go with kind {kind}, which takes {takes}; it needs {others}"))
    return found


def _wrong_watch(
    given: RuleSection, name: str, base: Rule | None, kind: Kind, known: Collection[str]
) -> list[Complaint]:
    """A rule watches statuses or a time, never both and never neither."""
    timed_base = base is not None and base.over is not None
    if base is not None:
        if timed_base and given.status is not None:
            message = f"`{name}` watches a time; for a rule on statuses take a name of its own"
            return [Complaint("status", message)]
        if not timed_base and (given.field is not None or given.over is not None):
            key = "field" if given.field is not None else "over"
            message = f"`{name}` watches statuses; for a rule on a time take a name of its own, with `field` and `over`"
            return [Complaint(key, message)]
    timed = timed_base or given.field is not None
    if given.status is not None and given.field is not None:
        return [Complaint("field", "a rule watches `status` or `field`, not both")]
    if given.over is not None and not timed:
        return [Complaint("over", f"needs `field` beside it: {' or '.join(FIELDS)}")]
    if given.status is None and not timed and base is None:
        near = words.closest(name, known)
        hint = near if near.startswith(";") else ""
        return [Complaint("", f"needs `status`, such as 5xx, or `field` and `over`, to know what to watch{hint}")]
    found = []
    if timed and not timed_base and given.over is None:
        found.append(Complaint("field", "needs `over` beside it: the time above which one is slow, such as 800ms"))
    if timed and given.unit is not None:
        found.append(Complaint("unit", "follows from `field` in a rule on a time; leave it out"))
    if not timed and kind is Kind.QUANTILE:
        key = "kind" if given.kind is not None else ""
        found.append(Complaint(key, "kind quantile watches a time: it needs `field` and `over`, not `status`"))
    return found
