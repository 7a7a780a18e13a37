"""`tocsin replay`: the contract of its JSON, and what a person reads."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import msgspec
import pytest
from cli_house import BAD, START, line, log_lines, one_line_error, tocsin, write_log

from incidents.documents import CONTRACT


def test_the_json_is_one_object_of_the_contract_and_nothing_else(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path), "--json")
    assert (result.code, result.err) == (0, "")
    document = result.json()
    assert list(document) == ["lines", "from", "to", "self", "incidents"]
    assert document["lines"] == {"read": 600, "parsed": 600, "malformed": 0, "late": 0, "quarantined": 0}
    [incident] = document["incidents"]
    assert tuple(incident) == CONTRACT
    assert (incident["service"], incident["state"]) == ("shop", "closed")
    assert incident["blame"]["nodes"] == [BAD]
    assert [message["kind"] for message in incident["messages"]] == ["onset", "summary"]


def test_the_table_says_who_when_how_bad_and_what_was_told(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path))
    assert result.code == 0
    [_, row, *rest] = result.out.splitlines()
    cells = re.split(r" {2,}", row)
    assert cells == [
        "shop",
        f"node {BAD}",
        "warning",
        "2026-11-23 02:59..03:00 +00:00",
        "2 min",
        "30/60",
        "502×30",
        "closed",
        "onset 03:01, summary 03:06",
    ]
    assert rest[1] == ("1 incident; 600 lines read, 600 parsed, 0 malformed, 0 late, 0 quarantined; format json")


def test_times_are_in_the_readers_zone_with_its_offset(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path), TZ="Asia/Shanghai")
    assert "2026-11-23 10:59..11:00 +08:00" in result.out


def test_malformed_lines_are_told_by_reason(tmp_path: Path) -> None:
    lines = [*log_lines(), b"not json at all", b'{"time":1795402560}', b"nor this"]
    result = tocsin("replay", write_log(tmp_path, lines))
    assert re.search(r"603 lines read, 600 parsed, 3 malformed \(missing-status 1, not-json 2\)", result.out), (
        result.out
    )


def test_logs_are_read_in_the_order_given_as_one_source(tmp_path: Path) -> None:
    lines = log_lines()
    first = tmp_path / "access.log.1.gz"
    first.write_bytes(gzip.compress(b"".join(found + b"\n" for found in lines[:300])))
    second = write_log(tmp_path, lines[300:])
    whole = write_log(tmp_path, lines, "whole.log")
    assert tocsin("replay", first, second, "--json").json() == tocsin("replay", whole, "--json").json()


def test_standard_input_is_a_log_too(tmp_path: Path) -> None:
    log = write_log(tmp_path)
    assert tocsin("replay", "-", "--json", stdin=log.read_bytes()).json() == tocsin("replay", log, "--json").json()


def test_a_log_format_string_is_taken_as_nginx_has_it(tmp_path: Path) -> None:
    log = write_log(tmp_path, [b"%d.000 200 10.0.0.1:80 200" % (START + second) for second in range(120)])
    written = "$msec $status $upstream_addr $upstream_status"
    assert tocsin("replay", log, "--format", written, "--json").json()["lines"]["parsed"] == 120


def test_a_replay_leaves_nothing_behind(tmp_path: Path) -> None:
    log = write_log(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    before = sorted(tmp_path.rglob("*"))
    here = Path.cwd()
    os.chdir(home)
    try:
        result = tocsin("replay", log, "--json", HOME=str(home), XDG_DATA_HOME=str(home / "data"))
    finally:
        os.chdir(here)
    assert result.code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_replay_needs_no_valid_settings(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path), "--json", TOCSIN_DATABASE_URL="nonsense", TOCSIN_API__PORT="many")
    assert result.code == 0


def test_the_rules_of_a_file_are_judged_by_and_its_channels_are_told_nothing(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules: {5xx: off}\nchannels: {pager: {type: webhook, url: 'http://127.0.0.1:9/'}}\n", encoding="utf-8"
    )
    log = write_log(tmp_path)
    assert len(tocsin("replay", log, "--json").json()["incidents"]) == 1
    assert tocsin("replay", log, "--rules", rules, "--json").json()["incidents"] == []


def test_lateness_is_how_long_a_minute_waits_for_stragglers(tmp_path: Path) -> None:
    lines = log_lines(bad_minutes=())
    lines.insert(200, line(START + 170))  # 30 s behind, in a minute that closes 5 s after its end
    log = write_log(tmp_path, lines)
    assert tocsin("replay", log, "--lateness", "5", "--json").json()["lines"]["late"] == 1
    assert tocsin("replay", log, "--lateness", "60", "--json").json()["lines"]["late"] == 0


def test_an_empty_log_gives_an_empty_object_and_one_line_that_says_so(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path, []), "--json")
    assert result.code == 0
    assert result.json()["from"] is None
    assert "not one line in it" in result.err and len(result.err.splitlines()) == 1


def test_log_text_is_neither_markup_nor_an_escape_sequence_on_the_screen(tmp_path: Path) -> None:
    lines = log_lines("[bold red]shop[/] [link=http://evil.example]:boom:")
    result = tocsin("replay", write_log(tmp_path, lines), FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="400")
    assert "[bold red]shop[/] [link=http://evil.example]:boom:" in result.out
    assert "\x1b]8;" not in result.out  # what a terminal makes a link of


def test_nothing_is_wrapped_cut_or_coloured_in_a_pipe(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path, log_lines("s" * 60)), COLUMNS="40", FORCE_COLOR="")
    [_, row, *_] = result.out.splitlines()
    assert "s" * 60 in row and "summary" in row
    assert not any(written.endswith(" ") for written in result.out.splitlines())
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["missing.log"], "no such file"),
        (["."], "is a directory"),
        (["good.log", "--format", "xml"], "unknown format"),
        (["good.log", "--format", "$remote_addr"], "time"),
        (["text.log"], "pass --format"),
        (["broken.gz"], "damaged"),
        (["good.log", "--rules", "missing.yaml"], "rulebook missing.yaml: No such file or directory"),
        (["good.log", "--rules", "bad.yaml"], "bad.yaml:2: "),
    ],
)
def test_bad_input_is_one_line_that_says_how_to_mend_it(tmp_path: Path, given: list[str], told: str) -> None:
    write_log(tmp_path, name="good.log")
    write_log(tmp_path, [b"nothing like a log"] * 3, name="text.log")
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b"\n".join(log_lines()))[:-200])
    (tmp_path / "bad.yaml").write_text("rules:\n  5xx: {flor: 2%}\n", encoding="utf-8")
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert told in one_line_error(tocsin("replay", *given, "--json"))
    finally:
        os.chdir(here)


def test_a_log_that_may_not_be_read_is_told_with_the_remedy(tmp_path: Path) -> None:
    log = write_log(tmp_path)
    log.chmod(0)
    if os.access(log, os.R_OK):  # root reads everything: the message is the backend's, and tested there
        log.chmod(0o600)
        return
    assert "may not read it; try:" in one_line_error(tocsin("replay", log))


def test_the_object_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    result = tocsin("replay", write_log(tmp_path, log_lines("订单")), "--json", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert msgspec.json.decode(result.out)["incidents"][0]["service"] == "订单"
