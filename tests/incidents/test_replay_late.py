"""Lines that come after their minutes were closed amend the totals, are counted, and send nothing."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest
from trace_table import FORMATS, TRACES, counts, path, replayed, rows, truth

from backends.replay import read_logs
from incidents.domain.minute import MINUTE, NO_NODE
from incidents.domain.rulebook import OTHER, Rulebook
from incidents.domain.summary import Summary
from incidents.domain.watermark import LATENESS
from incidents.replay import Run
from incidents.store import minutes
from incidents.store.minutes import load

FOREVER = (0, 1 << 40)


@lru_cache
def run(*paths: str) -> Run:
    """These logs, one after the other, as one source; the database can be asked afterwards."""
    played = Run(Rulebook())
    waiting: list[bytes] = []
    for lines, _ in read_logs(paths):
        waiting += lines
        if len(waiting) >= 5000:
            played.flush(waiting)
            waiting = []
    played.flush(waiting, last=True)
    return played


def parsed(file: str) -> list[dict[str, str | float]]:
    """The lines of a JSON log, read as plainly as can be: invalid UTF-8 does not matter to what is counted."""
    text = gzip.decompress(Path(file).read_bytes()).decode("utf-8", "replace")
    return [json.loads(line) for line in text.splitlines()]


def counted_plainly(*files: str) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str, str, str]]]:
    """Requests by minute and service; attempts by minute, service, node and status. Shares no code with Tocsin."""
    requests: Counter[tuple[int, str]] = Counter()
    attempts: Counter[tuple[int, str, str, str]] = Counter()
    for file in files:
        for line in parsed(file):
            minute = int(float(line["time"])) // 60 * 60
            service = str(line["service"]) if line["service"] not in ("", "-") else "__other__"
            requests[minute, service] += 1
            if line["upstream_addr"] in ("", "-"):
                continue
            nodes = str(line["upstream_addr"]).replace(" : ", ", ").split(", ")
            answers = str(line["upstream_status"]).replace(" : ", ", ").split(", ")
            for position, (node, answer) in enumerate(zip(nodes, answers, strict=True), start=1):
                gone = answer == "-" and position == len(nodes) and int(line["status"]) == 499
                name = node if ":" in node else "no-live-upstream"
                attempts[minute, service, name, "499" if gone else answer] += 1
    return requests, attempts


def stored(played: Run) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str, str, str]]]:
    """The same two, as the rows of the database have them with their late columns."""
    requests: Counter[tuple[int, str]] = Counter()
    attempts: Counter[tuple[int, str, str, str]] = Counter()
    with played.store.read() as tx:
        for minute, services in load(tx, *FOREVER, late=True).items():
            for service, tally in services.items():
                requests[minute, service] += tally.total
                for node, found in tally.nodes.items():
                    if node != NO_NODE:
                        for status, n in found.statuses.items():
                            attempts[minute, service, node, status] += n
    return requests, attempts


@pytest.mark.parametrize("trace", TRACES)
def test_every_minutes_totals_are_those_of_both_files_together(trace: str) -> None:
    files = path(trace, "access.json.log.gz"), path(trace, "late.json.log.gz")
    requests, attempts = counted_plainly(*files)
    alone, _ = counted_plainly(files[0])
    assert requests != alone
    got_requests, got_attempts = stored(run(*files))
    assert got_requests == requests
    assert got_attempts == attempts


@pytest.mark.parametrize("trace", TRACES)
def test_without_the_late_file_the_rows_are_those_of_the_log(trace: str) -> None:
    file = path(trace, "access.json.log.gz")
    assert stored(run(file)) == counted_plainly(file)


@pytest.mark.parametrize("trace", TRACES)
def test_the_rows_of_every_minute_are_those_of_the_truth(trace: str) -> None:
    got_requests, got_attempts = stored(run(path(trace, "access.text.log.gz")))
    requests: Counter[tuple[int, str]] = Counter()
    for row in rows(trace, "per_minute_service.csv"):
        service = OTHER if row["service"] == "-" else row["service"]
        requests[int(row["minute_start_epoch"]), service] += int(row["requests"])
    attempts: Counter[tuple[int, str, str, str]] = Counter()
    for row in rows(trace, "per_minute_node.csv"):
        for status, n in counts(row["statuses"]).items():
            attempts[int(row["minute_start_epoch"]), row["service"], row["node"], status] += n
    assert got_requests == requests
    assert got_attempts == attempts


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("trace", TRACES)
def test_late_lines_are_counted_as_late_and_open_nothing(trace: str, log_format: str) -> None:
    files = path(trace, f"access.{log_format}.log.gz"), path(trace, f"late.{log_format}.log.gz")
    both = replayed(*files)
    alone = replayed(files[0])
    cut = truth(trace)["line_stats"]["lines_cut_by_log_outage"]
    assert both.lines.late == cut > 1000
    assert (both.lines.read, both.lines.parsed) == (alone.lines.read + cut, alone.lines.parsed + cut)
    assert (both.lines.malformed, both.lines.quarantined) == (0, 0)
    assert [without_chart(incident) for incident in both.incidents] == [
        without_chart(incident) for incident in alone.incidents
    ]


def without_chart(incident: Summary) -> object:
    """All that is said of it. The chart reaches back to minutes before the incident, and may show late lines there."""
    return msgspec.structs.replace(incident, minutes=[])


def test_late_lines_go_to_columns_of_their_own() -> None:
    files = path("train1", "access.json.log.gz"), path("train1", "late.json.log.gz")
    alone, both = run(files[0]), run(*files)
    with alone.store.read() as before, both.store.read() as after:
        closed = load(before, *FOREVER)
        with_late = load(after, *FOREVER)
        late = minutes.late_lines(after, "pay", *FOREVER)
    assert with_late == closed
    assert late == sum(line["service"] == "pay" for line in parsed(files[1])) > 100


def line(minute: int, second: int, status: int, number: int, node: str = "10.0.0.1:80") -> bytes:
    request = {
        "time": f"{1_795_402_020 + minute * MINUTE + second}.{number:03d}",
        "service": "pay",
        "status": status,
        "request_time": 0.01,
        "upstream_addr": node,
        "upstream_status": str(status),
        "upstream_response_time": "0.010",
        "request_id": f"{minute}-{second}-{number}",
    }
    return json.dumps(request).encode()


def test_a_line_within_the_lateness_is_on_time_and_one_second_more_is_late() -> None:
    begin = [*(line(0, second, 200, 0) for second in range(10)), line(0, 59, 200, 1)]
    on_time = run_lines([*begin, line(1, LATENESS - 1, 200, 2), line(0, 30, 200, 3)])
    late = run_lines([*begin, line(1, LATENESS, 200, 2), line(0, 30, 200, 3)])
    assert (on_time.result().lines.late, late.result().lines.late) == (0, 1)
    assert stored(on_time) == stored(late)


def test_a_fault_that_is_only_seen_in_late_lines_sends_nothing_and_stands_in_the_figures() -> None:
    good = [line(minute, second, 200, 0) for minute in range(20) for second in range(0, 60, 2)]
    late = [line(3, second, 502, 1) for second in range(60)] + [line(4, second, 502, 1) for second in range(60)]
    played = run_lines([*good, *late])
    assert played.result().incidents == []
    assert played.result().lines.late == 120
    with played.store.read() as tx:
        loaded = load(tx, *FOREVER, late=True)
    assert [tally["pay"].bad for tally in loaded.values()][:6] == [0, 0, 0, 60, 60, 0]


def test_late_lines_of_an_incidents_minutes_are_in_its_figures() -> None:
    good = [line(minute, second, 200, 0) for minute in range(20) for second in range(0, 60, 2)]
    bad = [line(minute, second, 502, 1) for minute in (3, 4) for second in range(0, 60, 2)]
    late = [line(4, 30, 502, 2), line(4, 31, 200, 2)]
    on_time = sorted([*good, *bad], key=lambda text: float(json.loads(text)["time"]))
    (incident,) = run_lines([*on_time, *late]).result().incidents
    assert (incident.totals.bad_attempts, incident.totals.attempts, incident.late_lines) == (61, 122, 2)
    assert [(node.bad, node.attempts, node.by_status) for node in incident.nodes] == [(61, 122, {"200": 61, "502": 61})]
    assert [message.kind.value for message in incident.messages] == ["onset", "summary"]


def run_lines(lines: list[bytes]) -> Run:
    played = Run(Rulebook())
    played.flush(lines, last=True)
    return played
