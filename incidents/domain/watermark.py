"""Event time: how far a partition has been read, which lines are late, and which come from a clock that is wrong.

A line belongs to the minute of its own event time. It is late when its minute had ended `lateness` seconds before the
latest event time read ahead of it in its partition: that depends on the order of the lines alone, never on how they
were cut into batches, so a replay and a live run agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from incidents.domain.minute import MINUTE

LATENESS = 5
"""Seconds that a minute waits for stragglers after its end."""

AHEAD = 120
"""Seconds ahead of the clock (live), or of the line before (replay), above which an event time is doubted."""

T = TypeVar("T")

CONFIRMATIONS = 5
"""Lines that must follow a forward jump of a replay before it is believed."""

BELIEVED_AT_END = 3600
"""A jump that nothing follows is believed up to an hour: beyond, it is a wrong clock or a wrong time zone."""


class Admission(NamedTuple, Generic[T]):
    """What `Watermark.admit` decided about one batch. Indexes not named are on time.

    `released` are lines held back (by this call or earlier ones) that proved to be on time; `dropped` counts those that
    proved to come from a wrong clock, on top of `quarantined`.
    """

    late: list[int]
    quarantined: list[int]
    held: list[int]
    released: list[T]
    dropped: int


class Watermark(Generic[T]):
    """One partition's watermark: the latest event time read, in whole seconds since the epoch (0: none yet).

    Live, `ceiling` (clock + AHEAD) tells the future from the present. In a replay there is no such clock (ceiling
    None): a forward jump is held back until CONFIRMATIONS lines follow it, and is a wrong clock when a line goes back
    before it.
    """

    def __init__(self, second: int = 0, lateness: int = LATENESS) -> None:
        self.second = second
        self.lateness = lateness
        self._held: list[tuple[int, T]] = []
        self._back_to = 0

    @property
    def is_holding(self) -> bool:
        """Whether lines are held back."""
        return bool(self._held)

    def is_plain(self, lowest: int, highest: int, ceiling: int | None) -> bool:
        """Whether a batch between these seconds holds nothing late and nothing doubtful, whatever its order."""
        if self._held or (ceiling is None and not self.second):
            return False  # a replay's first line is doubted too, or its fate would depend on the size of the batch
        reach = max(self.second, highest)
        limit = ceiling if ceiling is not None else (self.second or lowest) + AHEAD
        return highest <= limit and lowest >= late_before(reach, self.lateness)

    def admit(self, seconds: Sequence[int], payload: Callable[[int], T], ceiling: int | None) -> Admission[T]:
        """Sorts the lines of one batch by their event times and moves the watermark on.

        `payload(index)` gives what to keep of a line that is held back.
        """
        late: list[int] = []
        quarantined: list[int] = []
        held: list[int] = []
        released: list[T] = []
        dropped = 0
        mark = self.second
        limit = late_before(mark, self.lateness)
        for index, second in enumerate(seconds):
            if self._held:
                if second >= self._back_to:
                    self._held.append((second, payload(index)))
                    held.append(index)
                    if len(self._held) > CONFIRMATIONS:
                        dropped += self._release(released, AHEAD)
                        mark = self.second
                        limit = late_before(mark, self.lateness)
                    continue
                dropped += len(self._held)
                self._held.clear()
            if second > mark:
                if ceiling is not None:
                    if second > ceiling:
                        quarantined.append(index)
                        continue
                elif not mark or second > mark + AHEAD:
                    # The very first line has nothing before it to be measured by: it waits for those that follow too.
                    # What is near the line before the jump again refutes it; what has jumped as well confirms it.
                    self._back_to = mark + AHEAD + 1 if mark else second - AHEAD
                    self._held.append((second, payload(index)))
                    held.append(index)
                    continue
                self.second = mark = second
                limit = late_before(mark, self.lateness)
            elif second < limit:
                late.append(index)
        return Admission(late, quarantined, held, released, dropped)

    def finish(self) -> Admission[T]:
        """The end of a replay: a line still held is believed when it is no more than BELIEVED_AT_END ahead."""
        released: list[T] = []
        dropped = 0
        while self._held:
            if self.second and self._held[0][0] > self.second + BELIEVED_AT_END:
                del self._held[0]
                dropped += 1
            else:
                dropped += self._release(released, BELIEVED_AT_END)
        return Admission([], [], [], released, dropped)

    def _release(self, released: list[T], ahead: int) -> int:
        """Believes the first line held, and of the others those that do not jump again: one wrong clock among the lines
        that confirm a pause would come in with them. What is doubted anew stays held. How many that proved wrong."""
        (first, item), *others = self._held
        self._held = []
        self.second = max(self.second, first)
        released.append(item)
        dropped = 0
        for second, item in others:
            if self._held:
                if second >= self._back_to:
                    self._held.append((second, item))
                    continue
                dropped += len(self._held)
                self._held.clear()
            if second > self.second + ahead:
                self._back_to = second - self.lateness
                self._held.append((second, item))
                continue
            self.second = max(self.second, second)
            released.append(item)
        return dropped


def late_before(mark: int, lateness: int) -> int:
    """Event times before this second are late once the watermark stands at `mark`."""
    return (mark - lateness) // MINUTE * MINUTE
