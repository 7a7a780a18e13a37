"""The Celery application. `celery -A workers.app worker` and `celery -A workers.app beat` work as well as `tocsin`.

A message on the broker says "there is work", never what the work is: losing one, repeating one, or running two beats
changes nothing, because every task looks the work up in the database and claims it there.
"""

from __future__ import annotations

import os
from functools import cache

from celery import Celery

from incidents.bootstrap import App, bootstrap
from incidents.settings import Settings, load_settings
from workers.schedule import beat_schedule


def make_celery(settings: Settings) -> Celery:
    """Celery for these settings; the broker's URL alone decides between one machine and many."""
    app = Celery("tocsin", broker=_broker(settings.broker_url), include=["workers.tasks"])
    app.conf.update(
        beat_schedule=beat_schedule(settings),
        # Intervals need no memory: a beat that restarts sends at once, and every task may be sent twice.
        beat_scheduler="celery.beat:Scheduler",
        beat_max_loop_interval=1,
        broker_connection_retry_on_startup=True,
        # Without a timeout a half-open connection is waited on for ever.
        broker_transport_options=_transport_options(settings.broker_url),
        task_default_queue="tocsin",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        timezone="UTC",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_concurrency=settings.worker_threads,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_pool="threads",
        worker_prefetch_multiplier=1,
        # Celery would put a log in the place of standard output, where the console channel writes.
        worker_redirect_stdouts=False,
    )
    return app


def _broker(url: str) -> str:
    """The in-memory transport wants a host name, and warns about the missing one for ever."""
    return "memory://localhost/" if url.startswith("memory:") else url


def _transport_options(broker_url: str) -> dict[str, object]:
    if broker_url.startswith("redis"):
        return {"socket_timeout": 10, "socket_connect_timeout": 5, "socket_keepalive": True}
    # The in-memory transport polls once a second unless told otherwise: slower than a tick.
    return {"polling_interval": 0.1} if broker_url.startswith("memory:") else {}


app_settings = load_settings()
celery_app = make_celery(app_settings)


@cache
def _app_of(process: int) -> App:
    return bootstrap()


def app() -> App:
    """This process's App. Made after the fork: database connections must not be shared with a parent."""
    return _app_of(os.getpid())
