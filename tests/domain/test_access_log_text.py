"""Text logs: common, combined, what people add behind, and log_format strings of their own."""

from __future__ import annotations

import pytest
from sample_logs import facts

from incidents.domain.access_log import LONGEST_LINE, Request, parser_for
from incidents.domain.errors import UnknownFormat

BEGINNING = b'203.0.113.9 - - [23/Nov/2026:02:49:13 +0000] "GET /a HTTP/1.1" 200 1643'
COMBINED = BEGINNING + b' "-" "curl/8.0"'
EXTRAS = b' host=a.example svc=pay rt=0.013 ua="10.0.0.1:80" us="200" ut="0.012" rid=r1'


def only(format: str, line: bytes, *sample: bytes) -> Request:
    (request,) = parser_for(format, sample).parse([line]).requests
    return request


def test_common_and_combined_are_told_apart() -> None:
    for line, name in ((BEGINNING, "common"), (COMBINED, "combined"), (COMBINED + EXTRAS, "combined+")):
        parser = parser_for("auto", [line])
        assert parser.name == name
        assert facts(parser.parse([line]).requests[0])[:2] == (1795402153, 200)


def test_fields_behind_a_combined_line_are_known_by_their_keys() -> None:
    assert facts(only("auto", COMBINED + EXTRAS, COMBINED + EXTRAS)) == (
        1795402153, 200, 0.013, "pay", "a.example", "10.0.0.1:80", "200", "0.012", "r1",
    )  # fmt: skip


def test_fields_in_another_order_or_fewer_of_them_are_still_found() -> None:
    swapped = b' us="502, 200" rid=r2 ua="10.0.0.1:80, 10.0.0.2:80" svc=pay extra'
    request = only("auto", COMBINED + swapped, *[COMBINED + EXTRAS] * 3)
    assert (request.service, request.host, request.request_time) == ("pay", "-", -1.0)
    assert (request.upstream_addr, request.upstream_status) == ("10.0.0.1:80, 10.0.0.2:80", "502, 200")
    assert (request.upstream_response_time, request.request_id) == ("", "r2")
    bare = only("auto", COMBINED, *[COMBINED + EXTRAS] * 3)
    assert (bare.status, bare.service, bare.upstream_addr) == (200, "-", "")


def test_a_field_added_while_the_log_goes_on_does_not_become_part_of_the_last_one() -> None:
    assert only("auto", COMBINED + EXTRAS + b" new=1", *[COMBINED + EXTRAS] * 3).request_id == "r1"


@pytest.mark.parametrize("value", [b"abc", b"nan", b"1_0", b"", b"-", b"9" * 400])
def test_a_request_time_that_is_no_number_is_not_logged(value: bytes) -> None:
    line = COMBINED + EXTRAS.replace(b"0.013", value)
    assert only("auto", line, *[COMBINED + EXTRAS] * 3).request_time == -1.0


def test_the_main_format_of_nginxs_own_example_is_combined_with_something_behind() -> None:
    line = COMBINED + b' "-"'
    assert parser_for("auto", [line]).name == "combined+"
    assert only("auto", line, line).status == 200
    assert only("combined", line).status == 200


def test_milliseconds_behind_a_combined_line_are_used() -> None:
    line = COMBINED + b" msec=1795402153.203"
    parser = parser_for("auto", [line])
    assert [request.time for request in parser.parse([line, COMBINED]).requests] == [1795402153.203, 1795402153.0]
    assert "time from msec" in parser.description


def test_nothing_is_written_as_a_dash_and_read_as_nothing() -> None:
    line = COMBINED + b' host=- svc=- rt=- ua="-" us="-" ut="-" rid=-'
    assert facts(only("auto", line, COMBINED + EXTRAS))[2:] == (-1.0, "-", "-", "", "", "", "")


def test_a_client_who_left_keeps_the_dash_of_the_upstream_that_was_asked() -> None:
    line = COMBINED + b' ua="10.0.0.1:80" us="-" ut="1.2" svc=pay'
    assert only("auto", line, line).upstream_status == "-"


