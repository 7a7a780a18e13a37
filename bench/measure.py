"""Runs one command and says what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Cost(NamedTuple):
    """Of a whole process, from its start to its end. Seconds; `rss` is its peak memory in bytes."""

    wall: float
    cpu: float
    rss: int


class Failed(Exception):
    """A measured command that did not do its work."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None, output: Path | None = None) -> Cost:
    """Runs a command to its end. Its output goes to a file or nowhere; what it complains about is shown if it fails."""
    errors = Path(os.devnull)
    with (output or errors).open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, env=env)
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise Failed(f"{command[0]} ended with {process.returncode}: {said[-500:].decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(column) for column in zip(*costs, strict=True)))
