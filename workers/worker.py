"""The worker: runs the tasks, with beat inside while the broker is in memory. `tocsin worker`."""

from __future__ import annotations

import sys
import warnings

from celery.beat import EmbeddedService, Scheduler
from celery.platforms import SecurityWarning
from celery.signals import worker_shutting_down

from workers.role import Role, run_role


def work(role: Role) -> None:
    """Consumes until told to stop."""
    # Imported here: reading the settings can fail, and that is to be one line, not a traceback.
    from workers.app import celery_app

    # Root is warned of because pickled tasks would run as root; Tocsin's tasks are JSON, and containers run as root.
    warnings.simplefilter("ignore", SecurityWarning)
    embedded = None
    if role.app.settings.broker_url.startswith("memory:"):
        # `celery worker -B` runs beat in another process, which shares no memory with this one: it would never tick.
        # The plain scheduler: the default one keeps a file in the current folder.
        embedded = EmbeddedService(celery_app, thread=True, scheduler_cls=Scheduler)
        embedded.start()

    def stopping(**_: object) -> None:
        role.stopping.set()

    worker_shutting_down.connect(stopping, weak=False)
    celery_app.Worker(
        pool="threads",
        concurrency=role.app.settings.worker_threads,
        loglevel=role.app.settings.log_level.upper(),
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    ).start()
    if embedded is not None:
        embedded.stop()


if __name__ == "__main__":
    sys.exit(run_role("worker", work, signals=False))
