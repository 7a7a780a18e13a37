"""Counting: every line once, with its position, whoever else counts and whatever goes wrong in between."""

from __future__ import annotations

import time

import pytest
from house import SOURCE, START, a_fault, collector, everything, line

from backends.base import Batch, Gap
from incidents.domain.errors import Fenced
from incidents.domain.minute import MINUTE
from incidents.store import Store, minutes, positions, processes


def counted(store: Store) -> int:
    """Requests in all segments."""
    with store.write() as tx:
        found = minutes.take_segments(tx, 0, 0, 1 << 40)
    return sum(tally.total for tallies in found.values() for tally in tallies.values())


def test_lines_are_counted_with_their_position_and_watermark(store: Store) -> None:
    lines = a_fault(until=2)
    ingest = collector(store, lines)
    assert (ingest.poll(50, 0), ingest.poll(1000, 0), ingest.poll(1000, 0)) == (50, 70, 0)
    with store.read() as tx:
        (position,) = positions.every(tx)
    assert (position.source, position.partition, position.next) == (SOURCE, "p0", "120")
    assert (position.lines, position.malformed, position.late, position.quarantined) == (120, 0, 0, 0)
    assert (position.watermark, position.format, position.backlog) == (START + 119, "json", 0)
    assert counted(store) == 120


def test_a_new_collector_goes_on_where_the_last_one_stopped(store: Store) -> None:
    lines = a_fault(until=2)
    collector(store, lines).poll(50, 0)
    again = collector(store, lines)
    assert [again.poll(50, 0), again.poll(50, 0), again.poll(50, 0)] == [50, 20, 0]
    assert counted(store) == 120


def test_of_two_collectors_on_one_partition_one_is_fenced_and_nothing_is_counted_twice(store: Store) -> None:
    lines = a_fault(until=4)
    first, second = collector(store, lines), collector(store, lines)
    first.poll(60, 0)
    second.poll(60, 0)
    first_failed = 0
    for _ in range(20):
        for ingest in (first, second):
            try:
                ingest.poll(30, 0)
            except Fenced:
                first_failed += 1
    assert first_failed >= 1
    with store.read() as tx:
        (position,) = positions.every(tx)
    assert (position.next, position.lines) == ("240", 240)
    assert counted(store) == 240


def test_two_that_begin_together_are_told_apart_by_the_first_row(store: Store) -> None:
    lines = a_fault(until=1)
    first, second = collector(store, lines), collector(store, lines)
    first.resume()
    second.resume()
    batches = [ingest.backend.read(10, 0)[0] for ingest in (first, second)]
    first.flush(batches[0], START)
    with pytest.raises(Fenced):
        second.flush(batches[1], START)
    assert counted(store) == 10


def test_malformed_lines_are_counted_by_reason_with_a_few_samples(store: Store) -> None:
    junk = [b"{", b"", b'{"service": "pay"}', *(b"junk %d" % i for i in range(20))]
    collector(store, [*a_fault(until=1), *junk]).poll(1000, 0)
    with store.read() as tx:
        (position,) = positions.every(tx)
        rows = {row.reason: (row.lines, row.samples) for row in positions.malformed(tx)}
    assert (position.lines, position.malformed) == (60 + len(junk), len(junk))
    assert sum(lines for lines, _ in rows.values()) == len(junk)
    assert rows["not-json"][0] == 21
    assert "junk 0" in rows["not-json"][1]
    assert "junk 9" not in rows["not-json"][1]


def test_secrets_in_malformed_lines_are_not_kept(store: Store) -> None:
    collector(store, [*a_fault(until=1), b"GET /?token=hunter2&x=1"]).poll(1000, 0)
    assert "hunter2" not in repr(everything(store))
    assert "token=***" in repr(everything(store)["malformed"])


def test_a_line_from_the_future_is_quarantined_and_moves_nothing(store: Store) -> None:
    ingest = collector(store, [*a_fault(until=1), line(2 * 1440, 0), line(1, 0)], now=START + 60.0)
    ingest.poll(1000, 0)
    with store.read() as tx:
        (position,) = positions.every(tx)
    assert (position.quarantined, position.watermark) == (1, START + 60)
    assert counted(store) == 61


