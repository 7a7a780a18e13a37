"""Minutes: segments become rows without losing anything, and what comes late stands beside them."""

from __future__ import annotations

import msgspec
from house import START, a_fault, everything, folded, line

from incidents.domain.fold import MinuteKey
from incidents.domain.minute import MINUTE, AttemptTally, ServiceTally
from incidents.store import Store, minutes

FAR = 1 << 40


def written(store: Store) -> dict[int, dict[str, ServiceTally]]:
    """A fault's minutes, stored as segments in two flushes and then as rows."""
    lines = a_fault(until=8)
    with store.write() as tx:
        minutes.append(tx, folded(lines[:200]), 1, {})
        minutes.append(tx, folded(lines[200:]), 1, {})
        taken = minutes.take_segments(tx, 0, 0, FAR)
        minutes.insert_minutes(tx, taken)
    return taken


def test_two_flushes_of_a_minute_are_taken_as_one(store: Store) -> None:
    whole = {key.minute: tallies for key, tallies in folded(a_fault(until=8)).items()}
    assert msgspec.to_builtins(written(store)) == msgspec.to_builtins(whole)


def test_rows_give_back_what_was_written(store: Store) -> None:
    taken = written(store)
    with store.read() as tx:
        loaded = minutes.load(tx, 0, FAR, evidence=True)
    assert msgspec.to_builtins(loaded) == msgspec.to_builtins(taken)
    assert loaded[START + 4 * MINUTE]["pay"].evidence


def test_segments_are_taken_once(store: Store) -> None:
    written(store)
    with store.write() as tx:
        assert minutes.take_segments(tx, 0, 0, FAR) == {}
        assert (minutes.first_segment(tx, 0), minutes.last_segment(tx, 0)) == (None, None)


def test_the_first_and_last_segment_are_those_on_time(store: Store) -> None:
    with store.write() as tx:
        minutes.append(tx, folded([line(minute, 0) for minute in (2, 5, 9)]), 1, {})
        late = {MinuteKey(START, True): folded([line(0, 0)])[MinuteKey(START, False)]}
        minutes.append(tx, late, 1, {})
        assert minutes.first_segment(tx, 0) == START + 2 * MINUTE
        assert minutes.first_segment(tx, 0, START + 3 * MINUTE) == START + 5 * MINUTE
        assert minutes.last_segment(tx, 0) == START + 9 * MINUTE
        assert minutes.first_segment(tx, 1) is None


def test_what_meets_a_closed_minute_is_late_and_is_said_to_be(store: Store) -> None:
    with store.write() as tx:
        late = minutes.append(tx, folded([line(0, 0), line(0, 1), line(1, 0)]), 1, {0: START + MINUTE})
        taken = minutes.take_segments(tx, 0, 0, FAR)
    assert (late, list(taken)) == (2, [START + MINUTE])


def test_a_range_is_loaded_with_its_first_minute_and_without_its_last(store: Store) -> None:
    written(store)
    with store.read() as tx:
        loaded = minutes.load(tx, START + MINUTE, START + 3 * MINUTE)
        assert list(loaded) == [START + MINUTE, START + 2 * MINUTE]
        assert minutes.load(tx, 0, FAR, ["order"]) == {}
        assert list(minutes.load(tx, 0, FAR, ["pay"])) == [START + i * MINUTE for i in range(8)]


def late_segment(store: Store, lines: list[bytes]) -> None:
    with store.write() as tx:
        tallies = {MinuteKey(key.minute, True): services for key, services in folded(lines).items()}
        minutes.append(tx, tallies, 1, {})


