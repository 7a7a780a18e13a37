"""JSON logs: key names, ways of writing values, and lines that are not quite JSON."""

from __future__ import annotations

import json

import msgspec
import pytest
from sample_logs import facts, lines_of

from incidents.domain.access_log import LONGEST_LINE, Batch, Reason, Request, parser_for
from incidents.domain.errors import UnknownFormat

USUAL = (
    b'{"time":1795402153.203,"status":200,"request_time":0.013,"service":"pay","host":"pay.example","request_id":"r1"}'
)
BAD_LINES: list[tuple[bytes, Reason]] = [
    (b"", Reason.EMPTY),
    (b" \t ", Reason.EMPTY),
    (b"[1]", Reason.NOT_JSON),
    (b"17", Reason.NOT_JSON),
    (b"null", Reason.NOT_JSON),
    (b"junk", Reason.NOT_JSON),
    (b"\x16\x03\x01\x00\xff", Reason.NOT_JSON),
    (USUAL[:-20], Reason.NOT_JSON),
    (USUAL + b"," + USUAL, Reason.NOT_JSON),
    (b'{"status":009,"time":"1795402153.203",', Reason.NOT_JSON),
    (b'{"a":' + b"[" * 50_000, Reason.NOT_JSON),
    (b'{"status":200}', Reason.MISSING_TIME),
    (b'{"time":null,"status":200}', Reason.MISSING_TIME),
    (b'{"nginx":{"time":1795402153.203,"status":200}}', Reason.MISSING_TIME),
    (b'{"time":1795402153.203}', Reason.MISSING_STATUS),
    (b'{"time":1795402153.203,"status":""}', Reason.MISSING_STATUS),
    (b'{"time":1795402153.203,"status":"-"}', Reason.MISSING_STATUS),
    (b'{"time":"nan","status":200}', Reason.BAD_TIME),
    (b'{"time":"Infinity","status":200}', Reason.BAD_TIME),
    (b'{"time":NaN,"status":200}', Reason.BAD_TIME),
    (b'{"time":1e400,"status":200}', Reason.BAD_TIME),
    (b'{"time":-1795402153,"status":200}', Reason.BAD_TIME),
    (b'{"time":0.013,"status":200}', Reason.BAD_TIME),
    (b'{"time":true,"status":200}', Reason.BAD_TIME),
    (b'{"time":{"at":1},"status":200}', Reason.BAD_TIME),
    (b'{"time":' + b"9" * 5000 + b',"status":200}', Reason.BAD_TIME),
    (b'{"time":1795402153.203,"status":"ok"}', Reason.BAD_STATUS),
    (b'{"time":1795402153.203,"status":1000}', Reason.BAD_STATUS),
    (b'{"time":1795402153.203,"status":-1}', Reason.BAD_STATUS),
    (b'{"time":1795402153.203,"status":20.5}', Reason.BAD_STATUS),
    (b'{"time":1795402153.203,"status":[200]}', Reason.BAD_STATUS),
    (b'{"uri":"' + b"a" * LONGEST_LINE + b'",' + USUAL[1:], Reason.TOO_LONG),
]


def parse(*lines: bytes, sample: bytes = USUAL) -> Batch:
    return parser_for("json", [sample]).parse(lines)


def only(line: bytes, sample: bytes | None = None) -> Request:
    (request,) = parse(line, sample=line if sample is None else sample).requests
    return request


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=[f"{n}-{r}" for n, (_, r) in enumerate(BAD_LINES)])
def test_a_line_that_is_no_request_is_malformed_with_its_reason(line: bytes, reason: Reason) -> None:
    assert parse(line) == Batch([], [], [(reason, line)])


def test_bad_lines_among_good_ones_cost_only_themselves() -> None:
    lines: list[bytes] = []
    for bad, _ in BAD_LINES:
        lines += [USUAL] * 37 + [bad]
    batch = parse(*lines)
    assert len(batch.requests) == 37 * len(BAD_LINES)
    assert set(map(facts, batch.requests)) == {facts(only(USUAL))}
    assert batch.lines == [USUAL] * len(batch.requests)
    assert batch.malformed == [(reason, line) for line, reason in BAD_LINES]


