"""What a key costs: a key is a (service, node), and each gives a row in every minute in which it was asked.

The same number of lines is spread over ever more keys, at the same lines a minute: what grows is the keys' part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.measure import middle, run

KEYS = (10, 100, 1_000, 10_000)
NODES = 10
LINES = 200_000
MINUTES = 10
TELLING = 5_000
_START = 1_795_402_020


class Row(NamedTuple):
    """One log. `rows`: (service, node, minute) rows stored. Costs are of the whole process; us: microseconds of CPU."""

    keys: int
    rows: int
    cpu: float
    rss: int
    us_a_line: float
    us_a_row: float
    """What each row costs beyond the log with the fewest keys; 0 where too few rows are more to tell it from noise."""


def measure(folder: Path, rounds: int) -> list[Row]:
    """One row for each of KEYS."""
    found: list[Row] = []
    for number in KEYS:
        log = folder / f"keys-{number}.log"
        with log.open("wb") as out:  # line by line: a child's peak memory counts that of whom it was forked from
            out.writelines(_lines(number))
        command = (str(Path(sys.executable).with_name("tocsin")), "replay", str(log), "--json")
        cost = middle([run(command) for _ in range(rounds)])
        stored = min(number, LINES // MINUTES) * MINUTES
        more = stored - found[0].rows if found else 0
        beyond = (cost.cpu - found[0].cpu) / more * 1e6 if more >= TELLING else 0.0
        found.append(
            Row(number, stored, round(cost.cpu, 2), cost.rss, round(cost.cpu / LINES * 1e6, 2), round(beyond, 1))
        )
    return found


def table(rows: Sequence[Row]) -> list[str]:
    """As Markdown."""
    if not rows:
        return []
    return [
        f"{LINES:,} lines in {MINUTES} minutes:",
        "",
        "| keys (service, node) | rows stored | CPU seconds | us a line | us a row, beyond the first | peak memory |",
        "|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row.keys:,} | {row.rows:,} | {row.cpu:.2f} | {row.us_a_line:.2f} | {row.us_a_row:.1f} "
            f"| {row.rss / 2**20:.0f} MB |"
            for row in rows
        ),
    ]


def _lines(keys: int) -> Iterator[bytes]:
    """Each key in turn, every 500th request a 502: nothing to alert on, and evidence to keep."""
    for number in range(LINES):
        key = number * 7919 % keys  # a prime, so that neighbours in the log are not neighbours in the tables
        second = _START + number * MINUTES * 60 // LINES
        status = 502 if number % 500 == 0 else 200
        taken = (number * 37 % 400) / 1000
        service, node = divmod(key, NODES)
        yield (
            b'{"time":%d.%03d,"host":"s%d.example","service":"s%d","method":"GET","uri":"/item/%d","status":%d,'
            b'"request_time":%.3f,"upstream_addr":"10.0.%d.%d:8080","upstream_status":"%d",'
            b'"upstream_response_time":"%.3f","bytes_sent":%d,"request_id":"%032x"}\n'
            % (
                second, number % 1000, service, service, number, status,
                taken, service % 250, node, status, taken, number % 5000, number,
            )
        )  # fmt: skip
