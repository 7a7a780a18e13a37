"""Heartbeats: a successor takes the place of the dead, a clean end leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable

from incidents.store import Store, processes
from workers.pulse import Pulse


def instances(store: Store) -> Iterable[str]:
    with store.read() as tx:
        return [sign.instance for sign in processes.heartbeats(tx)]


def beat_of(store: Store, role: str, instance: str, pid: int, host: str | None = None) -> None:
    sign = processes.Beat(role, instance, pid, host or socket.gethostname(), 0.0, 1, {})
    with store.write() as tx:
        processes.beat(tx, sign, 1.0)


def test_a_successor_forgets_the_dead_of_its_role_on_its_machine_and_nobody_else(file_store: Store) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    beat_of(file_store, "worker", "dead", dead.pid)
    beat_of(file_store, "worker", "elsewhere", dead.pid, host="other.example")
    beat_of(file_store, "worker", "alive", os.getppid())
    beat_of(file_store, "collector", "other role", dead.pid)
    pulse = Pulse(file_store, "worker", lambda: 2.0)
    pulse.bury()
    pulse.beat()
    assert sorted(instances(file_store)) == sorted(["elsewhere", "alive", "other role", pulse.instance])


def test_a_process_that_stops_cleanly_is_not_a_dead_one(file_store: Store) -> None:
    pulse = Pulse(file_store, "worker", lambda: 2.0)
    pulse.start()
    pulse.beat()
    assert instances(file_store) == [pulse.instance]
    pulse.stop()
    assert instances(file_store) == []


def test_progress_moves_its_time_only_when_there_is_some(file_store: Store) -> None:
    for now, progress in ((10.0, 1), (20.0, 1), (30.0, 2)):
        sign = processes.Beat("worker", "one", 1, "host", 0.0, progress, {})
        with file_store.write() as tx:
            processes.beat(tx, sign, now)
            (row,) = processes.heartbeats(tx)
        assert row.beat_at == now
        assert row.progress_at == (10.0 if now < 30 else 30.0)
