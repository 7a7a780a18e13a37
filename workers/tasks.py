"""The tasks: three lines each. What they do is in `incidents`; what there is to do is in the database."""

from __future__ import annotations

import threading
import time

import structlog

from incidents.domain.errors import Fenced, TocsinError
from incidents.evaluate import close_minutes as close_minutes_of
from incidents.retention import prune as prune_store
from incidents.rulebook_file import refresh
from workers.app import app, app_settings, celery_app
from workers.pulse import progress, worked
from workers.turns import taking_turns

SENDING_SECONDS = 30.0
"""Real seconds after which a channel's turn ends, so that others come to theirs."""

_senders = threading.BoundedSemaphore(max(1, app_settings.worker_threads - 2))

log = structlog.get_logger()


@celery_app.task(name="tocsin.close_minutes")
@worked
def close_minutes() -> None:
    for shard in range(app().settings.shards):
        try:
            _close_shard(shard)
        except TocsinError as error:  # one shard's trouble is not the others'
            log.error("minutes not closed; the next tick tries again", shard=shard, error=str(error))


@taking_turns
def _close_shard(shard: int) -> None:
    house = app()
    more = True
    while more:
        try:
            closed = close_minutes_of(
                house.store,
                shard,
                house.settings.shards,
                house.rulebook_in,
                house.past_rulebook,
                house.clocks,
                house.settings.lateness,
                source=house.source,
            )
        except Fenced:
            return  # another worker is closing the same minutes: it will finish them
        more = closed.more


@celery_app.task(name="tocsin.deliver")
@worked
def deliver() -> None:
    for channel in app().deliverer.due_channels():
        deliver_channel.apply_async((channel,), expires=60)


@celery_app.task(name="tocsin.deliver_channel")
@worked
def deliver_channel(channel: str) -> None:
    _serve(channel)


@taking_turns
def _serve(channel: str) -> None:
    """One thread a channel: a receiver that hangs keeps nobody waiting but itself."""
    house = app()
    # Senders may all hang at once; judging must find a thread even then.
    if not _senders.acquire(blocking=False):
        return
    try:
        rulebook = house.sending_rulebook()
        until = time.monotonic() + SENDING_SECONDS
        for notification_id in house.deliverer.due(channel):
            state = house.deliverer.deliver(notification_id, rulebook)
            log.info("delivery", channel=channel, notification=notification_id, state=state)
            progress.step()
            if time.monotonic() > until:
                break
    finally:
        _senders.release()


@celery_app.task(name="tocsin.refresh_rulebook")
@worked
def refresh_rulebook() -> None:
    if (path := app().settings.rulebook) is not None:
        refresh(app().store, path, app().now())


@celery_app.task(name="tocsin.prune")
@worked
def prune() -> None:
    prune_store(app().store, app().now(), app().settings.retain_minutes_days)
