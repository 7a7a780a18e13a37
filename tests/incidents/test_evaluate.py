"""Closing minutes: once each, in order, whoever tries at the same time and however often."""

from __future__ import annotations

import threading

import pytest
from house import START, TOLD, a_fault, close, close_all, collector, everything, facts, line

from incidents.domain.errors import Fenced
from incidents.domain.incident import Message, State
from incidents.domain.minute import MINUTE
from incidents.domain.rulebook import Rulebook
from incidents.evaluate import MINUTES_AT_ONCE, SILENT_AFTER, Clocks, close_minutes, horizon, summary_of
from incidents.store import Store, minutes, outbox
from incidents.store import incidents as incident_store
from incidents.store.positions import Position


def position(watermark: int, caught_up_at: float = 0.0, updated_at: float = 1000.0, partition: str = "p0") -> Position:
    return Position("s", partition, "1", watermark, caught_up_at, None, "", "", 0, 0, 0, 0, updated_at)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], None),
        ([position(0)], None),
        ([position(START + 64)], START),
        ([position(START + 65)], START + 60),
        # The minimum over partitions, not the maximum: one that is behind holds the minute.
        ([position(START + 300), position(START + 65, partition="p1")], START + 60),
        # Idle: it was read to its end at a later clock time.
        ([position(START + 300), position(START + 65, caught_up_at=START + 200.5, partition="p1")], START + 180),
        # A partition that never had a line, read to its end.
        ([position(START + 300), position(0, caught_up_at=START + 310.0, partition="p1")], START + 240),
        ([position(0, caught_up_at=START + 310.0)], None),
        # One that nobody has reported on for a quarter of an hour holds nothing back; one a little less long does.
        ([position(START + 300, updated_at=2000.0 + SILENT_AFTER), position(0, updated_at=1999.0)], START + 240),
        (
            [position(START + 300, updated_at=2000.0 + SILENT_AFTER), position(START + 65, updated_at=2000.0)],
            START + 60,
        ),
    ],
)
def test_up_to_where_minutes_can_be_closed(known: list[Position], expected: int | None) -> None:
    assert horizon(known, lateness=5) == expected


def play(store: Store, lines: list[bytes], flush: int = 1000) -> None:
    ingest = collector(store, lines)
    while ingest.poll(flush, 0):
        close_all(store)
    close_all(store)


def test_a_fault_becomes_an_incident_with_its_timeline_and_its_messages(store: Store) -> None:
    play(store, a_fault())
    with store.read() as tx:
        (incident,) = incident_store.find(tx, incident_store.Filter())
        timeline = [(row.source, row.target, row.sends) for row in incident_store.timeline(tx, incident.id)]
        rows = [(row.kind, row.sequence, row.channel, row.state) for row in outbox.rows(tx)]
    assert (incident.culprit.nodes, incident.state) == (("10.0.0.1:80",), State.CLOSED)
    assert (incident.first_minute, incident.last_minute) == (START + 3 * MINUTE, START + 5 * MINUTE)
    assert timeline == [("ok", "open", "onset"), ("open", "recovering", ""), ("recovering", "closed", "summary")]
    assert sorted(rows) == [
        (kind, 0, channel, "pending") for kind in ("onset", "summary") for channel in ("chat", "ops")
    ]


def test_a_message_holds_what_was_known_when_it_was_caused(store: Store) -> None:
    play(store, a_fault())
    with store.read() as tx:
        documents = {row.kind: row.document for row in outbox.rows(tx, channel="ops")}
        (incident,) = incident_store.find(tx, incident_store.Filter())
        now = summary_of(tx, incident, TOLD)
    assert now.totals.bad_attempts == 30
    assert '"bad_attempts":20' in documents["onset"]
    assert '"bad_attempts":30' in documents["summary"]


def test_the_size_of_the_flushes_does_not_matter(store: Store) -> None:
    other = Store("sqlite://")
    other.create()
    play(store, a_fault(), flush=13)
    play(other, a_fault(), flush=1000)
    with store.read() as one, other.read() as two:
        assert facts(one) == facts(two)
    other.close()


