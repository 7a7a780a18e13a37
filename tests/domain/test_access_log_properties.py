"""What must hold for any bytes, any batch and any log_format."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sample_logs import facts, lines_of, odd_pairs

from incidents.domain.access_log import LONGEST_LINE, Parser, Reason, attempts, parser_for
from incidents.domain.access_log.times import EARLIEST, LATEST

JSON_LINES = lines_of("minutes/train1.json.log.gz")[:60] + [pair[0] for pair in odd_pairs().values()]
TEXT_LINES = lines_of("minutes/train1.text.log.gz")[:60] + [pair[1] for pair in odd_pairs().values()]
ISO_LINES = [re.sub(rb'"time":"?[\d.]+"?,', b"", line) for line in JSON_LINES]
LOG_FORMAT = '$remote_user [$time_local] $request $status "$http_referer" $upstream_addr, $upstream_status; $request_id'
NESTED_JSON = """log_format j escape=json '{"a":{"t":$msec,"s":$status},"u":"$upstream_addr","r":"$request"}';"""

PARSERS: dict[str, Parser] = {
    "json": parser_for("json", JSON_LINES),
    "json-iso": parser_for("json", ISO_LINES),
    "combined+": parser_for("auto", TEXT_LINES),
    "combined": parser_for("combined"),
    "common": parser_for("common"),
    "log_format": parser_for(LOG_FORMAT),
    "log_format-json": parser_for(NESTED_JSON),
    "log_format-none": parser_for(f"log_format x escape=none '{LOG_FORMAT}';"),
}
JUNK = [
    b'"',
    b"\\",
    b"\\x",
    b"\\u00",
    b", ",
    b" : ",
    b"{",
    b"}",
    b"[",
    b"-",
    b"\x00",
    b"\xff",
    b" ",
    b"9" * 30,
    b"nan",
    b":",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real line with pieces cut out, doubled or replaced by what parsers stumble over."""
    line = draw(st.sampled_from(JSON_LINES + ISO_LINES + TEXT_LINES))[:2000]
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 12)))
        line = line[:start] + draw(st.one_of(st.sampled_from(JUNK), st.binary(max_size=6))) + line[end:]
    return line


any_lines = st.lists(st.one_of(damaged(), st.binary(max_size=80)), max_size=30)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, deadline=None)
@given(lines=any_lines)
def test_any_bytes_are_parsed_or_malformed_with_a_reason(name: str, lines: list[bytes]) -> None:
    batch = PARSERS[name].parse(lines)
    assert len(batch.requests) == len(batch.lines)
    assert sorted(batch.lines + [line for _, line in batch.malformed]) == sorted(lines)
    assert {reason for reason, _ in batch.malformed} <= set(Reason)
    for request in batch.requests:
        assert type(request.time) is float
        assert EARLIEST <= request.time <= LATEST
        assert type(request.status) is int
        assert 0 <= request.status <= 999
        assert request.request_time == -1.0 or 0 <= request.request_time <= 1e10
        "".join(map(str, facts(request))).encode()
        for attempt in attempts(
            request.upstream_addr, request.upstream_status, request.upstream_response_time, request.status
        ):
            assert attempt.time == -1.0 or 0 <= attempt.time < 1e10


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=50, deadline=None)
@given(lines=any_lines, cut=st.integers(1, 20))
def test_how_lines_come_in_batches_does_not_matter(name: str, lines: list[bytes], cut: int) -> None:
    parser = PARSERS[name]
    whole = parser.parse(lines * 3)
    pieces = [parser.parse((lines * 3)[i : i + cut]) for i in range(0, 3 * len(lines), cut)]
    assert [facts(r) for r in whole.requests] == [facts(r) for piece in pieces for r in piece.requests]
    assert whole.malformed == [each for piece in pieces for each in piece.malformed]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.integers(-5, 1000))
@example("a, b : c", "", "", 499)
def test_attempts_of_any_text_are_as_many_as_addresses(addr: str, status: str, times: str, final: int) -> None:
    assert len(attempts(addr, status, times, final)) <= addr.count(", ") + addr.count(" : ") + 1


# --- any log_format, rendered as nginx renders it ---

LISTS = {
    "upstream_addr": st.sampled_from(["10.0.0.1:80", "[::1]:8080", "unix:/run/a.sock", "some_pool"]),
    "upstream_status": st.sampled_from(["200", "502", "-", "009"]),
    "upstream_response_time": st.sampled_from(["0.001", "12.000", "-"]),
}
ANY_TEXT = st.text(max_size=12)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "status": st.integers(0, 999).map("{:03}".format),
    "msec": st.integers(10**12, 2 * 10**12).map(lambda ms: f"{ms // 1000}.{ms % 1000:03}"),
    "request_time": st.integers(0, 10**6).map(lambda ms: f"{ms // 1000}.{ms % 1000:03}"),
    "body_bytes_sent": st.integers(0, 10**12).map(str),
    "service": ANY_TEXT,
    "request_id": ANY_TEXT,
    "http_user_agent": ANY_TEXT,
    "request": ANY_TEXT,
}


