"""The JSON of an incident and of a replay: the contract of `tocsin replay --json`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.replay import read_logs
from incidents.configcentre import load
from incidents.documents import (
    CONTRACT,
    brief_document,
    contract_document,
    incident_document,
    moment,
    replay_document,
    second_of,
)
from incidents.domain.rulebook import Rulebook
from incidents.replay import replay
from incidents.store.incidents import Filter, find
from tests.incidents.api_house import TRACE, replayed_house

CONTRACT_IN_WORDS = """
id service state merged_into severity onset_at detected_at resolved_at closed_at reopened first_minute last_minute
symptoms blame nodes totals peak first_bad_at last_bad_at samples messages
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    result = replay((lines for lines, _ in read_logs([str(TRACE)])), Rulebook())
    found = json.loads(msgspec.json.encode(replay_document(result)))
    assert isinstance(found, dict)
    return found


def test_a_replay_has_the_keys_of_the_contract_and_no_others(document: dict[str, Any]) -> None:
    assert list(document) == ["lines", "from", "to", "self", "incidents"]
    assert list(document["lines"]) == ["read", "parsed", "malformed", "late", "quarantined"]
    assert document["incidents"]
    for incident in document["incidents"]:
        assert list(incident) == CONTRACT_IN_WORDS.split() == list(CONTRACT)
        assert all(
            list(symptom) == ["rule", "node", "first_minute", "last_minute", "bad", "total"]
            for symptom in incident["symptoms"]
        )
        assert all(list(sample) == ["request_id", "line"] for sample in incident["samples"])
        assert all(list(message) == ["kind", "at"] for message in incident["messages"])
        assert list(incident["blame"]) == ["kind", "nodes", "verdict"]
        assert list(incident["peak"]) == ["minute", "bad", "total"]
        assert list(incident["totals"]) == [
            "requests",
            "bad_requests",
            "attempts",
            "bad_attempts",
            "masked_by_retry",
            "by_status",
        ]
        for node in incident["nodes"]:
            assert list(node) == ["node", "attempts", "bad", "share", "by_status"]


def test_times_are_rfc_3339_in_whole_seconds_and_minutes_are_their_start(
    document: dict[str, Any],
) -> None:
    first = document["incidents"][0]
    assert document["from"] == "2026-11-23T02:47:00Z"
    assert first["onset_at"] == first["first_minute"]
    assert first["first_minute"].endswith(":00Z")
    assert second_of(first["first_minute"]) % 60 == 0


def test_an_empty_log_has_neither_beginning_nor_end() -> None:
    found = replay_document(replay([], Rulebook()))
    assert (found["from"], found["to"], found["incidents"], found["self"]) == (None, None, [], [])


def test_the_brief_and_the_whole_document_agree_wherever_both_speak() -> None:
    house = replayed_house()
    with house.store.read() as tx:
        found = find(tx, Filter(limit=100))
    result = replay((lines for lines, _ in read_logs([str(TRACE)])), load("", "built-in", 0))
    whole = {summary.id: incident_document(summary) for summary in result.incidents}
    assert {incident.id for incident in found} == set(whole)
    for incident in found:
        brief = brief_document(incident)
        symptoms = brief.pop("symptoms")
        assert brief == {key: whole[incident.id][key] for key in brief}
        assert isinstance(symptoms, list) and symptoms


def test_the_whole_document_begins_with_the_contract() -> None:
    result = replay((lines for lines, _ in read_logs([str(TRACE)])), Rulebook())
    summary = result.incidents[0]
    assert list(incident_document(summary))[: len(CONTRACT)] == list(contract_document(summary))


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1795401659.999, "2026-11-23T02:40:59Z"),
        (-5, "1970-01-01T00:00:00Z"),
        (1e18, "9999-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_cut_off_never_rounded_and_never_raises(second: float, text: str) -> None:
    assert moment(second) == text


@given(st.integers(0, 253_402_300_799))
def test_reading_a_moment_gives_its_second_back(second: int) -> None:
    assert second_of(moment(second)) == second


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-23T10:51:00+08:00", "2026-11-23T02:51:00Z"),
        ("2026-11-23t02:51:00.9z", "2026-11-23T02:51:00Z"),
        ("2026-11-22 21:21:00-05:30", "2026-11-23T02:51:00Z"),
    ],
)
def test_every_zone_of_rfc_3339_is_read(text: str, same: str) -> None:
    assert moment(second_of(text)) == same


@pytest.mark.parametrize(
    "text", ["", "2026-11-23", "2026-11-23T02:51:00", "2026-13-01T00:00:00Z", "1795401659", "２０２６-11-23T02:51:00Z"]
)
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        second_of(text)