def test_lines_that_make_sense_only_together_are_malformed_each() -> None:
    opened, rest, double = USUAL[:-1], b'"y":1}', USUAL + b"," + USUAL
    for lines in ([opened, rest], [double], [USUAL[:-1] + b',"x":[{}', b"{}]}"], [USUAL[:-1] + b',"x":"', b'"}']):
        batch = parse(USUAL, *lines, USUAL)
        assert batch.lines == [USUAL, USUAL]
        assert batch.malformed == [(Reason.NOT_JSON, line) for line in lines]


@pytest.mark.parametrize(
    ("written", "status"), [(b"009", 9), (b"000", 0), (b'"009"', 9), (b'"000"', 0), (b"200.0", 200)]
)
def test_statuses_with_leading_zeros_are_read(written: bytes, status: int) -> None:
    assert only(b'{"time":1795402153.203,"status":' + written + b"}", sample=USUAL).status == status


def test_values_that_nginx_leaves_bare_and_empty_do_not_lose_the_line() -> None:
    line = b'{"time":1795402153.203,"status":502,"upstream_addr":"10.0.0.1:80, 10.0.0.2:80","upstream_status":502, 200,'
    line += b'"upstream_response_time":0.001, 0.002,"request_time":,"service":"pay"}'
    request = only(line)
    assert (request.upstream_status, request.upstream_response_time) == ("502, 200", "0.001, 0.002")
    assert (request.request_time, request.service) == (-1.0, "pay")


def test_bytes_that_are_not_utf_8_stay_visible_in_fields_that_are_read_and_harm_nobody_elsewhere() -> None:
    request = only(
        b'{"uri":"/\xff\xfe","time":1795402153.203,"status":200,"service":"a\xff\xe4\xb8\xad"}', sample=USUAL
    )
    assert request.service == "a\\xff中"


def test_escapes_of_both_kinds_are_undone() -> None:
    broken = b'"uri":"\\x22","time":1795402153.203,"status":200}'
    for written, meant in (
        (b"\\u4e2d", "中"),
        (b"\\ud83d\\ude00", "😀"),
        (b"\\xE4\\xB8\\xAD", "中"),
        (b"a\\\\\\/b", "a\\/b"),
    ):
        assert only(b'{"service":"' + written + b'",' + broken, sample=USUAL).service == meant


def test_half_a_surrogate_pair_becomes_something_a_database_can_store() -> None:
    request = only(b'{"service":"x\\ud800y","time":1795402153.203,"status":200}', sample=USUAL)
    assert request.service.encode() == b"x?y"


def test_numbers_in_quotes_are_numbers() -> None:
    request = only(b'{"time":"1795402153.203","status":"499","request_time":"0.250"}')
    assert (request.time, request.status, request.request_time) == (1795402153.203, 499, 0.25)


def test_a_request_time_that_is_none_is_not_logged() -> None:
    for written in (b'"-"', b'""', b"null", b"-0.5", b'"nan"', b"1e300", b"true", b'"1_0"'):
        assert only(USUAL.replace(b"0.013", written), sample=USUAL).request_time == -1.0, written


def test_an_empty_service_or_host_is_told_from_a_format_without_one() -> None:
    with_both = b'{"time":1795402153.203,"status":200,"service":"","host":""}'
    assert (only(with_both, sample=USUAL).service, only(with_both, sample=USUAL).host) == ("-", "-")
    left_out = only(b'{"time":1795402153.203,"status":200}', sample=USUAL)
    assert (left_out.service, left_out.host) == ("-", "-")
    without = only(b'{"time":1795402153.203,"status":200}')
    assert (without.service, without.host) == ("", "")
    # The careful path must say the same as the fast one.
    odd = only(with_both.replace(b"200", b"009"), sample=USUAL)
    assert (odd.service, odd.host) == ("-", "-")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (b"1795402153.203", 1795402153.203),
        (b"1795402153", 1795402153.0),
        (b'"1795402153.203"', 1795402153.203),
        (b"1795402153203", 1795402153.203),
        (b'"2026-11-23T02:49:13.203Z"', 1795402153.203),
        (b'"2026-11-23T02:49:13+00:00"', 1795402153.0),
        (b'"2026-11-23T10:49:13.5+08:00"', 1795402153.5),
        (b'"2026-11-22T18:49:13-0800"', 1795402153.0),
        (b'"23/Nov/2026:02:49:13 +0000"', 1795402153.0),
        (b'"22/Nov/2026:23:19:13 -0330"', 1795402153.0),
    ],
)
def test_time_is_read_however_it_is_written(written: bytes, seconds: float) -> None:
    line = b'{"@timestamp":' + written + b',"status":200}'
    parser = parser_for("auto", [line])
    batch = parser.parse([line] * 300)
    assert {request.time for request in batch.requests} == {seconds}
    assert len(batch.requests) == 300
    assert "time from @timestamp" in parser.description


