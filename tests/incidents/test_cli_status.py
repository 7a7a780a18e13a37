"""`tocsin status`: who is alive, how far behind, since when; and by the exit code whether anything is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_house import START, Result, make_database, tocsin

from incidents.store import Store, processes

NOW = START + 615
"""The clock of these installations: 15 s after the last line."""

Run = Callable[..., Result]


class House:
    """An installation whose processes are told to have beaten, at seconds before now."""

    def __init__(self, folder: Path) -> None:
        self.database = make_database(folder)

    def beat(self, role: str, ago: float, *, progress_ago: float = 0.0, problems: tuple[str, ...] = ()) -> None:
        store = Store(self.database)
        sign = processes.Beat(role, f"gateway:{role}", 42, "gateway", NOW - 3600, 7, {"problems": list(problems)})
        with store.write() as tx:
            if progress_ago:
                processes.beat(tx, sign, NOW - progress_ago)
            processes.beat(tx, sign, NOW - ago)
        store.close()

    def status(self, *arguments: str) -> Result:
        clock = {"TOCSIN_CLOCK__REAL": str(time.time()), "TOCSIN_CLOCK__SHOWN": str(NOW)}
        return tocsin("status", "--database", self.database, *arguments, **clock)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_all_is_well_while_everybody_beats_and_works(house: House) -> None:
    house.beat("collector", 1)
    house.beat("worker", 1)
    result = house.status()
    assert (result.code, result.err) == (0, ""), result
    assert result.out.endswith("all is well\n")
    assert "collector  gateway:collector  alive" in result.out
    assert house.status("--json").json()["ok"] is True


def test_nothing_runs_is_wrong_and_says_how_to_start_it(house: House) -> None:
    result = house.status()
    assert result.code == 1
    assert "wrong: no worker runs: start one with `tocsin up`" in result.out
    assert house.status("--json").json()["ok"] is False


def test_a_dead_worker_is_wrong_since_its_last_sign(house: House) -> None:
    house.beat("collector", 1)
    house.beat("worker", 300)
    result = house.status()
    assert result.code == 1
    assert "wrong: no worker is alive" in result.out
    assert "gateway:worker     dead" in result.out and "5 min ago" in result.out


def test_a_worker_that_lives_and_does_nothing_is_stuck(house: House) -> None:
    house.beat("collector", 1)
    house.beat("worker", 1, progress_ago=600)
    result = house.status()
    assert result.code == 1
    assert "gateway:worker     stuck" in result.out


def test_a_log_that_is_not_there_is_wrong_although_its_collector_lives(house: House) -> None:
    house.beat("collector", 1, problems=("/var/log/nginx/access.log: no such file, waiting",))
    house.beat("worker", 1)
    result = house.status()
    assert result.code == 1
    assert "wrong: collector gateway:collector: /var/log/nginx/access.log: no such file, waiting" in result.out


def test_how_far_a_partition_is_behind_is_told_with_its_counts(house: House) -> None:
    result = house.status()
    [row] = [row for row in result.out.splitlines() if "access.log" in row]
    assert "json" in row and "0 bytes" in row and "1,200" in row
    assert "minutes closed before 2026-11-23 03:06:00 +00:00" in result.out