def test_what_a_client_sends_cannot_forge_fields() -> None:
    forged = rb'203.0.113.9 - - [23/Nov/2026:02:49:13 +0000] "GET /\x22 500 1 \x22-\x22 \x22-\x22 svc=other HTTP/1.1"'
    forged += rb' 400 150 "\x22 500" "x svc=other us=\x22500\x22"' + EXTRAS
    request = only("auto", forged, COMBINED + EXTRAS)
    assert (request.status, request.service, request.upstream_status) == (400, "pay", "200")


def test_a_user_name_may_hold_spaces_and_imitate_a_time() -> None:
    user = b"bob [01/Jan/2020:00:00:00 +0000] smith"
    line = COMBINED.replace(b"- - [", b"- " + user + b" [", 1)
    assert only("combined", line).time == 1795402153.0


def test_apaches_backslash_before_a_quote_does_not_end_a_field() -> None:
    line = BEGINNING + rb' "-" "say \"hi\" \\" svc="a\"b\\"'
    assert only("auto", line, line).service == 'a"b\\'


@pytest.mark.parametrize("request_line", [b"", b"-", b"GET /", b"\x16\x03\x01\xff", b"\x00\x00", b"  ", b"a" * 24_000])
@pytest.mark.parametrize("status", [b"400", b"408", b"009"])
def test_request_lines_of_all_kinds_are_parsed(request_line: bytes, status: bytes) -> None:
    line = COMBINED.replace(b"GET /a HTTP/1.1", request_line).replace(b" 200 ", b" " + status + b" ")
    assert only("combined", line).status == int(status)


def test_line_ends_do_not_matter() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        assert only("auto", COMBINED + EXTRAS + end, COMBINED + EXTRAS).request_id == "r1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello", "no-match"),
        (COMBINED[:-1], "no-match"),
        (COMBINED.replace(b"200", b"2000"), "no-match"),
        (COMBINED.replace(b"Nov", b"Foo"), "bad-time"),
        (COMBINED.replace(b"23/Nov", b"31/Nov"), "bad-time"),
        (COMBINED.replace(b"02:49:13", b"24:00:00"), "bad-time"),
        (COMBINED.replace(b"2026", b"1970"), "bad-time"),
        (COMBINED + b" " * LONGEST_LINE, "too-long"),
    ],
)
def test_a_line_that_does_not_fit_is_malformed_with_its_reason(line: bytes, reason: str) -> None:
    assert parser_for("combined", []).parse([line, COMBINED]).malformed == [(reason, line)]


def test_time_zones_of_every_sign_are_applied() -> None:
    for written, seconds in ((b"+0530", -19800), (b"-0330", 12600), (b"+1400", -50400), (b"-0000", 0)):
        assert only("common", BEGINNING.replace(b"+0000", written)).time == 1795402153.0 + seconds


def test_no_fit_is_told_in_one_line_with_the_first_line_made_safe() -> None:
    with pytest.raises(UnknownFormat) as refused:
        parser_for("auto", [b"\x1b[31m \xff hello\r\n" + b"x" * 500])
    told = str(refused.value)
    assert "tried json, combined, common" in told
    assert r"\x1b[31m \xff hello\x0d\x0a" in told
    assert "--format" in told
    assert told.isprintable()
    assert len(told) < 400


def test_auto_needs_a_line_to_look_at() -> None:
    for format in ("auto", "json"):
        with pytest.raises(UnknownFormat, match="no line yet"):
            parser_for(format, [b"", b"\n"])


def test_a_format_that_fits_no_line_at_all_is_refused_at_once() -> None:
    for format in ("combined", "common", "$msec $status"):
        with pytest.raises(UnknownFormat, match="no fit for the first lines, such as hello"):
            parser_for(format, [b"hello"])


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        UnknownFormat, match=r"unknown format nginx; pass --format json, combined, common, or the log_format"
    ):
        parser_for("nginx", [COMBINED])