@pytest.mark.parametrize(
    "written", ['"2026-11-23T02:49:13"', '"yesterday"', '"31/Feb/2026:00:00:00 +0000"', '"1/2/2026"']
)
def test_a_time_without_offset_or_that_does_not_exist_is_refused(written: str) -> None:
    iso = b'{"ts":"2026-11-23T02:49:13Z","status":200}'
    line = f'{{"ts":{written},"status":200}}'.encode()
    assert parse(line, sample=iso).malformed == [("bad-time", line)]


def test_the_most_exact_of_several_times_is_taken() -> None:
    line = (
        b'{"time_local":"23/Nov/2026:02:49:13 +0000","time":"2026-11-23T02:49:13Z","msec":1795402153.203,"status":200}'
    )
    assert only(line).time == 1795402153.203
    line = b'{"time":1795402153,"ts":"2026-11-23T02:49:13.203Z","status":200}'
    assert only(line).time == 1795402153.203


def test_keys_are_known_by_the_names_people_give_them() -> None:
    values = {
        "@timestamp": 1795402153.203, "statusCode": 502, "rt": 0.5, "App-Name": "pay", "serverName": "a.example",
        "upstreamAddr": "10.0.0.1:80", "us": "502", "urt": "0.4", "trace_id": "t1", "uri": "/",
    }  # fmt: skip
    request = only(json.dumps(values).encode())
    assert msgspec.structs.astuple(request) == (
        1795402153.203, 502, 0.5, "pay", "a.example", "10.0.0.1:80", "502", "0.4", "t1",
    )  # fmt: skip


def test_a_key_that_json_would_have_to_escape_is_left_alone() -> None:
    request = only(b'{"time":1795402153.203,"status":200,"serv\\"ice":"a","host\\n":"b","h\\\\ost":"c"}')
    assert (request.service, request.host) == ("", "")


def test_values_decide_where_a_name_is_used_for_two_things() -> None:
    user_agent = only(b'{"time":1795402153.203,"status":200,"ua":"Mozilla/5.0 (X11)","us":"en-us"}')
    assert (user_agent.upstream_addr, user_agent.upstream_status) == ("", "")
    duration = only(b'{"time":0.013,"msec":"1795402153.203","status":200}')
    assert duration.time == 1795402153.203


def test_whole_milliseconds_are_not_taken_for_seconds() -> None:
    assert only(b'{"time":1795402153.203,"status":200,"latency":250}').request_time == -1.0
    assert only(b'{"time":1795402153.203,"status":200,"request_time":250}').request_time == -1.0
    assert only(b'{"time":1795402153.203,"status":200,"latency":0.25}').request_time == 0.25


def test_upstream_fields_may_come_as_numbers_or_null() -> None:
    line = b'{"time":1795402153.203,"status":200,"upstream_addr":"10.0.0.1:80","upstream_status":200,"urt":0.01}'
    none = b'{"time":1795402153.203,"status":200,"upstream_addr":null,"upstream_status":null,"urt":null}'
    batch = parse(line, none, sample=line)
    assert [(r.upstream_addr, r.upstream_status, r.upstream_response_time) for r in batch.requests] == [
        ("10.0.0.1:80", "200", "0.010"),
        ("", "", ""),
    ]


def test_json_without_a_time_or_a_status_is_refused_with_the_keys_that_were_found() -> None:
    with pytest.raises(UnknownFormat, match=r"no key holds the status and time; keys found: log, stream"):
        parser_for("auto", [b'{"log":"x","stream":"stdout"}'])
    with pytest.raises(UnknownFormat, match=r"no key holds the status;"):
        parser_for("json", [b'{"time":1795402153.203}'])


def test_the_description_says_what_was_found_and_what_was_not() -> None:
    parser = parser_for("auto", lines_of("minutes/train2.json.log.gz")[:5])
    assert parser.name == "json"
    assert parser.description == (
        "JSON; time, status, request_time, service, host, upstream_addr, upstream_status, upstream_response_time, "
        "request_id"
    )
    assert parser_for("auto", [b'{"t":1795402153.203,"status":200}']).description == (
        "JSON; time from t, status; without request_time, service, host, upstream_addr, upstream_status, "
        "upstream_response_time, request_id"
    )