def test_closing_again_changes_nothing(store: Store) -> None:
    play(store, a_fault())
    before = everything(store)
    assert close(store) == close(store)
    assert everything(store) == before


def test_a_long_log_is_closed_some_minutes_at_a_time(store: Store) -> None:
    lines = [line(minute, 0) for minute in range(2 * MINUTES_AT_ONCE + 10)]
    collector(store, lines).poll(10_000, 0)
    # Idle until a day later: the empty minutes after the log cost nothing.
    calls = [close(store).minutes for _ in range(4)]
    assert calls[:2] == [MINUTES_AT_ONCE, MINUTES_AT_ONCE]
    assert sum(calls[:3]) >= 2 * MINUTES_AT_ONCE + 10
    assert calls[3] == 0


def test_a_worker_that_finds_its_minutes_closed_by_another_writes_nothing(store: Store) -> None:
    collector(store, a_fault()).poll(10_000, 0)
    with pytest.raises(Fenced), store.write() as tx:
        before = minutes.closed_through(tx, 0)
        assert minutes.move_closed_through(tx, 0, before, START + MINUTE, 0.0)
        if not minutes.move_closed_through(tx, 0, before, START + 2 * MINUTE, 0.0):
            raise Fenced("as the evaluator does")
    with store.read() as tx:
        assert minutes.closed_through(tx, 0) is None


def test_closed_through_moves_by_compare_and_set_alone(store: Store) -> None:
    with store.write() as tx:
        assert minutes.move_closed_through(tx, 0, None, START, 1.0)
        assert not minutes.move_closed_through(tx, 0, None, START, 1.0)
        first = minutes.closed_through(tx, 0)
        assert minutes.move_closed_through(tx, 0, first, START + MINUTE, 2.0)
        assert not minutes.move_closed_through(tx, 0, first, START + 2 * MINUTE, 3.0)
        now = minutes.closed_through(tx, 0)
    assert now is not None
    assert (now.second, now.at, now.minutes) == (START + MINUTE, 2.0, 1)


def test_five_evaluators_at_once_produce_one_set_of_rows(file_store: Store) -> None:
    lines = a_fault()
    collector(file_store, lines).poll(10_000, 0)
    url = file_store.url.render_as_string()
    gate = threading.Barrier(5)
    closed: list[int] = []
    failed: list[BaseException] = []

    def evaluate() -> None:
        own = Store(url)
        try:
            gate.wait()
            closed.append(close(own).minutes)
        except Fenced:
            closed.append(0)
        except BaseException as error:  # noqa: BLE001  (handed to the test's own thread)
            failed.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=evaluate) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(closed) == [0, 0, 0, 0, MINUTES_AT_ONCE]
    alone = Store("sqlite://")
    alone.create()
    collector(alone, lines).poll(10_000, 0)
    close(alone)
    assert everything(file_store) == everything(alone)
    alone.close()


def test_two_shards_close_their_own_services_and_nothing_else(store: Store) -> None:
    faults = [text.replace(b'"pay"', b'"%s"' % name) for text in a_fault() for name in (b"alpha", b"pay", b"search")]
    collector(store, faults, shards=2).poll(10_000, 0)
    close_all(store, shard=0, shards=2)
    with store.read() as tx:
        of_one = {incident.service for incident in incident_store.find(tx, incident_store.Filter())}
    assert of_one == {name for name in ("alpha", "pay", "search") if minutes.shard_of(name, 2) == 0}
    close_all(store, shard=1, shards=2)
    with store.read() as tx:
        found = incident_store.find(tx, incident_store.Filter())
        assert [len(incident_store.messages(tx, incident.id)) for incident in found] == [2, 2, 2]
    assert {incident.service for incident in found} == {"alpha", "pay", "search"}


