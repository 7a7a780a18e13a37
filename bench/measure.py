"""Runs one command and says what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import NamedTuple

LOOK_EVERY = 0.02
"""Seconds between two looks at a command's memory; the clock's figure is no finer."""


class Cost(NamedTuple):
    """Of a process and those it starts, from start to end. Seconds; `rss` is their peak memory together, in bytes."""

    wall: float
    cpu: float
    rss: int


class Failed(Exception):
    """A measured command that did not do its work."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Runs a command to its end, its output thrown away. Raises Failed with what it complained about."""
    with TemporaryFile() as complaints:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints, env=env)
        together = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            together = max(together, _memory(process.pid))
            time.sleep(LOOK_EVERY)
        wall = time.perf_counter() - began
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            said = complaints.read()[-500:].decode(errors="replace")
            raise Failed(f"{command[0]} ended with {process.returncode}: {said}")
    # The kernel's figure misses no peak, and knows only the biggest process.
    biggest = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(wall, used.ru_utime + used.ru_stime, max(together, biggest))


def _memory(pid: int) -> int:
    """Resident bytes of a process and its children; 0 where there is no /proc."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0  # it has ended meanwhile, or this is no Linux
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_memory(int(child)) for child in children)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(column) for column in zip(*costs, strict=True)))