def test_an_idle_partition_is_noted_once_a_second_and_changes_nothing_else(store: Store) -> None:
    ingest = collector(store, a_fault(until=1))
    ingest.poll(1000, 0)
    before = everything(store)
    ingest.flush(Batch("p0", "60", "60", [], True, 0), read_at=START + 90_000.0)
    ingest.flush(Batch("p0", "60", "60", [], True, 0), read_at=START + 90_000.5)
    after = everything(store)
    (position,) = after.pop("source_position")
    assert position["caught_up_at"] == START + 90_000.0
    assert before.pop("source_position") != [position]
    assert after == before


def test_a_gap_is_reported_in_the_transaction_that_steps_over_it(store: Store) -> None:
    ingest = collector(store, a_fault(until=1))
    ingest.poll(30, 0)
    gap = Gap("truncated", "30 lines were cut off", 30, "lines")
    ingest.flush(Batch("p0", "30", "60", [], True, 0, (gap,)), read_at=START + 100.0)
    with store.read() as tx:
        (own,) = processes.self_incidents(tx)
        (position,) = positions.every(tx)
    assert (own.kind, own.lost, own.unit, own.partition, own.started_at) == ("truncated", 30, "lines", "p0", START + 29)
    assert position.next == "60"


def test_a_line_that_meets_a_closed_minute_is_late_even_within_the_lateness(store: Store) -> None:
    """Another partition was read on meanwhile, say: the database is the fence."""
    ingest = collector(store, [line(0, second) for second in range(60)])
    ingest.poll(1000, 0)
    with store.write() as tx:
        minutes.take_segments(tx, 0, 0, START + MINUTE)
        assert minutes.move_closed_through(tx, 0, None, START + MINUTE, 0.0)
    ingest.backend.lines = [*(line(0, second) for second in range(60)), line(0, 30, number=1), line(1, 3)]  # type: ignore[attr-defined]
    ingest.poll(1000, 0)
    with store.write() as tx:
        (position,) = positions.every(tx)
        on_time = minutes.take_segments(tx, 0, 0, 1 << 40)
    assert position.late == 1
    assert list(on_time) == [START + MINUTE]


def test_services_are_divided_among_shards_and_each_line_goes_to_one(store: Store) -> None:
    lines = [line(0, i % 60).replace(b'"pay"', b'"s%d"' % (i % 9)) for i in range(90)]
    collector(store, lines, shards=3).poll(1000, 0)
    with store.write() as tx:
        parts = [minutes.take_segments(tx, shard, 0, 1 << 40) for shard in range(3)]
    services = [sorted(tallies) for part in parts for tallies in part.values()]
    assert sorted(name for some in services for name in some) == [f"s{i}" for i in range(9)]
    assert all(minutes.shard_of(name, 3) == shard for shard, some in enumerate(services) for name in some)
    with store.read() as tx:
        assert positions.services(tx) == {f"s{i}": START for i in range(9)}


def test_a_log_that_changes_its_format_is_recognised_anew(store: Store) -> None:
    """nginx was given another log_format and reloaded: blindness must not last until somebody notices."""
    before = a_fault(until=1)
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(START + 61))
    after = [f'127.0.0.1 - - [{stamp}] "GET / HTTP/1.1" 200 5 "-" "-"'.encode()] * 30
    ingest = collector(store, [*before, *after], log_format="auto")
    ingest.poll(len(before), 0)
    ingest.poll(1000, 0)
    with store.read() as tx:
        (position,) = positions.every(tx)
    assert (position.malformed, position.format) == (0, "combined")
    assert counted(store) == len(before) + 30


def test_a_quiet_log_that_changes_its_format_is_recognised_anew_too(store: Store) -> None:
    before = a_fault(until=1)
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(START + 61))
    after = [f'127.0.0.1 - - [{stamp}] "GET / HTTP/1.1" 200 5 "-" "-"'.encode()] * 60
    ingest = collector(store, [*before, *after], log_format="auto")
    ingest.poll(len(before), 0)
    while ingest.poll(5, 0):
        pass
    with store.read() as tx:
        (position,) = positions.every(tx)
    assert position.format == "combined"
    assert position.malformed < 20


def test_a_log_that_is_none_waits_for_more_lines_and_is_then_counted_as_malformed(store: Store) -> None:
    ingest = collector(store, [b"2026/11/23 [error] 1#1: not an access log"] * 250, log_format="auto")
    assert ingest.poll(50, 0) == 0
    assert len(ingest.problems) == 1
    assert ingest.poll(250, 0) == 250
    assert ingest.problems == []
    with store.read() as tx:
        (position,) = positions.every(tx)
        reasons = {row.reason: row.lines for row in positions.malformed(tx)}
    assert (position.lines, reasons) == (250, {"unknown-format": 250})