def test_closed_minutes_never_change_and_late_lines_stand_beside_them(store: Store) -> None:
    play(store, a_fault())
    with store.read() as tx:
        closed = minutes.load(tx, 0, 1 << 40)
        told = facts(tx)["messages"]
    late = [line(4, second, 502, number=9) for second in range(30)]
    collector(store, [*a_fault(), *late]).poll(10_000, 0)
    close_all(store)
    with store.read() as tx:
        assert minutes.load(tx, 0, 1 << 40) == closed
        with_late = minutes.load(tx, 0, 1 << 40, late=True)[START + 4 * MINUTE]["pay"]
        assert facts(tx)["messages"] == told
        (incident,) = incident_store.find(tx, incident_store.Filter())
        summary = summary_of(tx, incident, TOLD)
    before = closed[START + 4 * MINUTE]["pay"]
    assert (with_late.total, with_late.bad) == (before.total + 30, before.bad + 30)
    node = with_late.nodes["10.0.0.1:80"]
    assert (node.total, node.statuses["502"]) == (before.nodes["10.0.0.1:80"].total + 30, 40)
    assert (summary.totals.bad_attempts, summary.late_lines) == (60, 30)


def test_a_late_line_of_a_minute_that_nobody_had_seen_makes_its_row(store: Store) -> None:
    play(store, [line(0, 0), line(9, 0)])
    collector(store, [line(0, 0), line(9, 0), line(4, 0, node="10.0.0.9:80")]).poll(10, 0)
    close_all(store)
    with store.read() as tx:
        assert START + 4 * MINUTE not in minutes.load(tx, 0, 1 << 40)
        loaded = minutes.load(tx, 0, 1 << 40, late=True)[START + 4 * MINUTE]["pay"]
    assert (loaded.total, loaded.nodes["10.0.0.9:80"].total) == (1, 1)


def test_after_an_outage_every_missed_minute_is_judged_in_order_and_messages_say_how_late(store: Store) -> None:
    """The clock of the messages is far ahead of the minutes: they were detected that much later."""
    collector(store, a_fault()).poll(10_000, 0)
    clocks = Clocks(now=lambda: START + 86400.0, detected=lambda minute: START + 3600)
    close_minutes(store, 0, 1, lambda tx: TOLD, lambda version: TOLD, clocks, 5, source="list:")
    with store.read() as tx:
        late = {row.kind: row.late_minutes for row in outbox.rows(tx, channel="ops")}
        (incident,) = incident_store.find(tx, incident_store.Filter())
    assert late == {"onset": 55, "summary": 49}
    assert incident.detected_at == START + 3600


@pytest.mark.parametrize(("first", "linked"), [(1450, True), (1451, False)])
def test_a_fault_within_a_day_of_the_last_ones_close_is_linked_to_it(store: Store, first: int, linked: bool) -> None:
    shift = first - 3
    later = [line(minute + shift, second, 502 if second % 6 == 0 else 200) for minute in (3, 4) for second in range(60)]
    play(store, a_fault(until=12))
    with store.read() as tx:
        (before,) = incident_store.find(tx, incident_store.Filter())
    assert before.closed_at == START + 11 * MINUTE
    ingest = collector(store, [*a_fault(until=12), *later], now=START + 3 * 86400.0)
    while ingest.poll(1000, 0):
        close_all(store)
    with store.read() as tx:
        again, _ = incident_store.find(tx, incident_store.Filter())
    assert again.first_minute == START + first * MINUTE
    assert again.previous_id == (before.id if linked else None)


def test_without_channels_the_history_is_kept_and_nothing_is_queued(store: Store) -> None:
    collector(store, a_fault()).poll(10_000, 0)
    clocks = Clocks(now=lambda: 0.0, detected=lambda minute: minute + MINUTE)
    close_minutes(store, 0, 1, lambda tx: Rulebook(), lambda version: Rulebook(), clocks, 5, source="list:")
    with store.read() as tx:
        (incident,) = incident_store.find(tx, incident_store.Filter())
        assert [m.kind for m in incident_store.messages(tx, incident.id)] == [Message.ONSET, Message.SUMMARY]
        assert outbox.rows(tx) == []
