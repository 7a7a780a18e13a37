"""The recorded traces, what really happened in them, and what Tocsin makes of it, fault by fault.

    python -m tests.trace_table            # prints the table, as it stands in CHANGELOG.md and in the docs

Minutes count from the start of a trace. The truth is known because the faults were switched on by a schedule; see
tests/data/README.md.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from backends.replay import read_logs
from incidents.domain.minute import MINUTE
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.replay import Replay, replay

TRACES = ("train1", "train2")
FORMATS = ("json", "text")
FOLDER = Path(__file__).parent / "data" / "traces"

_WANTS_ONE = ("one_incident", "one_incident_not_many", "policy_short_blip")
"""What these faults should give. The blip: 20 s of errors at full rate, 23 and 27 of them, in two minutes. The rule
asks for 5 bad in two minutes, surely above 1 %: it is told, as somebody's 27 failed requests are no noise."""


class Fault(NamedTuple):
    """One thing done to a service. `nodes`: those at fault, empty for all of them. Minutes are starts, in seconds."""

    id: str
    service: str
    kind: str
    wants_incident: bool
    nodes: tuple[str, ...]
    first_minute: int
    last_minute: int
    published: dict[str, Any]

    def is_covered_by(self, incident: Summary) -> bool:
        """Whether an incident of this service tells of any minute of it."""
        return (
            incident.service == self.service
            and incident.first_minute <= self.last_minute
            and incident.last_minute >= self.first_minute
            and (not self.nodes or not incident.blame.nodes or set(self.nodes) <= set(incident.blame.nodes))
        )


def path(trace: str, name: str) -> str:
    return str(FOLDER / trace / name)


@lru_cache
def truth(trace: str) -> dict[str, Any]:
    """ground_truth.json."""
    found: dict[str, Any] = json.loads((FOLDER / trace / "ground_truth.json").read_text())
    return found


def faults(trace: str) -> Iterator[Fault]:
    """All that was done, in order, the harmless things included."""
    start: int = truth(trace)["event_start_epoch"]
    for fault in truth(trace)["faults"]:
        published = fault.get("published", {})
        first = published.get("onset_minute")
        last = published.get("end_minute")
        named = fault["node"]
        yield Fault(
            id=fault["id"],
            service=fault["service"],
            kind=fault["kind"],
            wants_incident=fault["expect"] in _WANTS_ONE,
            nodes=() if named in ("*", "all", None) else (named,),
            first_minute=start + MINUTE * int(fault["start_minute"] if first is None else first),
            last_minute=start + MINUTE * int(fault["end_minute_scheduled"] if last is None else last),
            published=published,
        )


def rows(trace: str, name: str) -> list[dict[str, str]]:
    """per_minute_node.csv or per_minute_service.csv."""
    with (FOLDER / trace / name).open(newline="") as file:
        return list(csv.DictReader(file))


def counts(text: str) -> dict[str, int]:
    """ "200:74 304:2" -> {"200": 74, "304": 2}."""
    return {status: int(n) for status, n in (item.split(":") for item in text.split())}


@lru_cache
def replayed(*paths: str) -> Replay:
    """These logs in this order through the engine, under the default rules."""
    return replay((lines for lines, _ in read_logs(paths)), Rulebook())


def table() -> Iterator[str]:
    """The table, line by line."""
    head = ("fault", "service", "kind", "node", "truth", "incident", "culprit", "verdict", "bad", "messages", "")
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for trace in TRACES:
        start: int = truth(trace)["event_start_epoch"]
        result = replayed(path(trace, "access.json.log.gz"))
        told: set[str] = set()
        for fault in faults(trace):
            covering = [incident for incident in result.incidents if fault.is_covered_by(incident)]
            told.update(incident.id for incident in covering if fault.wants_incident)
            right = len(covering) == 1 if fault.wants_incident else True
            for incident in covering if fault.wants_incident else [None]:
                yield _row(fault, incident, start, right)
        for extra in (incident for incident in result.incidents if incident.id not in told):
            span = _span(extra.first_minute, extra.last_minute, start)
            yield f"| false: {extra.service} {extra.blame.nodes} {span} |"


def _row(fault: Fault, incident: Summary | None, start: int, right: bool) -> str:
    cells = [fault.id, fault.service, fault.kind, " ".join(fault.nodes) or "all"]
    cells.append(_span(fault.first_minute, fault.last_minute, start))
    if incident is None:
        return "| " + " | ".join([*cells, "none", "", "", "", "", "right"]) + " |"
    mine = [node for node in incident.nodes if not fault.nodes or node.node in fault.nodes]
    cells += [
        _span(incident.first_minute, incident.last_minute, start),
        " ".join(incident.blame.nodes) or incident.blame.kind.value,
        incident.blame.verdict.value,
        f"{sum(node.bad for node in mine)} of {fault.published['bad']}",
        ", ".join(message.kind.value for message in incident.messages),
        "right" if right else "WRONG",
    ]
    return "| " + " | ".join(cells) + " |"


def _span(first: int, last: int, start: int) -> str:
    return f"{(first - start) // MINUTE}-{(last - start) // MINUTE}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
