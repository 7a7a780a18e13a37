"""Times as strangers may write them, few values and many: the columns and histograms of the fold."""

from __future__ import annotations

import pytest

from incidents.domain.access_log import Request
from incidents.domain.columns import columns_of, longest_time, nth_time
from incidents.domain.fold import Fold, MinuteKey
from incidents.domain.minute import latency_bin
from incidents.domain.rulebook import Rulebook

START = 1_772_409_600
LIVE = START + 86_400


def request(waited: str, second: int = START, addr: str = "10.0.0.1:80") -> Request:
    status = ", ".join("200" for _ in addr.split(", "))
    return Request(float(second), 200, 0.25, "pay", "", addr, status, waited, f"{second:032x}")


def folded(requests: list[Request], together: int) -> Fold:
    fold = Fold(Rulebook(), set())
    for start in range(0, len(requests), together):
        batch = requests[start : start + together]
        fold.add(batch, [b"line"] * len(batch), ceiling=LIVE)
    return fold


@pytest.mark.parametrize("waited", ["nan", "inf", "-inf", "1e300", "1_0", "-1", "0x10", "\u0661", "", "-", "NaN, inf"])
def test_an_upstream_time_that_is_no_time_is_counted_without_one(waited: str) -> None:
    tallies = folded([request(waited)], 1).take().tallies[MinuteKey(START, False)]
    node = tallies["pay"].nodes["10.0.0.1:80"]
    assert (node.total, node.latency, node.slow) == (1, {}, {})


def test_the_times_of_a_retry_belong_to_the_nodes_in_order() -> None:
    tallies = folded([request("0.010, 4.000", addr="10.0.0.1:80, 10.0.0.2:80")], 1).take().tallies
    nodes = tallies[MinuteKey(START, False)]["pay"].nodes
    assert nodes["10.0.0.1:80"].latency == {latency_bin(10): 1}
    assert nodes["10.0.0.2:80"].latency == {latency_bin(4000): 1}
    assert nodes["10.0.0.2:80"].slow == {3000: 1}


def test_a_list_of_times_is_no_single_time() -> None:
    columns = columns_of([request("0.010, 4.000"), request("0.5")], [b"a", b"b"], [START, START])
    assert columns.waited == [-1.0, 0.5]
    assert longest_time("0.010, 4.000 : -") == 4.0
    assert [nth_time("0.010, 4.000 : -", n) for n in range(4)] == [0.01, 4.0, -1.0, -1.0]


@pytest.mark.parametrize("together", [1, 3, 16, 17, 500])
def test_few_lines_at_once_and_many_give_the_same_histogram(together: int) -> None:
    requests = [request(f"{i % 7 / 1000:.3f}") for i in range(500)]
    tally = folded(requests, together).take().tallies[MinuteKey(START, False)]["pay"]
    assert tally.nodes["10.0.0.1:80"].latency == {bin_: 500 // 7 + (bin_ < 500 % 7) for bin_ in range(7)}
    assert tally.latency == {latency_bin(250): 500}


def test_the_first_second_is_the_earliest_whatever_the_order_of_the_lines() -> None:
    requests = [request("0.1", START + late) for late in (9, 4, 7)]
    assert {folded(requests, together).take().first_second for together in (1, 2, 3)} == {START + 4}
