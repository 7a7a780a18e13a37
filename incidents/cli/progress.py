"""The progress bar of long work: on standard error, and only where somebody looks at it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY = 0.1
"""Seconds between two updates: drawing must cost nothing beside the work."""


class Meter:
    """Counts bytes and lines. Without a bar it only counts."""

    def __init__(self, bar: Progress | None = None, task: TaskID | None = None) -> None:
        self._bar = bar
        self._task = task
        self._began = self._drawn = time.monotonic()
        self._lines = 0

    def bytes(self, consumed: int) -> None:
        """So many bytes of all have been read by now."""
        now = time.monotonic()
        if self._bar is None or self._task is None or now - self._drawn < _EVERY:
            return
        self._drawn = now
        speed = f"{self._lines / (now - self._began):,.0f} lines/s" if self._lines else ""
        self._bar.update(self._task, completed=consumed, speed=speed)

    def lines(self, more: int) -> None:
        """So many lines more have been worked on."""
        self._lines += more


@contextmanager
def meter(total: int | None) -> Iterator[Meter]:
    """A meter for `total` bytes (None: nobody knows), with a bar that is gone when the work is done."""
    if not sys.stderr.isatty():
        yield Meter()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        yield Meter(bar, bar.add_task("", total=total, speed=""))
