"""Any log_format as nginx.conf has it."""

from __future__ import annotations

import pytest

from incidents.domain.access_log import Request, parser_for
from incidents.domain.errors import UnknownFormat


def only(format: str, line: bytes) -> Request:
    (request,) = parser_for(format).parse([line]).requests
    return request


def upstreams(request: Request) -> tuple[str, str, str]:
    return request.upstream_addr, request.upstream_status, request.upstream_response_time


LISTS = ("[::1]:80, 10.0.0.2:80 : unix:/run/a.sock", "502, 200 : -", "0.001, 0.100 : -")


@pytest.mark.parametrize(
    "format",
    [
        "$msec $status $upstream_addr $upstream_status $upstream_response_time",
        "$msec|$status|$upstream_addr|$upstream_status|$upstream_response_time",
        "$msec;$status;$upstream_addr;$upstream_status;$upstream_response_time;",
        "$msec,$status,$upstream_addr,$upstream_status,$upstream_response_time",
        "$msec\t$status\t$upstream_addr\t$upstream_status\t$upstream_response_time",
        "[$msec] [$status] [$upstream_addr] [$upstream_status] [$upstream_response_time]",
        "$msec $status addr=$upstream_addr, st=$upstream_status, t=$upstream_response_time, end",
        "$msec $status a: $upstream_addr : $upstream_status ($upstream_response_time)",
        '$msec $status "$upstream_addr" "$upstream_status" "$upstream_response_time"',
        "<$upstream_addr> <$upstream_status> <$upstream_response_time> ${status}x $msec",
    ],
)
def test_upstream_lists_are_found_whatever_stands_around_them(format: str) -> None:
    line = format.replace("${status}", "200")
    for name, value in (
        ("upstream_addr", LISTS[0]),
        ("upstream_status", LISTS[1]),
        ("upstream_response_time", LISTS[2]),
        ("status", "200"),
        ("msec", "1795402153.203"),
    ):
        line = line.replace(f"${name}", value)
    request = only(format, line.encode())
    assert upstreams(request) == LISTS
    assert (request.time, request.status) == (1795402153.203, 200)


def test_the_whole_directive_may_be_pasted() -> None:
    directive = """
        log_format  main  escape=default  # ours
            '$remote_addr [$time_local] '   # it's here
            "\\"$request\\" $status "
            'rt=${request_time}s' ;  # end
    """
    request = only(directive, b'203.0.113.9 [23/Nov/2026:02:49:13 +0000] "GET / HTTP/1.1" 504 rt=3.001s')
    assert (request.time, request.status, request.request_time) == (1795402153.0, 504, 3.001)


def test_a_format_string_may_begin_with_a_quote_of_its_own() -> None:
    assert only('"$request" $status $msec', b'"GET /" 200 1795402153.203').status == 200


def test_pieces_in_single_quotes_are_joined() -> None:
    assert only("'$msec ' '$status'", b"1795402153.203 200").status == 200


def test_the_most_exact_time_is_taken() -> None:
    line = b"[23/Nov/2026:02:49:13 +0000] 2026-11-23T02:49:13+00:00 1795402153.203 200"
    assert only("[$time_local] $time_iso8601 $msec $status", line).time == 1795402153.203
    assert only("[$time_local] $time_iso8601 $msec $status", line).time == 1795402153.203
    assert only("$time_iso8601 $status", b"2026-11-23T10:49:13+08:00 200").time == 1795402153.0


def test_the_configured_server_goes_before_what_a_client_typed() -> None:
    line = b"1795402153.203 200 typed.example real.example"
    assert only("$msec $status $http_host $server_name", line).host == "real.example"
    assert only("$msec $status $http_host $foo", line).host == "typed.example"


def test_a_variable_of_ones_own_is_a_service_by_its_name_or_by_its_label() -> None:
    line = b"1795402153.203 200 svc=pay"
    assert only("$msec $status svc=$business_unit", line).service == "pay"
    assert only("$msec $status x=$service", line.replace(b"svc", b"x")).service == "pay"
    assert only("$msec $status app=$http_user_agent", line.replace(b"svc", b"app")).service == ""


def test_a_variable_that_stands_twice_is_read_once() -> None:
    assert only("$status $msec $status", b"200 1795402153.203 200").status == 200


