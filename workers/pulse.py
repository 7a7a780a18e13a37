"""Heartbeats with progress: a process that lives and does nothing is told from one that works, and ends itself."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import structlog

from incidents.domain.errors import StoreError, TocsinError
from incidents.store import Store, processes

P = ParamSpec("P")

EVERY = 2.0
"""Seconds between two heartbeats."""

STUCK_AFTER = 90.0
"""Real seconds without progress after which a process ends itself, to be restarted."""

EXIT_STUCK = 70

log = structlog.get_logger()
_steps = itertools.count(1)


class Progress:
    """Counts what a process has done. Thread-safe: one step is one increment of a C counter."""

    def __init__(self) -> None:
        self.value = 0
        self.at = time.monotonic()

    def step(self) -> None:
        self.value = next(_steps)
        self.at = time.monotonic()


progress = Progress()


def worked(task: Callable[P, None]) -> Callable[P, None]:
    """Counts a task that ended well as progress. A known error is one line of the log: the next tick tries again."""

    @wraps(task)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            task(*args, **kwargs)
        except TocsinError as error:
            log.error("not done; the next tick tries again", task=task.__name__, error=str(error))
            return
        progress.step()

    return counted


class Pulse(threading.Thread):
    """Writes this process's heartbeat until stopped. `now`: the clock that the database's times are in."""

    def __init__(self, store: Store, role: str, now: Callable[[], float], watch: bool = True) -> None:
        super().__init__(name="pulse", daemon=True)
        self.store = store
        self.role = role
        self.instance = os.environ.get("TOCSIN_INSTANCE") or f"{socket.gethostname()}:{os.getpid()}"
        self.detail: dict[str, object] = {}
        self._now = now
        self._watch = watch
        self._started_at = now()
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(EVERY):
            self.beat()
            idle = time.monotonic() - progress.at
            if self._watch and idle > STUCK_AFTER:
                log.error("no progress: ending, to be restarted", seconds=round(idle))
                os._exit(EXIT_STUCK)

    def beat(self) -> None:
        """One heartbeat. A database that cannot be written for the moment is the other roles' news as well."""
        sign = processes.Beat(
            self.role, self.instance, os.getpid(), socket.gethostname(), self._started_at, progress.value, self.detail
        )
        try:
            with self.store.write() as tx:
                processes.beat(tx, sign, self._now())
        except StoreError as error:
            log.warning("heartbeat not written", error=str(error))

    def bury(self) -> None:
        """Forgets earlier processes of this role that died on this machine: this one has taken their place."""
        with self.store.write() as tx:
            for sign in processes.heartbeats(tx):
                mine = sign.role == self.role and sign.host == socket.gethostname()
                if mine and sign.instance != self.instance and not _runs(sign.pid):
                    processes.forget(tx, sign.role, sign.instance)

    def stop(self) -> None:
        """The end of a clean run: a process that stopped on purpose is not a dead one."""
        self._stopping.set()
        self.join(timeout=5)
        try:
            with self.store.write() as tx:
                processes.forget(tx, self.role, self.instance)
        except StoreError as error:
            log.warning("heartbeat not removed", error=str(error))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process: it runs
    return True
