"""A transaction that breaks off between any two statements leaves nothing behind, and the next try makes it good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from house import START, a_fault, close, close_all, collector, everything, facts, line
from sqlalchemy import Connection, event

from incidents.store import Store
from incidents.store.outbox import Delivery, claim, due, due_channels, mark


class PowerCut(Exception):
    """Not an error that anything here would handle: as a kill -9, it stops the work where it stands."""


@contextmanager
def power_cut_before(store: Store, statement: int) -> Iterator[list[str]]:
    """Raises instead of executing the n-th statement, from 1 on; the list holds what came before it."""
    seen: list[str] = []

    def before(connection: Connection, cursor: object, text: str, *rest: object) -> None:
        if text.startswith(("BEGIN", "PRAGMA")):
            return
        if len(seen) + 1 == statement:
            raise PowerCut(text)
        seen.append(text)

    event.listen(store.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", before)


def fresh() -> Store:
    made = Store("sqlite://")
    made.create()
    return made


def broken_everywhere(prepare: Callable[[Store], None], work: Callable[[Store], object]) -> int:
    """Breaks `work` off before each of its statements in turn; nothing may be left, and the last try completes it."""
    whole, store = fresh(), fresh()
    prepare(whole)
    prepare(store)
    before = everything(store)
    with power_cut_before(whole, 0) as statements:
        work(whole)
    for number in range(1, len(statements) + 1):
        with power_cut_before(store, number), pytest.raises(PowerCut):
            work(store)
        assert everything(store) == before, f"half written before statement {number}: {statements[number - 1]}"
    work(store)
    assert everything(store) == everything(whole) != before
    whole.close()
    store.close()
    return len(statements)


LINES = a_fault(until=14)


def test_a_flush_that_breaks_off_anywhere_counts_nothing() -> None:
    junk = [b"junk", b"more junk", b""]

    def begin(store: Store) -> None:
        collector(store, [*LINES, *junk]).poll(300, 0)

    def go_on(store: Store) -> None:
        collector(store, [*LINES, *junk]).poll(10_000, 0)

    assert broken_everywhere(begin, go_on) >= 6


def test_the_very_first_flush_too() -> None:
    assert broken_everywhere(lambda store: None, lambda store: collector(store, LINES).poll(10_000, 0)) >= 4


def test_a_close_that_breaks_off_anywhere_says_and_closes_nothing() -> None:
    """From no incident to an onset and a summary, in one transaction of some fifty statements."""

    def begin(store: Store) -> None:
        collector(store, LINES).poll(10_000, 0)

    assert broken_everywhere(begin, lambda store: close(store)) >= 30


def test_a_close_in_the_midst_of_an_incident_too() -> None:
    def begin(store: Store) -> None:
        ingest = collector(store, LINES)
        ingest.poll(60 * 6, 0)
        close(store, until=START + 6 * 60)
        ingest.poll(10_000, 0)

    assert broken_everywhere(begin, lambda store: close(store)) >= 15


def test_an_amendment_that_breaks_off_anywhere_adds_nothing() -> None:
    late = [line(4, second, 502, number=9) for second in range(5)]

    def begin(store: Store) -> None:
        collector(store, LINES).poll(10_000, 0)
        close_all(store)
        collector(store, [*LINES, *late]).poll(10_000, 0)

    assert broken_everywhere(begin, lambda store: close(store)) >= 6


def test_a_claim_or_a_mark_that_breaks_off_anywhere_changes_nothing() -> None:
    def begin(store: Store) -> None:
        collector(store, LINES).poll(10_000, 0)
        close_all(store)

    def send_one(store: Store) -> None:
        with store.write() as tx:
            (first, *_) = due(tx, 1e12, due_channels(tx, 1e12)[0], 10)
            claimed = claim(tx, first, 1e12, 60.0)
            assert claimed is not None
            assert mark(tx, claimed, Delivery.SENT, Delivery.SENT, "250 OK", 1e12)

    assert broken_everywhere(begin, send_one) >= 6


def test_broken_off_at_every_flush_and_every_close_the_end_is_the_same() -> None:
    """A collector and an evaluator that are killed again and again, each time a few statements further."""
    whole = fresh()
    ingest = collector(whole, LINES)
    while ingest.poll(100, 0):
        close_all(whole)
    close_all(whole)
    store = fresh()
    kills = 0
    for number in range(1, 60):
        for work in (lambda: collector(store, LINES).poll(100, 0), lambda: close(store)):
            with power_cut_before(store, number % 23 + 1):
                try:
                    work()
                except PowerCut:
                    kills += 1
    ingest = collector(store, LINES)
    while ingest.poll(100, 0):
        close_all(store)
    close_all(store)
    assert kills > 50
    with whole.read() as one, store.read() as other:
        assert facts(one) == facts(other)
    whole.close()
    store.close()
