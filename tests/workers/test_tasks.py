"""Tasks and what stands around them: the schedule, taking turns, progress."""

from __future__ import annotations

import threading

import pytest

from incidents.domain.errors import StoreError
from incidents.settings import Settings
from workers.app import celery_app, make_celery
from workers.pulse import progress, worked
from workers.schedule import beat_schedule
from workers.turns import taking_turns


def test_every_scheduled_task_exists_and_expires() -> None:
    import workers.tasks  # noqa: F401  (registers them)

    for name, entry in beat_schedule(Settings()).items():
        assert entry["task"] in celery_app.tasks, name
        assert entry["options"]["expires"] >= 5, f"{name}: a worker that starts slowly must still find it"


def test_the_broker_url_alone_decides_where_tasks_travel() -> None:
    assert make_celery(Settings()).connection().transport_cls == "memory"
    redis = make_celery(Settings(broker_url="redis://127.0.0.1:6379/0"))
    assert redis.connection().transport_cls == "redis"
    assert redis.conf.broker_transport_options["socket_timeout"] > 0


def test_one_thread_at_a_time_works_on_one_thing() -> None:
    inside, release, seen = threading.Event(), threading.Event(), []

    @taking_turns
    def work(key: str) -> None:
        seen.append(key)
        inside.set()
        release.wait(5)

    first = threading.Thread(target=work, args=("a",))
    first.start()
    assert inside.wait(5)
    work("a")
    assert seen == ["a"], "the second turn is left out while the first goes on"
    release.set()
    work("b")
    first.join()
    work("a")
    assert seen == ["a", "b", "a"]


def test_a_turn_that_fails_gives_the_next_one_its_chance() -> None:
    calls: list[str] = []

    @taking_turns
    def work(key: str) -> None:
        calls.append(key)
        raise ValueError(key)

    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            work("a")
    assert calls == ["a", "a"]


def test_only_a_task_that_ended_well_is_progress() -> None:
    before = progress.value

    @worked
    def fails() -> None:
        raise ValueError("not done")

    with pytest.raises(ValueError, match="not done"):
        fails()
    assert progress.value == before
    worked(lambda: None)()
    assert progress.value > before


def test_a_known_error_is_one_line_and_no_progress() -> None:
    before = progress.value

    @worked
    def fails() -> None:
        raise StoreError("disk full")

    fails()
    assert progress.value == before
