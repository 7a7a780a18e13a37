"""Which lines are late, which come from a wrong clock: by the order of the lines alone, however they are cut up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.domain.watermark import AHEAD, BELIEVED_AT_END, CONFIRMATIONS, LATENESS, Watermark

START = 1_772_409_600
HOUR = list(range(START, START + 120))
DAY = 86400


class Outcome:
    """What became of each line, by its place in the log."""

    def __init__(self) -> None:
        self.on_time: list[int] = []
        self.late: list[int] = []
        self.quarantined = 0
        self.mark = 0

    def facts(self) -> tuple[object, ...]:
        return sorted(self.on_time), self.late, self.quarantined, self.mark


def admit(seconds: list[int], batches: list[int] | None = None, ceiling: int | None = None) -> Outcome:
    """Feeds the lines in batches of these sizes, as `Fold.add` does: plain batches are not looked at line by line."""
    watermark: Watermark[int] = Watermark()
    outcome = Outcome()
    start = 0
    sizes = [*(batches or []), len(seconds)]
    for size in sizes:
        batch = seconds[start : start + size]
        if not batch:
            break
        if watermark.is_plain(min(batch), max(batch), ceiling):
            watermark.second = max(watermark.second, *batch)
            outcome.on_time += range(start, start + len(batch))
        else:
            found = watermark.admit(batch, lambda index, first=start: first + index, ceiling)  # type: ignore[misc]
            aside = {*found.late, *found.quarantined, *found.held}
            outcome.on_time += [start + i for i in range(len(batch)) if i not in aside] + found.released
            outcome.late += [start + i for i in found.late]
            outcome.quarantined += len(found.quarantined) + found.dropped
        start += len(batch)
    end = watermark.finish()
    outcome.on_time += end.released
    outcome.quarantined += end.dropped
    outcome.mark = watermark.second
    return outcome


@pytest.mark.parametrize(
    ("ahead", "behind", "late"),
    [
        (60 + LATENESS - 1, 59, False),
        (60 + LATENESS, 59, True),
        (60 + LATENESS, 60, False),
        (119 + LATENESS, 60, False),
        (120 + LATENESS, 119, True),
        (120 + LATENESS, 120, False),
    ],
)
def test_a_line_is_late_when_its_minute_ended_lateness_seconds_before_what_was_read(
    ahead: int, behind: int, late: bool
) -> None:
    seconds = [*range(START, START + 10), START + ahead, START + behind]
    outcome = admit(seconds)
    assert outcome.late == ([len(seconds) - 1] if late else [])
    assert outcome.quarantined == 0


def test_a_line_behind_another_in_the_same_minute_is_never_late() -> None:
    assert admit([*HOUR[:60], *reversed(HOUR[:60])]).late == []


def test_the_watermark_never_goes_back() -> None:
    assert admit([*HOUR, START]).mark == HOUR[-1]


@pytest.mark.parametrize("jump", [AHEAD + 1, DAY, 365 * DAY])
def test_a_lone_forward_jump_in_a_replay_is_quarantined_and_closes_nothing(jump: int) -> None:
    seconds = [*HOUR[:60], START + 59 + jump, *HOUR[60:]]
    outcome = admit(seconds)
    assert outcome.facts() == (sorted({*range(121)} - {60}), [], 1, HOUR[-1])


def test_a_jump_that_the_following_lines_confirm_is_the_log_going_on_after_a_pause() -> None:
    later = [second + 5 * 3600 for second in HOUR]
    outcome = admit([*HOUR, *later])
    assert outcome.facts() == (list(range(240)), [], 0, later[-1])


def test_it_takes_as_many_lines_as_it_says_to_confirm_a_jump() -> None:
    too_few = [START + DAY + i for i in range(CONFIRMATIONS)]
    enough = [START + DAY + i for i in range(CONFIRMATIONS + 1)]
    assert admit([*HOUR, *too_few, HOUR[-1]]).quarantined == len(too_few)
    outcome = admit([*HOUR, *enough, HOUR[-1]])
    assert (outcome.quarantined, outcome.late) == (0, [len(HOUR) + len(enough)])


def test_a_wrong_clock_among_the_lines_that_confirm_a_jump_does_not_come_in_with_them() -> None:
    later = [second + 5 * 3600 for second in HOUR]
    seconds = [*HOUR, *later[:2], START + 365 * DAY, *later[2:]]
    outcome = admit(seconds)
    assert (outcome.quarantined, outcome.late, outcome.mark) == (1, [], later[-1])
    assert len(outcome.on_time) == 240


def test_a_log_whose_first_line_has_a_wrong_clock_is_not_late_as_a_whole() -> None:
    outcome = admit([START + DAY, *HOUR])
    assert outcome.facts() == (list(range(1, 121)), [], 1, HOUR[-1])


@pytest.mark.parametrize(("step", "believed"), [(BELIEVED_AT_END, True), (BELIEVED_AT_END + 1, False)])
def test_a_jump_at_the_very_end_is_believed_up_to_an_hour(step: int, believed: bool) -> None:
    last = HOUR[-1] + step
    outcome = admit([*HOUR, last])
    assert (outcome.quarantined, outcome.mark) == ((0, last) if believed else (1, HOUR[-1]))


def test_a_log_of_a_few_lines_is_counted_and_a_wrong_clock_at_its_end_takes_nothing_along() -> None:
    assert admit([START, START + 1, START + DAY]).facts() == ([0, 1], [], 1, START + 1)


def test_live_a_line_two_minutes_ahead_of_the_clock_is_quarantined_and_one_less_is_not() -> None:
    ceiling = HOUR[-1] + AHEAD
    assert admit([*HOUR, ceiling], ceiling=ceiling).facts() == (list(range(121)), [], 0, ceiling)
    assert admit([*HOUR, ceiling + 1], ceiling=ceiling).facts() == (list(range(120)), [], 1, HOUR[-1])


def test_live_a_pause_of_hours_needs_no_confirmation() -> None:
    late = START + 5 * 3600
    assert admit([*HOUR, late], ceiling=late + 10).facts() == (list(range(121)), [], 0, late)


steps = st.one_of(st.integers(-3, 8), st.integers(-200, 200), st.sampled_from([-5000, -DAY, 4000, DAY, DAY]))


@given(st.lists(steps, min_size=1, max_size=60), st.lists(st.integers(1, 20), max_size=20), st.booleans())
def test_what_becomes_of_a_line_does_not_depend_on_how_the_log_was_cut(
    moves: list[int], batches: list[int], live: bool
) -> None:
    seconds = [START]
    for move in moves:
        seconds.append(max(START - DAY, seconds[-1] + move))
    ceiling = START + 3600 if live else None
    together = admit(seconds, ceiling=ceiling)
    assert admit(seconds, batches, ceiling).facts() == together.facts()
    assert admit(seconds, [1] * len(seconds), ceiling).facts() == together.facts()


@given(st.lists(steps, min_size=1, max_size=60), st.booleans())
def test_every_line_is_on_time_or_late_or_quarantined(moves: list[int], live: bool) -> None:
    seconds = [START]
    for move in moves:
        seconds.append(seconds[-1] + move)
    outcome = admit(seconds, ceiling=START + 300 if live else None)
    assert len(outcome.on_time) + len(outcome.late) + outcome.quarantined == len(seconds)
    assert len({*outcome.on_time, *outcome.late}) == len(outcome.on_time) + len(outcome.late)


@given(st.lists(st.integers(0, 600), min_size=1, max_size=60))
def test_live_a_naive_reader_with_one_rule_comes_to_the_same(offsets: list[int]) -> None:
    seconds = [START + offset for offset in offsets]
    late = []
    for index, second in enumerate(seconds):
        read = max(seconds[:index], default=0)
        if second // 60 * 60 + 60 + LATENESS <= read:
            late.append(index)
    assert admit(seconds, ceiling=START + 600).late == late
