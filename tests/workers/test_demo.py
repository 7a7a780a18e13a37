"""The demo: the bundled trace restamped, and a port of its own."""

from __future__ import annotations

from itertools import islice, pairwise

from workers.demo import TRACE, claimed_port, free_port, trace


def test_a_second_demo_takes_another_port_even_before_the_first_listens() -> None:
    wanted = free_port(0)
    with claimed_port(wanted) as first, claimed_port(wanted) as second:
        assert first == wanted
        assert second != wanted
    with claimed_port(wanted) as again:
        assert again == wanted


def test_the_trace_begins_when_the_clock_does_and_never_goes_back() -> None:
    assert TRACE.is_file()
    stamped = list(islice(trace(1_800_000_000.7), 30_000))
    assert stamped[0].at == 1_800_000_000.0
    assert b'"time":1800000000.000' in stamped[0].line
    steps = [after.at - before.at for before, after in pairwise(stamped)]
    assert min(steps) > -1
    assert stamped[-1].at > stamped[12_000].at
