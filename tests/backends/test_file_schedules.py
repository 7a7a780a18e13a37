"""Whatever a log goes through, each line is read exactly once from any stored position on.

Random schedules of writing (also of half lines), both kinds of rotation, compression, reading and restarting behind
any earlier position; the seed is in the test's name.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from backend_contract import drain
from rotating_log import RotatingLog

from backends import Backend, Batch, open_backend

SEEDS = range(60)


class Schedule:
    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.log = RotatingLog(folder / "access.log", dated=self.chance.random() < 0.5)
        self.written = 0
        self.unfinished = b""
        self.read: list[bytes] = []
        self.stored: list[tuple[int, str]] = [(0, "")]  # how many lines were read when, and the position then
        self.backend: Backend = open_backend(self.log.url)
        self.backend.assign({})

    def write(self) -> None:
        for _ in range(self.chance.choice((1, 3, 3, 40))):
            self.finish_line(b"%d %s" % (self.written, b"x" * self.chance.choice((0, 5, 200, 2000))))
        if self.chance.random() < 0.3:
            self.unfinished = b"%d cut" % self.written
            self.log.append(self.unfinished)

    def finish_line(self, line: bytes) -> None:
        """Write a line; what was begun before becomes one, too."""
        if self.unfinished:
            self.log.write([b""])
            self.log.lines[-1] = self.unfinished
            self.unfinished = b""
        self.log.write([line])
        self.written += 1

    def rotate(self) -> None:
        if not self.log.path.exists():
            return
        if self.chance.random() < 0.5:
            self.log.rename(create=self.chance.random() < 0.5, reopen=False)
            if self.chance.random() < 0.3:  # nginx still writes to the renamed file
                self.take()
                self.finish_line(b"%d after the rename" % self.written)
                self.take()
            self.log.reopen()
        else:
            copy = self.log.begin_copy(self.chance.random())
            self.take()
            self.log.finish_copy(copy)
        if self.unfinished:  # cut off, so it is a line as it stands
            self.log.lines.append(self.unfinished)
            self.unfinished = b""

    def compress(self) -> None:
        self.log.compress(keep_newest=self.chance.random() < 0.5)

    def take(self) -> None:
        self.keep(self.backend.read(self.chance.choice((1, 2, 10, 500)), 0))

    def take_all(self) -> None:
        self.keep(drain(self.backend, self.chance.choice((3, 1000))))

    def keep(self, batches: list[Batch]) -> None:
        for batch in batches:
            assert batch.gaps == ()
            assert batch.start == self.stored[-1][1]
            self.read += batch.lines
            self.stored.append((len(self.read), batch.next))

    def restart(self) -> None:
        """In another process, behind any position that was ever stored but the empty one (it means: from now on)."""
        real = [index for index, (_, position) in enumerate(self.stored) if position]
        if real:
            index = self.chance.choice((real[-1], self.chance.choice(real)))
            self.stored = self.stored[: index + 1]
            count, position = self.stored[-1]
            self.read = self.read[:count]
            self.backend.close()
            self.backend = open_backend(self.log.url)
            self.backend.assign({str(self.log.path): position})

    def end(self) -> None:
        self.finish_line(b"the last line")
        self.take_all()
        self.backend.close()
        self.log.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_line_is_read_exactly_once(seed: int, tmp_path: Path) -> None:
    schedule = Schedule(seed, tmp_path)
    schedule.write()
    schedule.take()  # the first look, from which on nothing may be missed
    steps = (schedule.write, schedule.take, schedule.take_all, schedule.rotate, schedule.compress, schedule.restart)
    for step in schedule.chance.choices(steps, weights=(6, 5, 2, 2, 1, 1), k=80):
        step()
    schedule.end()
    assert schedule.read == schedule.log.lines
