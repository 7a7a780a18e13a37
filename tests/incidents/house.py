"""One collector and one evaluator over a database, with a clock and a log that the test holds in its hands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import msgspec
from sqlalchemy import Connection
from sqlmodel import SQLModel

from backends.base import Backend, Batch
from incidents.domain.access_log import parser_for
from incidents.domain.fold import Fold, MinuteKey
from incidents.domain.minute import MINUTE, ServiceTally
from incidents.domain.rulebook import Channel, Rulebook
from incidents.evaluate import Clocks, Closed, close_minutes
from incidents.ingest import Ingest
from incidents.store import Store, minutes, outbox, positions
from incidents.store import incidents as incident_store

START = 1_772_409_600
LATENESS = 5
SOURCE = "list:"
TOLD = Rulebook(channels=(Channel("ops", "console"), Channel("chat", "console")))


def line(minute: int, second: int, status: int = 200, node: str = "10.0.0.1:80", number: int = 0) -> bytes:
    """One request to the service `pay`, in minute and second from START on."""
    request = {
        "time": f"{START + minute * MINUTE + second}.000",
        "service": "pay",
        "status": status,
        "request_time": 0.01,
        "upstream_addr": node,
        "upstream_status": str(status),
        "upstream_response_time": "0.010",
        "request_id": f"{minute}-{second}-{status}-{number}",
    }
    return json.dumps(request).encode()


def a_fault(first: int = 3, last: int = 5, until: int = 20) -> list[bytes]:
    """Node 1 of three fails half of its requests from minute `first` to `last`; the log goes on to minute `until`."""
    nodes = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
    return [
        line(minute, second, 502 if first <= minute <= last and second % 6 == 0 else 200, nodes[second % 3])
        for minute in range(until)
        for second in range(60)
    ]


class ListBackend(Backend):
    """Hands out a list of lines; its positions are indexes. Two of them over one list are two collectors."""

    unit: ClassVar[str] = "lines"

    def __init__(self, lines: Sequence[bytes], partition: str = "p0") -> None:
        self.lines = lines
        self.partition = partition
        self.next = 0

    @classmethod
    def from_url(cls, url: str) -> Self:
        return cls([])

    def assign(self, positions: Mapping[str, str]) -> None:
        self.next = int(positions.get(self.partition, "0"))

    def read(self, max_lines: int, timeout: float) -> list[Batch]:
        found = list(self.lines[self.next : self.next + max_lines])
        start = str(self.next) if self.next else ""
        self.next += len(found)
        at_end = self.next == len(self.lines)
        next_ = str(self.next) if self.next else ""
        return [Batch(self.partition, start, next_, found, at_end, len(self.lines) - self.next)]

    def problems(self) -> list[str]:
        return []

    def check(self) -> None: ...

    def close(self) -> None: ...


def collector(
    store: Store,
    lines: Sequence[bytes],
    *,
    now: float = START + 86400.0,
    shards: int = 1,
    partition: str = "p0",
    log_format: str = "json",
) -> Ingest:
    """A collector that finds these lines; its clock stands still, a day after they were written."""
    backend = ListBackend(lines, partition)
    return Ingest(store, backend, SOURCE, lambda: TOLD, lambda: now, log_format=log_format, shards=shards)


def close(
    store: Store, shard: int = 0, shards: int = 1, until: int | None = None, at: float = START + 86400.0
) -> Closed:
    """One call of the evaluator."""
    clocks = Clocks(now=lambda: at, detected=lambda minute: minute + MINUTE + LATENESS)
    return close_minutes(
        store, shard, shards, lambda tx: TOLD, lambda version: TOLD, clocks, LATENESS, source=SOURCE, until=until
    )


def close_all(store: Store, **arguments: int) -> None:
    while close(store, **arguments).more:
        pass


def folded(lines: Sequence[bytes]) -> dict[MinuteKey, dict[str, ServiceTally]]:
    """What these lines come to, all on time."""
    parsed = parser_for("json", lines).parse(lines)
    fold = Fold(Rulebook(), set())
    fold.add(parsed.requests, parsed.lines, ceiling=START + 86400)
    return fold.take().tallies


def everything(store: Store) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, without the numbers that only say in which order rows were written."""
    found: dict[str, list[dict[str, object]]] = {}
    with store.read() as tx:
        for table in SQLModel.metadata.sorted_tables:
            rows = [dict(row) for row in tx.execute(table.select()).mappings()]
            for row in rows:
                if table.name in ("segment", "evidence", "transition", "delivery", "self_incident"):
                    del row["id"]
            found[table.name] = sorted(rows, key=repr)
    return found


def facts(tx: Connection) -> dict[str, object]:
    """What people would notice: minutes, incidents with their messages, the outbox, and what was counted."""
    known = incident_store.find(tx, incident_store.Filter(limit=1000))
    loaded = minutes.load(tx, 0, 1 << 40, late=True, evidence=True)
    return {
        "minutes": msgspec.to_builtins(loaded),
        "incidents": [msgspec.to_builtins(incident) for incident in known],
        "messages": [(i.id, [(m.kind, m.at) for m in incident_store.messages(tx, i.id)]) for i in known],
        "outbox": sorted((row.id, row.kind, row.channel, row.document) for row in outbox.rows(tx, limit=1000)),
        "positions": [(p.partition, p.next, p.lines, p.malformed, p.late, p.watermark) for p in positions.every(tx)],
    }