def escaped(value: str, *, also: str = "") -> str:
    r"""As escape=default writes it: \xHH for quotes, backslashes, control characters and all that is not ASCII.

    `also` are characters that this format gives a meaning and that the client is therefore taken not to send.
    """
    if not value:
        return "-"
    return "".join(
        f"\\x{byte:02X}" if byte < 32 or byte > 126 or chr(byte) in '"\\' + also else chr(byte)
        for byte in value.encode()
    )


@st.composite
def formats(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    """A log_format, a line of it, and the value of each variable."""
    names = draw(st.lists(st.sampled_from([*VALUES, *LISTS]), unique=True))
    names = draw(st.permutations([*dict.fromkeys(["status", "msec", *names])]))
    format, line = "", ""
    values: dict[str, str] = {}
    for number, name in enumerate(names):
        opening, closing = draw(
            st.sampled_from([(" ", ""), (' "', '"'), (" k=", ""), ("|", ""), (' x="', '"'), (" [", "]")])
        )
        if name in LISTS:
            values[name] = draw(st.lists(LISTS[name], min_size=1, max_size=3).map(", ".join))
            written = values[name]
        else:
            values[name] = draw(VALUES[name])
            # Without quotes around it, a value can only be told from what follows when that is not in it.
            written = escaped(values[name], also="" if closing == '"' else " |]")
        format += f"{opening}${name}{closing}"
        line += f"{opening}{written}{closing}"
        if number == len(names) - 1:
            format, line = format + ".", line + "."
    return f"log{format}", f"log{line}", values


@settings(max_examples=400, deadline=None)
@given(formats())
def test_any_log_format_gives_back_the_values_it_was_written_with(case: tuple[str, str, dict[str, str]]) -> None:
    format, line, values = case
    batch = parser_for(format).parse([line.encode()])
    assert batch.malformed == []
    (request,) = batch.requests
    assert (f"{request.time:.3f}", f"{request.status:03}") == (values["msec"], values["status"])
    if "request_time" in values:
        assert f"{request.request_time:.3f}" == values["request_time"]
    for name in ("service", "request_id", *LISTS):
        expected = values.get(name, "")
        if name == "service" and name in values:
            expected = expected or "-"
        if name == "request_id" and expected == "-":
            expected = ""
        assert getattr(request, name) == expected, name


# --- time linear in the line ---

HOSTILE = {
    "spaces": b" ",
    "quotes": b'"',
    "quoted words": b'" "',
    "backslashes": b"\\",
    "escapes": b"\\x22",
    "time beginnings": b" [23/Nov/2026:02:49:13 +0000] ",
    "brackets": b"[",
    "list separators": b", ",
    "groups": b" : ",
    "addresses": b"10.0.0.1:80, ",
    "pairs": b'"a":"b",',
    "bare pairs": b'"a":,',
    "commas in a bare value": b",  ",
    "keys": b" k=v",
    "keys without values": b' k="',
    "digits": b"9",
}
BEGINNINGS = (
    b"",
    b"{",
    b'{"a":',
    b'{"a":"',
    b'1.1.1.1 - - [23/Nov/2026:02:49:13 +0000] "',
    b'1.1.1.1 - - [23/Nov/2026:02:49:13 +0000] "" 200 5 "" ""',
)


def seconds(parser: Parser, line: bytes) -> float:
    """The best of a few runs, so that a busy machine does not count."""
    best = float("inf")
    for _ in range(3):
        start = process_time()
        for _ in range(2):
            parser.parse([line])
        best = min(best, process_time() - start)
    return best


@pytest.mark.parametrize("name", PARSERS)
def test_a_hostile_line_costs_no_more_than_its_length(name: str) -> None:
    """Ten times the length may cost ten times as much; were anything tried over and over, it would be a hundred."""
    parser = PARSERS[name]
    slow: dict[str, float] = {}
    for shape, unit in HOSTILE.items():
        for beginning in BEGINNINGS:
            short, long = (beginning + (unit * size)[: size - 100] for size in (LONGEST_LINE // 10, LONGEST_LINE))
            # The floor keeps lines that are refused at their first byte from being compared with the clock's grain.
            ratio = seconds(parser, long) / max(seconds(parser, short), 1e-4)
            if ratio > 40:
                slow[f"{beginning!r} {shape}"] = ratio
    assert slow == {}