def test_fields_without_delimiter_are_told_apart_where_their_shape_allows_it() -> None:
    assert only("$msec$status$pipe$request", b"1795402153.203200.GET /").status == 200


def test_unquoted_values_go_up_to_what_must_follow() -> None:
    format = "$http_user_agent $status $request_time $msec"
    request = only(format, b"Mozilla/5.0 (X 100 0.1) 200 0.5 1795402153.203")
    assert (request.status, request.request_time) == (200, 0.5)


def test_escapes_are_undone_as_the_format_says() -> None:
    assert only("$msec $status '$service'", rb"1795402153.203 200 '\xE4\xB8\xAD\x22'").service == '中"'
    json_escaped = "log_format x escape=json '$msec $status <$service>';"
    assert only(json_escaped, b'1795402153.203 200 <\\u4e2d\xe4\xb8\xad\\">').service == '中中"'
    raw = "log_format x escape=none '$msec $status <$service>';"
    assert only(raw, b'1795402153.203 200 <\\x22 "\xff>').service == '\\x22 "\\xff'


def test_with_other_escapes_nothing_is_written_as_nothing() -> None:
    format = (
        "log_format x escape=json '$msec $status rt=$request_time ua=$upstream_addr us=$upstream_status svc=$service';"
    )
    request = only(format, b"1795402153.203 400 rt= ua= us= svc=")
    assert (request.request_time, upstreams(request), request.service) == (-1.0, ("", "", ""), "-")


def test_a_format_that_writes_json_is_read_as_json_under_its_own_keys() -> None:
    format = """log_format j escape=json '{"t":"$time_iso8601","s":$status,"d":"$request_time",'
        '"where":"$upstream_addr","what":"$upstream_status","line":"$request"}';"""
    parser = parser_for(format)
    line = b'{"t":"2026-11-23T02:49:13+00:00","s":502,"d":"0.250","where":"10.0.0.1:80","what":"502","line":"GET /"}'
    (request,) = parser.parse([line]).requests
    assert parser.name == "json"
    assert "upstream_addr from where" in parser.description
    assert (request.time, request.status, request.request_time) == (1795402153.0, 502, 0.25)
    assert upstreams(request) == ("10.0.0.1:80", "502", "")


def test_keys_that_are_not_in_a_json_format_are_not_guessed() -> None:
    format = """{"msec":$msec,"status":$status,"service":"$http_user_agent"}"""
    line = b'{"msec":1795402153.203,"status":200,"service":"curl"}'
    assert only(format, line).service == ""


def test_a_json_format_with_a_key_that_json_would_have_to_escape_still_works() -> None:
    format = """{"msec":$msec,"status":$status,"ho\\\\st":"$host","up":"$upstream_addr"}"""
    request = only(format, b'{"msec":1795402153.203,"status":200,"ho\\\\st":"a","up":"10.0.0.1:80"}')
    assert (request.host, request.upstream_addr) == ("", "10.0.0.1:80")


def test_a_format_that_writes_nested_json_is_read_as_text() -> None:
    format = """log_format j escape=json '{"a":{"t":$msec,"s":$status},"svc":"$app","uri":"$request_uri"}';"""
    line = b'{"a":{"t":1795402153.203,"s":200},"svc":"pay \\"x\\"","uri":"/\\",\\"svc\\":\\"other"}'
    assert only(format, line).service == 'pay "x"'


@pytest.mark.parametrize(
    ("format", "told"),
    [
        ("$remote_addr $status", r"no time in it; add \$msec"),
        ("$msec $request", r"no \$status in it"),
        ("$msec $status $foo$bar", r"nothing stands between \$foo and \$bar"),
        ("$msec $status $request_time$bytes_sent", r"nothing stands between"),
        ("$msec $status $", r"a lone \$"),
        ("$msec $status ${foo", r"a lone \$"),
        ("log_format x escape=html '$msec $status';", "escape=html is unknown"),
        ("log_format x '$msec $status'; log_format y '$msec';", "give one directive"),
        ("log_format x '$msec $status", "quotes closed"),
        ('{"status":$status}', "no time in it"),
    ],
)
def test_a_format_that_cannot_be_used_says_why(format: str, told: str) -> None:
    with pytest.raises(UnknownFormat, match=told):
        parser_for(format)