def test_late_lines_amend_in_columns_of_their_own_and_add_up(store: Store) -> None:
    written(store)
    late_segment(store, [line(1, 0, 502), line(1, 1)])
    with store.write() as tx:
        assert minutes.amend(tx, 0, START + 8 * MINUTE, 1000.0) == 2
    late_segment(store, [line(1, 2, 502)])
    with store.write() as tx:
        assert minutes.amend(tx, 0, START + 8 * MINUTE, 2000.0) == 1
        assert minutes.amend(tx, 0, START + 8 * MINUTE, 3000.0) == 0
    with store.read() as tx:
        closed = minutes.load(tx, START + MINUTE, START + 2 * MINUTE)[START + MINUTE]["pay"]
        revised = minutes.load(tx, START + MINUTE, START + 2 * MINUTE, late=True)[START + MINUTE]["pay"]
        assert minutes.late_lines(tx, "pay", START, START + 8 * MINUTE) == 3
        assert minutes.late_lines(tx, "pay", START + 2 * MINUTE, START + 8 * MINUTE) == 0
    assert (closed.total, closed.bad, closed.statuses) == (60, 0, {"200": 60})
    assert (revised.total, revised.bad, revised.statuses) == (63, 2, {"200": 61, "502": 2})
    rows = [row for row in everything(store)["service_minute"] if row["revised_at"] is not None]
    assert [(row["minute"], row["revised_at"], row["total"], row["late_total"]) for row in rows] == [
        (START + MINUTE, 2000.0, 60, 3)
    ]


def test_late_lines_of_a_minute_that_is_still_open_wait(store: Store) -> None:
    late_segment(store, [line(1, 0)])
    with store.write() as tx:
        assert minutes.amend(tx, 0, START + MINUTE, 1000.0) == 0
        assert minutes.amend(tx, 0, START + 2 * MINUTE, 1000.0) == 1


def test_old_minutes_and_their_evidence_can_be_pruned(store: Store) -> None:
    written(store)
    with store.write() as tx:
        assert minutes.prune(tx, START + 4 * MINUTE) > 0
        assert list(minutes.load(tx, 0, FAR)) == [START + i * MINUTE for i in range(4, 8)]
    assert min(int(str(row["minute"])) for row in everything(store)["evidence"]) >= START + 4 * MINUTE


def test_a_service_is_always_of_the_same_shard_and_shards_share_them_out() -> None:
    shards = [minutes.shard_of(f"service-{i}", 4) for i in range(200)]
    assert [minutes.shard_of(f"service-{i}", 4) for i in range(200)] == shards
    assert all(20 < shards.count(shard) < 80 for shard in range(4))
    assert minutes.shard_of("pay", 1) == 0
    assert minutes.shard_of("odd \udcff bytes", 4) in range(4)


def test_late_failures_and_slow_requests_count_in_the_figures(store: Store) -> None:
    """Late lines amend every figure, not the totals alone: awk would count them too."""
    node = AttemptTally(2, 2, {"502": 2}, {3000: 1}, {}, first_bad=START + 7, last_bad=START + 9)
    late = ServiceTally(2, 2, 0, {"502": 2}, {5000: 1}, {}, {"10.0.0.1:80": node})
    with store.write() as tx:
        for _ in range(2):
            minutes.append(tx, {MinuteKey(START, late=True): {"pay": late}}, 1, {})
            assert minutes.amend(tx, 0, FAR, 1.0) == 2
        found = minutes.load(tx, START, START + MINUTE, late=True)[START]["pay"]
    assert (found.total, found.bad, found.slow) == (4, 4, {5000: 2})
    tally = found.nodes["10.0.0.1:80"]
    assert (tally.total, tally.bad, tally.slow) == (4, 4, {3000: 2})
    assert (tally.first_bad, tally.last_bad) == (START + 7, START + 9)


def test_a_part_without_failures_does_not_move_the_first_one() -> None:
    tally = AttemptTally(1, 1, {"502": 1}, first_bad=100, last_bad=100)
    tally.merge(AttemptTally(1, 1, {"502": 1}))
    assert (tally.first_bad, tally.last_bad) == (100, 100)


def test_a_backlog_is_closed_in_parts_that_are_not_too_big(store: Store) -> None:
    lines = a_fault(until=8)
    with store.write() as tx:
        minutes.append(tx, folded(lines), 1, {})
        assert minutes.end_of_batch(tx, 0, START, 60, 1 << 30) == START + 60 * MINUTE
        assert minutes.end_of_batch(tx, 0, START, 60, 1) == START + MINUTE
        assert minutes.end_of_batch(tx, 0, START, 3, 1 << 30) == START + 3 * MINUTE
