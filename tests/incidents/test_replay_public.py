"""Odd lines and other people's logs: no crash, and no line that is not counted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from backends.replay import read_logs
from incidents.domain.rulebook import Rulebook
from incidents.replay import Replay, Run, replay
from incidents.store.minutes import load

DATA = Path(__file__).parent.parent / "data"


def odd(kind: str) -> list[bytes]:
    """The odd requests in one format, in the order of their times."""
    pairs = [json.loads(text) for text in (DATA / "odd_lines.jsonl").read_text().splitlines()]
    return [str(pair[kind]).encode("latin-1") for pair in pairs]


def stored(lines: list[bytes]) -> tuple[Replay, list[object]]:
    played = Run(Rulebook())
    played.flush(lines, last=True)
    with played.store.read() as tx:
        rows = load(tx, 0, 1 << 40, late=True)
    return played.result(), [
        (minute, service, msgspec.to_builtins(tally))
        for minute, tallies in rows.items()
        for service, tally in tallies.items()
    ]


def test_odd_requests_give_the_same_rows_in_json_and_in_text() -> None:
    from_json, json_rows = stored(odd("json"))
    from_text, text_rows = stored(odd("text"))
    assert json_rows == text_rows
    assert len(json_rows) >= 1
    assert from_json.lines == from_text.lines
    assert from_json.lines.read == 33 == from_json.lines.parsed + from_json.lines.malformed
    assert from_json.lines.malformed == 0


@pytest.mark.parametrize("kind", ["json", "text"])
def test_every_odd_request_stands_in_a_row_or_is_counted_beside_it(kind: str) -> None:
    result, rows = stored(odd(kind))
    in_rows = sum(row[2][0] for row in rows)  # type: ignore[index]
    assert in_rows + result.lines.malformed + result.lines.quarantined == 33


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_odd_requests_in_the_midst_of_ordinary_ones_change_no_incident(log_format: str) -> None:
    log = str(DATA / "traces" / "train1" / f"access.{log_format}.log.gz")
    lines = [line for some, _ in read_logs([log]) for line in some]
    usual = replay([lines], Rulebook())
    strange = replay([lines[:9000] + odd(log_format) + lines[9000:]], Rulebook())
    assert strange.lines.read == usual.lines.read + 33 == strange.lines.parsed
    assert [(i.id, i.last_minute) for i in strange.incidents] == [(i.id, i.last_minute) for i in usual.incidents]


@pytest.mark.parametrize(
    ("name", "read", "malformed"),
    [
        ("elastic_apache_combined.log.gz", 10_000, {"no-match": 1}),
        ("nasa_jul95_first4000_clf.log.gz", 4_000, {}),
        ("heka_zeus_first20.log", 20, {}),
    ],
)
def test_other_peoples_logs_are_read_to_the_last_line(name: str, read: int, malformed: dict[str, int]) -> None:
    played = Run(Rulebook())
    lines = [line for some, _ in read_logs([str(DATA / "public" / name)]) for line in some]
    played.flush(lines, last=True)
    result = played.result()
    assert (result.lines.read, result.malformed) == (read, malformed)
    assert result.lines.read == result.lines.parsed + result.lines.malformed
    with played.store.read() as tx:
        rows = load(tx, 0, 1 << 40, late=True)
    in_rows = sum(tally.total for tallies in rows.values() for tally in tallies.values())
    assert in_rows == result.lines.parsed - result.lines.quarantined


def test_nasas_web_server_of_1995_is_one_service_without_upstreams() -> None:
    name = str(DATA / "public" / "nasa_jul95_first4000_clf.log.gz")
    result = replay((lines for lines, _ in read_logs([name])), Rulebook())
    assert {incident.service for incident in result.incidents} <= {"__other__"}
    assert all(incident.blame.kind.value == "service" for incident in result.incidents)
    first = gzip.decompress(Path(name).read_bytes()).splitlines()[0]
    assert b"01/Jul/1995:00:00:01 -0400" in first
    assert result.start == 804571201
