"""Text on a terminal: harmless, in the reader's zone, and times as people type them."""

from __future__ import annotations

import pytest
from cli_house import only

from incidents.cli import words

NOON = 1795435200
"""2026-11-23 12:00:00 UTC"""


def test_what_cannot_be_seen_stands_as_an_escape() -> None:
    assert words.harmless("a\x1b[2J\u202eb\x00\ud800") == "a\\x1b[2J\\u202eb\\x00\\ud800"
    assert words.harmless("订单 ×2 – é") == "订单 ×2 – é"


def test_an_error_is_one_line_whatever_is_in_it() -> None:
    assert words.one_line("two\nlines\t\x1b]0;title\x07") == "two lines \\x1b]0;title\\x07"


@pytest.mark.parametrize(
    ("first", "last", "zone", "text"),
    [
        (NOON, NOON, "UTC", "2026-11-23 12:00 +00:00"),
        (NOON, NOON + 300, "UTC", "2026-11-23 12:00..12:05 +00:00"),
        (NOON, NOON + 300, "Asia/Shanghai", "2026-11-23 20:00..20:05 +08:00"),
        (NOON, NOON + 43200, "UTC", "2026-11-23 12:00..11-24 00:00 +00:00"),
        (NOON, NOON + 40 * 86400, "UTC", "2026-11-23 12:00..2027-01-02 12:00 +00:00"),
        # The night when Berlin's clocks go back: 02:30 twice, told apart by the offset.
        (1792888200, 1792891800, "Europe/Berlin", "2026-10-25 02:30 +02:00..2026-10-25 02:30 +01:00"),
    ],
)
def test_minutes_say_no_more_than_needed_and_never_leave_a_doubt(first: int, last: int, zone: str, text: str) -> None:
    with only({"TZ": zone}):
        assert words.minutes_text(first, last) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (5760, "1 h 36 min"),
        (86400, "1 d"),
        (100000, "1 d 3 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert words.span_text(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")])
def test_a_size_has_a_unit(size: int, text: str) -> None:
    assert words.size_text(size) == text


@pytest.mark.parametrize(
    ("typed", "second"),
    [
        ("24h", NOON - 86400),
        ("7d", NOON - 7 * 86400),
        ("90 s", NOON - 90),
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T12:00:00+08:00", NOON - 8 * 3600),
        ("2026-11-23 12:00", NOON - 8 * 3600),
        ("2026-11-23", NOON - 20 * 3600),
    ],
)
def test_a_time_without_an_offset_is_the_readers(typed: str, second: int) -> None:
    with only({"TZ": "Asia/Shanghai"}):
        assert words.instant(typed, NOON) == second


@pytest.mark.parametrize("typed", ["", "yesterday", "2026-13-01", "24", "9" * 20 + "d"])
def test_what_is_no_time_is_refused_with_what_was_expected(typed: str) -> None:
    with pytest.raises(ValueError, match="expected 2026-11-23T10:00:00"):
        words.instant(typed, NOON)


@pytest.mark.parametrize("second", [-1.0, 0.0, 1e18, float(1 << 62)])
def test_no_second_is_too_wild_to_be_shown(second: float) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with only({"TZ": zone}):
            assert words.second_text(second)[:4] in ("1969", "1970", "9999")
