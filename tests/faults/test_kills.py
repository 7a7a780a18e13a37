"""Real kill -9 on a running installation: nothing is lost, nothing is told twice."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.live.house import check_against, house, restamped, truth_of, wait_for

ROLES = ("collect", "worker", "serve")


@pytest.mark.timeout(280)
def test_each_process_killed_ten_times_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    with house(tmp_path, scale=32) as home:
        lines = restamped("train1", home.shown)
        truth = truth_of([line for _, line in lines])
        home.start()
        home.write(lines)
        killed = dict.fromkeys(ROLES, 0)
        while min(killed.values()) < 10:
            for role in ROLES:
                time.sleep(chance.uniform(1.2, 2.8))
                pid = home.pids().get(role)
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    killed[role] += 1
        home.wait_until_told(truth, 120)
        check_against(home, truth)
    assert len(truth.incidents) == 7


@pytest.mark.timeout(240)
def test_the_supervisor_killed_takes_its_processes_along_and_a_new_start_goes_on(tmp_path: Path) -> None:
    with house(tmp_path, scale=60) as home:
        lines = restamped("train1", home.shown)
        truth = truth_of([line for _, line in lines])
        home.write(lines)
        for _ in range(3):
            supervisor = home.start()
            wait_for(lambda: len(home.pids()) == 4, 30)
            time.sleep(4)
            supervisor.kill()
            supervisor.wait()
            wait_for(lambda: not home.pids(), 15)
        home.start()
        home.wait_until_told(truth, 120)
        check_against(home, truth)
