"""The tasks: three lines each. What they do is in `incidents`; what there is to do is in the database."""

from __future__ import annotations

import structlog

from incidents.domain.errors import Fenced
from incidents.evaluate import close_minutes as close_minutes_of
from incidents.retention import prune as prune_store
from incidents.rulebook_file import refresh
from workers.app import app, celery_app
from workers.pulse import worked
from workers.turns import taking_turns

log = structlog.get_logger()


@celery_app.task(name="tocsin.close_minutes")
@worked
def close_minutes() -> None:
    for shard in range(app().settings.shards):
        _close_shard(shard)


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
    for channel in app().deliverer.due():
        deliver_channel.apply_async((channel,), expires=60)


@celery_app.task(name="tocsin.deliver_channel")
@worked
def deliver_channel(channel: str) -> None:
    _serve(channel)


@taking_turns
def _serve(channel: str) -> None:
    """One thread a channel: a receiver that hangs keeps nobody waiting but itself."""
    house = app()
    rulebook = house.sending_rulebook()
    for notification_id in house.deliverer.due().get(channel, []):
        state = house.deliverer.deliver(notification_id, rulebook)
        log.info("delivery", channel=channel, notification=notification_id, state=state)


@celery_app.task(name="tocsin.refresh_rulebook")
@worked
def refresh_rulebook() -> None:
    if (path := app().settings.rulebook) is not None:
        refresh(app().store, path, app().now())


@celery_app.task(name="tocsin.prune")
@worked
def prune() -> None:
    prune_store(app().store, app().now(), app().settings.retain_minutes_days)
