"""All logs of one file URL, behind the contract of `backends.base`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from backends.base import Backend, Batch
from backends.errors import LogMissingError
from backends.file.follow import Follower
from backends.file.opening import open_regular
from backends.file.position import Position
from backends.file.source import Source

_LOOK_AROUND = 1.0
"""Seconds between two looks for new files that fit the pattern."""


class FileBackend(Backend):
    """Follows one log or all logs that fit a pattern; each path is a partition. See follow.py for how.

    It polls: inotify would need a dependency, and does not work on network file systems and many container mounts.
    """

    unit: ClassVar[str] = "bytes"

    def __init__(
        self,
        source: Source,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """clock measures waiting, wall is compared with the times of files; both in seconds."""
        self._source = source
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._followers: dict[str, Follower] = {}
        self._positions: dict[str, str] = {}
        self._looked: float | None = None
        self._turn = 0

    @classmethod
    def from_url(cls, url: str) -> Self:
        return cls(Source.from_url(url))

    def assign(self, positions: Mapping[str, str]) -> None:
        positions = {path: text for path, text in positions.items() if text and self._source.covers(path)}
        for path, text in positions.items():
            Position.decode(path, text)  # raises before anything was forgotten
        self.close()
        self._positions = positions

    def read(self, max_lines: int, timeout: float) -> list[Batch]:
        deadline = self._clock() + timeout
        while True:
            batches = self._read_once(max_lines)
            left = deadline - self._clock()
            # A batch that moves on without lines counts too: dropped here, the next one would not follow the last.
            if left <= 0 or any(batch.lines or batch.gaps or batch.next != batch.start for batch in batches):
                return batches
            self._sleep(min(self._source.poll, left))

    def problems(self) -> list[str]:
        found = [follower.problem for follower in self._followers.values() if follower.problem]
        if not self._followers and self._looked is not None:
            found.append(f"{self._source.pattern}: no file fits this pattern, waiting for one")
        return found

    def check(self) -> None:
        paths = self._source.paths()
        if not paths:
            raise LogMissingError(self._source.pattern)
        for path in paths:
            os.close(open_regular(path))

    def close(self) -> None:
        for follower in self._followers.values():
            follower.close()
        self._followers = {}
        self._positions = {}
        self._looked = None

    def _read_once(self, max_lines: int) -> list[Batch]:
        self._look_around()
        followers = list(self._followers.values())
        # Everyone gets a share and the first turn in turn: a partition far behind must not starve the others, and
        # partitions that are read evenly keep few minutes open.
        share = max(1, max_lines // max(1, len(followers)))
        self._turn += 1
        first = self._turn % max(1, len(followers))
        batches = []
        for follower in followers[first:] + followers[:first]:
            if max_lines <= 0:
                break
            if (batch := follower.read(min(share, max_lines))) is not None:
                batches.append(batch)
                max_lines -= len(batch.lines)
        return batches

    def _look_around(self) -> None:
        """Begin to follow what is new. Logs that are gone stay: they come back after a rotation."""
        now = self._clock()
        if self._looked is not None and (not self._source.is_pattern or now - self._looked < _LOOK_AROUND):
            return
        # A log that appears while others are read is new as a whole, also when the URL says from=end.
        source = self._source if self._looked is None else replace(self._source, from_end=False)
        self._looked = now
        paths = self._source.paths(known={*self._followers, *self._positions})
        for path in sorted({*paths, *self._positions} - self._followers.keys()):
            self._followers[path] = Follower(path, self._positions.get(path, ""), source, self._clock, self._wall)
