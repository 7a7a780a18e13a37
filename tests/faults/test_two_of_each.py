"""Two beats and two workers at once over a real Redis: the same result as one of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.store import processes
from tests.live.house import check_against, house, restamped, truth_of
from tests.services import redis_server


@pytest.mark.redis
@pytest.mark.timeout(200)
def test_two_beats_and_two_workers_tell_what_one_of_each_tells(tmp_path: Path) -> None:
    with redis_server(tmp_path) as broker, house(tmp_path, scale=60, broker=broker) as home:
        lines = restamped("train1", home.shown)
        truth = truth_of([line for _, line in lines])
        for module in ("workers.collect", "workers.worker", "workers.worker", "workers.beat", "workers.beat"):
            home.start(module)
        home.write(lines)
        home.wait_until_told(truth, 150)
        check_against(home, truth)
        with home.store.read() as tx:
            roles = sorted(sign.role for sign in processes.heartbeats(tx))
    assert roles == ["beat", "beat", "collector", "worker", "worker"]
