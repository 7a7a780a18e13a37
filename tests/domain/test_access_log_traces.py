"""Recorded minutes of a real nginx against the truth about them, and public logs."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict

import pytest
from sample_logs import facts, lines_of, odd_pairs

from incidents.domain.access_log import Attempt, Parser, attempts, parser_for

TRACES = ("train1", "train2")
TRACES_LOG_FORMAT = """
log_format t '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
             '"$http_user_agent" host=$host svc=$service rt=$request_time ua="$upstream_addr" us="$upstream_status" '
             'ut="$upstream_response_time" rid=$request_id';
"""


def recognised(lines: list[bytes]) -> Parser:
    return parser_for("auto", lines[:50])


@pytest.mark.parametrize("trace", TRACES)
def test_every_line_of_a_trace_is_the_same_request_in_json_and_in_text(trace: str) -> None:
    json_lines = lines_of(f"minutes/{trace}.json.log.gz")
    text_lines = lines_of(f"minutes/{trace}.text.log.gz")
    from_json = recognised(json_lines).parse(json_lines)
    from_text = recognised(text_lines).parse(text_lines)
    assert not from_json.malformed
    assert not from_text.malformed
    assert len(from_json.requests) == len(json_lines) > 1000
    assert Counter(map(facts, from_json.requests)) == Counter(map(facts, from_text.requests))


@pytest.mark.parametrize("trace", TRACES)
def test_the_traces_own_log_format_gives_what_recognising_gives(trace: str) -> None:
    lines = lines_of(f"minutes/{trace}.text.log.gz")
    by_format = parser_for(TRACES_LOG_FORMAT, lines[:50]).parse(lines)
    assert by_format == recognised(lines).parse(lines)
    assert len(by_format.requests) == len(lines)


@pytest.mark.parametrize("trace", TRACES)
def test_attempts_by_minute_and_node_are_exactly_the_truths(trace: str) -> None:
    lines = lines_of(f"minutes/{trace}.json.log.gz")
    seen: dict[tuple[int, str, str], list[Attempt]] = defaultdict(list)
    for request in recognised(lines).parse(lines).requests:
        lists = request.upstream_addr, request.upstream_status, request.upstream_response_time
        for attempt in attempts(*lists, request.status):
            seen[int(request.time) // 60 * 60, request.service, attempt.node].append(attempt)
    counted = {
        key: (len(all_), sum(a.bad for a in all_), dict(Counter(a.status for a in all_))) for key, all_ in seen.items()
    }
    truth = {}
    for row in csv.DictReader(io.StringIO(b"\n".join(lines_of(f"minutes/{trace}.nodes.csv")).decode())):
        statuses = {status: int(n) for status, n in (item.split(":") for item in row["statuses"].split())}
        key = (int(row["minute"]), row["service"], row["node"])
        truth[key] = (int(row["attempts"]), int(row["bad"]), statuses)
    assert counted == truth
    assert sum(bad for _, bad, _ in truth.values()) > 100


@pytest.mark.parametrize("kind", odd_pairs())
def test_an_odd_request_is_the_same_in_json_and_in_text(kind: str) -> None:
    json_line, text_line = odd_pairs()[kind]
    (from_json,) = parser_for("auto", [json_line]).parse([json_line]).requests
    (from_text,) = parser_for("auto", [text_line]).parse([text_line]).requests
    assert facts(from_json) == facts(from_text)


def test_odd_requests_among_ordinary_ones_are_still_parsed() -> None:
    for number, name in enumerate(("json", "text")):
        usual = lines_of(f"minutes/train1.{name}.log.gz")[:500]
        odd = [pair[number] for pair in odd_pairs().values()]
        batch = recognised(usual).parse(usual + odd)
        assert not batch.malformed
        assert batch.lines == usual + odd


def test_a_real_site_in_combined_format_is_parsed_but_for_its_one_line_cut_short() -> None:
    lines = lines_of("public/elastic_apache_combined.log.gz")
    parser = recognised(lines)
    batch = parser.parse(lines)
    assert parser.name == "combined"
    assert len(batch.requests) == 9999
    assert [(reason, line[-20:]) for reason, line in batch.malformed] == [("no-match", b".google.com/bot.html")]
    assert Counter(request.status for request in batch.requests).most_common(2) == [(200, 9125), (304, 445)]


def test_nasas_web_server_of_1995_is_parsed_whole() -> None:
    lines = lines_of("public/nasa_jul95_first4000_clf.log.gz")
    parser = recognised(lines)
    batch = parser.parse(lines)
    assert parser.name == "common"
    assert (len(batch.requests), batch.malformed) == (4000, [])
    assert batch.requests[0].time == 804571201.0  # 01/Jul/1995:00:00:01 -0400


def test_another_gateways_log_gives_what_it_has() -> None:
    lines = lines_of("public/heka_zeus_first20.log")
    parser = recognised(lines)
    batch = parser.parse(lines)
    assert parser.name == "combined+"
    assert "request_time from req_s" in parser.description
    assert "without service, host, upstream_addr" in parser.description
    assert (len(batch.requests), batch.malformed) == (20, [])
    assert batch.requests[0].request_time == 0.080575
