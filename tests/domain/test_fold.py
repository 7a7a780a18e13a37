"""The fast fold against a slow and obvious one, line by line, however the log is cut into batches."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.access_log import Request
from incidents.domain.fold import MAX_NODES, Fold, Folded, MinuteKey, merge_minutes
from incidents.domain.minute import (
    EVIDENCE_PER_NODE,
    MINUTE,
    NO_NODE,
    AttemptTally,
    Evidence,
    ServiceTally,
    cap_evidence,
    latency_bin,
)
from incidents.domain.redact import redact
from incidents.domain.rule import Rule, Unit
from incidents.domain.rulebook import OTHER, Rulebook, Service
from incidents.domain.watermark import LATENESS

START = 1_772_409_600
LIVE = START + 1_000_000
"""A clock ahead of every line here: what a live collector has, and nothing is doubted."""

RULES = (
    Rule("5xx", status=("5xx",)),
    Rule("429", status=("429",)),
    Rule("slow", unit=Unit.REQUEST, over=1.0),
    Rule("slower", unit=Unit.REQUEST, over=2.5),
    Rule("upstream", over=0.5),
)
RULEBOOK = Rulebook(rules=RULES)


def bad_status(status: str) -> bool:
    return status == "499" or (status.startswith("5") and len(status) == 3)


def naive(requests: Sequence[Request], lines: Sequence[bytes]) -> dict[MinuteKey, dict[str, ServiceTally]]:
    """What the fold must come to: one line after the other, with nothing clever in it."""
    found: dict[MinuteKey, dict[str, ServiceTally]] = {}
    mark = 0
    for request, line in zip(requests, lines, strict=True):
        second = int(request.time)
        minute = second - second % 60
        late = minute + MINUTE + LATENESS <= mark
        mark = max(mark, second)
        service = request.service or request.host
        if service in ("", "-", "_"):
            service = OTHER
        tally = found.setdefault(MinuteKey(minute, late), {}).setdefault(service, ServiceTally())
        status = f"{request.status:03d}"
        tally.total += 1
        tally.bad += bad_status(status)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        slow = add_time(tally, request.request_time, (1.0, 2.5))
        tried = attempts_of(request)
        tally.masked += any(bad_status(answer) for _, answer, _ in tried) and not bad_status(status)
        for node, answer, seconds in tried or [(NO_NODE, status, -1.0)]:
            one = tally.nodes.setdefault(node, AttemptTally())
            one.total += 1
            one.statuses[answer] = one.statuses.get(answer, 0) + 1
            slow = add_time(one, seconds, (0.5,)) or slow
            if bad_status(answer):
                one.bad += 1
                one.first_bad = min(one.first_bad or second, second)
                one.last_bad = max(one.last_bad, second)
        answers = [answer for _, answer, _ in tried] or [status]
        if slow or any(bad_status(answer) or answer == "429" for answer in [status, *answers]):
            keep(tally, request, second, line, tried, status)
    for tallies in found.values():
        for tally in tallies.values():
            tally.evidence = naive_cap(tally.evidence)
    return found


def attempts_of(request: Request) -> list[tuple[str, str, float]]:
    if request.upstream_addr in ("", "-"):
        return []
    nodes = request.upstream_addr.replace(" : ", ", ").split(", ")
    answers = request.upstream_status.replace(" : ", ", ").split(", ")
    times = request.upstream_response_time.replace(" : ", ", ").split(", ")
    found = []
    for place, (node, answer, seconds) in enumerate(zip(nodes, answers, times, strict=True), start=1):
        if answer == "-" and place == len(nodes) and request.status == 499:
            answer = "499"
        found.append((node if ":" in node else "no-live-upstream", answer, -1.0 if seconds == "-" else float(seconds)))
    return found


def add_time(tally: ServiceTally | AttemptTally, seconds: float, limits: Sequence[float]) -> bool:
    if seconds >= 0:
        number = latency_bin(round(seconds * 1000))
        tally.latency[number] = tally.latency.get(number, 0) + 1
    for limit in limits:
        if seconds > limit:
            tally.slow[int(limit * 1000)] = tally.slow.get(int(limit * 1000), 0) + 1
    return seconds > limits[0]


def keep(
    tally: ServiceTally,
    request: Request,
    second: int,
    line: bytes,
    tried: Sequence[tuple[str, str, float]],
    status: str,
) -> None:
    parts = [(node, answer) for node, answer, _ in tried] or [(NO_NODE, status)]
    wrong = [part for part in parts if bad_status(part[1])]
    node, answer = (wrong or parts)[-1]
    tally.evidence.append(Evidence(second, request.request_id, node, answer, redact(line)))


def naive_cap(lines: Sequence[Evidence]) -> list[Evidence]:
    kept: list[Evidence] = []
    for node in {line.node for line in lines}:
        own = sorted(line for line in lines if line.node == node)
        kept += {*own[:EVIDENCE_PER_NODE], own[-1]}
    return sorted(kept)


def folded(requests: Sequence[Request], batches: Sequence[int], flush_each: bool) -> dict[MinuteKey, object]:
    """The fold over batches of these sizes; `flush_each`: taken after every batch and merged, as the store does."""
    fold = Fold(RULEBOOK, set())
    parts: list[Folded] = []
    start = 0
    for size in [*batches, len(requests)]:
        some = requests[start : start + size]
        fold.add(some, lines_of(some), LIVE)
        start += len(some)
        if flush_each:
            parts.append(fold.take())
    parts.append(fold.take())
    whole: dict[MinuteKey, dict[str, ServiceTally]] = {}
    for part in parts:
        for key, tallies in part.tallies.items():
            merge_minutes(whole.setdefault(key, {}), tallies)
    return {key: msgspec.to_builtins(tallies) for key, tallies in whole.items()}


def lines_of(requests: Sequence[Request]) -> list[bytes]:
    return [f"line {request.request_id}".encode() for request in requests]


ADDRESSES = ["10.0.0.1:80", "10.0.0.2:80", "unix:/run/app.sock:", "checkout_pool"]
ANSWERS = ["200", "502", "504", "429", "-"]
TIMES = ["0.010", "0.500", "0.501", "1.200", "-"]
attempt = st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(ANSWERS), st.sampled_from(TIMES))
some_requests = st.lists(
    st.builds(
        lambda offset, status, taken, service, tried, joints, number: Request(
            time=START + offset,
            status=status,
            request_time=taken,
            service=service,
            host="shop.example",
            upstream_addr=joined([one[0] for one in tried], joints),
            upstream_status=joined([one[1] for one in tried], joints),
            upstream_response_time=joined([one[2] for one in tried], joints),
            request_id=f"r{number}",
        ),
        st.floats(0, 200),
        st.sampled_from([200, 404, 429, 499, 500, 504, 9, 0]),
        st.sampled_from([-1.0, 0.001, 0.999, 1.0, 1.001, 2.6]),
        st.sampled_from(["pay", "order", "", "-"]),
        st.lists(attempt, max_size=3),
        st.lists(st.sampled_from([", ", " : "]), min_size=2, max_size=2),
        st.integers(0, 10_000),
    ),
    max_size=40,
)


def joined(items: Sequence[str], joints: Sequence[str]) -> str:
    text = items[0] if items else ""
    for joint, item in zip(joints, items[1:], strict=False):
        text += joint + item
    return text


@given(some_requests, st.lists(st.integers(1, 12), max_size=8), st.booleans())
def test_the_fold_counts_what_a_naive_reader_counts_however_the_log_is_cut(
    requests: list[Request], batches: list[int], flush_each: bool
) -> None:
    expected = {key: msgspec.to_builtins(found) for key, found in naive(requests, lines_of(requests)).items()}
    assert folded(requests, batches, flush_each) == expected


def request(second: float, **fields: object) -> Request:
    usual: dict[str, object] = {
        "status": 200,
        "service": "pay",
        "upstream_addr": "10.0.0.1:80",
        "upstream_status": "200",
    }
    return Request(time=START + second, **usual | fields)  # type: ignore[arg-type]


def taken(*requests: Request, rulebook: Rulebook = RULEBOOK, known: set[str] | None = None) -> Folded:
    fold = Fold(rulebook, set() if known is None else known)
    fold.add(requests, lines_of(requests), LIVE)
    return fold.take()


def test_a_200_after_a_hidden_502_is_a_bad_attempt_of_that_node_and_masked() -> None:
    tried = {"upstream_addr": "10.0.0.1:80, 10.0.0.2:80", "upstream_status": "502, 200"}
    tally = taken(request(0, **tried)).tallies[MinuteKey(START, False)]["pay"]
    assert (tally.total, tally.bad, tally.masked) == (1, 0, 1)
    assert {node: (found.total, found.bad) for node, found in tally.nodes.items()} == {
        "10.0.0.1:80": (1, 1),
        "10.0.0.2:80": (1, 0),
    }


def test_a_retry_on_the_same_node_is_two_attempts() -> None:
    tried = {"upstream_addr": "10.0.0.1:80, 10.0.0.1:80", "upstream_status": "502, 502", "status": 502}
    node = taken(request(0, **tried)).tallies[MinuteKey(START, False)]["pay"].nodes["10.0.0.1:80"]
    assert (node.total, node.bad, node.statuses) == (2, 2, {"502": 2})


def test_a_bad_request_without_upstream_is_a_bad_request_and_no_nodes() -> None:
    tally = taken(request(0, status=503, upstream_addr="", upstream_status="")).tallies[MinuteKey(START, False)]["pay"]
    assert (tally.bad, list(tally.nodes), tally.nodes[NO_NODE].bad) == (1, [NO_NODE], 1)


def test_services_beyond_the_cap_are_counted_together_and_totals_stay_exact() -> None:
    rulebook = Rulebook(max_services=3)
    known: set[str] = set()
    requests = [request(0, service=f"s{i}") for i in range(10)]
    found = taken(*requests, rulebook=rulebook, known=known)
    tallies = found.tallies[MinuteKey(START, False)]
    assert {name: tally.total for name, tally in tallies.items()} == {"s0": 1, "s1": 1, "s2": 1, OTHER: 7}
    assert (known, found.new_services) == ({"s0", "s1", "s2", OTHER}, ["s0", "s1", "s2", OTHER])


def test_a_service_that_is_known_is_no_new_one() -> None:
    assert taken(request(0), known={"pay"}).new_services == []


@pytest.mark.parametrize("name", ["x" * 201, "pay\x1b[31m", "line\nbreak"])
def test_names_that_nobody_gives_a_service_are_counted_under_other(name: str) -> None:
    assert list(taken(request(0, service=name)).tallies[MinuteKey(START, False)]) == [OTHER]


@pytest.mark.parametrize(
    ("service", "host", "counted"),
    [
        ("pay", "shop.example", "pay"),
        ("", "Shop.Example", "shop.example"),
        ("", "*.example", OTHER),
        ("", "_", OTHER),
        ("-", "shop.example", OTHER),
        ("", "api.pay.example", "payments"),
        ("-", "api.pay.example", "payments"),
    ],
)
def test_where_a_line_is_counted(service: str, host: str, counted: str) -> None:
    rulebook = Rulebook(services=(Service("payments", hosts=("*.pay.example",)),))
    found = taken(request(0, service=service, host=host), rulebook=rulebook)
    assert list(found.tallies[MinuteKey(START, False)]) == [counted]


def test_a_million_nodes_are_capped_and_their_attempts_are_not_lost() -> None:
    requests = [request(0, upstream_addr=f"10.0.{i // 250}.{i % 250}:80") for i in range(MAX_NODES + 50)]
    nodes = taken(*requests).tallies[MinuteKey(START, False)]["pay"].nodes
    assert len(nodes) == MAX_NODES + 1
    assert nodes[OTHER].total == 50
    assert sum(node.total for node in nodes.values()) == MAX_NODES + 50


def test_what_was_taken_is_not_taken_again_and_the_watermark_stays() -> None:
    fold = Fold(RULEBOOK, set())
    fold.add([request(70)], [b""], LIVE)
    assert fold.take().first_second == START + 70
    assert fold.take() == Folded({}, 0, 0, [], 0)
    fold.add([request(0)], [b""], LIVE)
    assert fold.watermark == START + 70
    late = fold.take()
    assert (late.late, list(late.tallies)) == (1, [MinuteKey(START, True)])


def test_lines_held_back_are_counted_when_the_replay_ends() -> None:
    fold = Fold(RULEBOOK, set())
    fold.add([request(0), request(1)], [b"", b""])
    fold.finish()
    tallies = fold.take().tallies
    assert tallies[MinuteKey(START, False)]["pay"].total == 2


def test_capping_twice_or_in_parts_is_capping_once() -> None:
    lines = [Evidence(START + i, f"r{i}", f"n{i % 3}", "502", "") for i in range(40)]
    parts = cap_evidence([*cap_evidence(lines[20:]), *cap_evidence(lines[:20])])
    assert parts == cap_evidence(lines) == cap_evidence(cap_evidence(lines)) == naive_cap(lines)
    assert len(parts) == 3 * (EVIDENCE_PER_NODE + 1)
