"""Positions: the compare-and-set that lets one collector win, and counts that only grow."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.domain.errors import Fenced
from incidents.store import Store
from incidents.store.positions import (
    SAMPLES_KEPT,
    Advance,
    Position,
    add_services,
    advance,
    every,
    malformed,
    of_source,
    services,
)


def flush(old: str, new: str, *, partition: str = "p0", watermark: int = 100, **fields: object) -> Advance:
    usual: dict[str, object] = {
        "caught_up_at": None,
        "backlog": 5,
        "unit": "bytes",
        "format": "json",
        "lines": 10,
        "late": 1,
        "quarantined": 2,
        "malformed": {},
        "malformed_counts": {},
        "at": 1000.0,
    }
    return Advance(source="s", partition=partition, old=old, new=new, watermark=watermark, **usual | fields)  # type: ignore[arg-type]


def test_counts_add_up_and_the_watermark_never_goes_back(store: Store) -> None:
    with store.write() as tx:
        advance(tx, flush("", "10", caught_up_at=900.0))
        advance(tx, flush("10", "20", watermark=50, at=1001.0))
        (position,) = every(tx)
    assert (position.next, position.watermark, position.lines, position.late, position.quarantined) == (
        "20",
        100,
        20,
        2,
        4,
    )
    assert (position.caught_up_at, position.updated_at, position.backlog) == (900.0, 1001.0, 5)


def test_a_position_that_moved_meanwhile_is_a_fence(store: Store) -> None:
    with store.write() as tx:
        advance(tx, flush("", "10"))
        advance(tx, flush("10", "20"))
    before = _rows(store)
    with pytest.raises(Fenced, match="p0"), store.write() as tx:
        advance(tx, flush("10", "15"))
    assert _rows(store) == before


def test_a_partition_that_somebody_else_began_is_a_fence(store: Store) -> None:
    with store.write() as tx:
        advance(tx, flush("", "10"))
    with pytest.raises(Fenced), store.write() as tx:
        advance(tx, flush("", "7"))
    assert [position.next for position in _rows(store)] == ["10"]


def test_a_position_of_a_partition_that_is_not_there_is_a_fence(store: Store) -> None:
    with pytest.raises(Fenced), store.write() as tx:
        advance(tx, flush("10", "20"))
    assert _rows(store) == []


def test_what_was_written_before_a_fence_is_rolled_back_with_it(store: Store) -> None:
    with store.write() as tx:
        advance(tx, flush("", "10"))
    with pytest.raises(Fenced), store.write() as tx:
        add_services(tx, ["pay"], 1)
        advance(tx, flush("9", "20"))
    with store.read() as tx:
        assert services(tx) == {}


def test_partitions_and_sources_are_apart(store: Store) -> None:
    with store.write() as tx:
        advance(tx, flush("", "10"))
        advance(tx, flush("", "3", partition="p1"))
        assert [(p.partition, p.next) for p in of_source(tx, "s")] == [("p0", "10"), ("p1", "3")]
        assert of_source(tx, "another") == []


def _rows(store: Store) -> list[Position]:
    with store.read() as tx:
        return list(every(tx))


def test_malformed_lines_are_added_up_and_the_newest_samples_are_kept(store: Store) -> None:
    def junk(*lines: str) -> dict[str, Any]:
        return {"malformed": {"not-json": lines}, "malformed_counts": {"not-json": len(lines) + 10}}

    with store.write() as tx:
        advance(tx, flush("", "10", **junk("a", "b", "c")))
        advance(tx, flush("10", "20", **junk("d", "e", "f")))
        (row,) = malformed(tx)
        (position,) = every(tx)
    assert (row.lines, position.malformed) == (26, 26)
    assert row.samples == '["f","e","d","c","b"]'
    assert SAMPLES_KEPT == 5


def test_a_service_keeps_the_moment_it_was_first_seen(store: Store) -> None:
    with store.write() as tx:
        add_services(tx, ["pay", "order"], 100)
        add_services(tx, ["pay", "search"], 200)
        add_services(tx, [], 300)
        assert services(tx) == {"pay": 100, "order": 100, "search": 200}
