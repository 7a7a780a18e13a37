"""The supervisor: restarts with growing delay, gives up loudly, stops cleanly."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workers import supervise
from workers.supervise import GaveUp, Supervisor, roles_of

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
AT_ONCE = [sys.executable, "-c", "raise SystemExit(3)"]


@contextmanager
def supervised(command: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor({"one": command})
    try:
        yield supervisor
    finally:
        supervisor.stop()


def test_a_role_that_dies_is_started_again_after_a_delay() -> None:
    with supervised(FOREVER) as supervisor:
        supervisor.tick(0.0)
        (child,) = supervisor.children
        first = child.process
        assert first is not None
        first.kill()
        first.wait()
        supervisor.tick(100.0)
        assert child.process is None
        supervisor.tick(100.0 + supervise.FIRST_DELAY - 0.01)
        assert child.process is None
        supervisor.tick(100.0 + supervise.FIRST_DELAY)
        assert child.process is not None
        assert child.process.pid != first.pid
        assert child.restarts == 1


def test_delays_grow_while_a_role_dies_quickly_and_then_it_gives_up() -> None:
    with supervised(AT_ONCE) as supervisor:
        (child,) = supervisor.children
        now, delays = 0.0, []
        with pytest.raises(GaveUp, match="one died 10 times in a row"):
            while True:
                supervisor.tick(now)
                assert child.process is not None
                child.process.wait()
                supervisor.tick(now + 0.1)
                delays.append(child.due - now - 0.1)
                now = child.due
    assert delays == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])


def test_a_death_after_a_long_life_is_not_counted_as_quick() -> None:
    with supervised(AT_ONCE) as supervisor:
        (child,) = supervisor.children
        for round_ in range(supervise.GIVE_UP_AFTER + 2):
            now = round_ * 1000.0
            supervisor.tick(now)
            assert child.process is not None
            child.process.wait()
            supervisor.tick(now + supervise.QUICK)
            assert child.quick_deaths == 0


def test_what_does_not_stop_when_asked_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STOP_SECONDS", 0.5)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    supervisor = Supervisor({"one": [sys.executable, "-c", stubborn]})
    supervisor.tick(0.0)
    process = supervisor.children[0].process
    assert process is not None
    time.sleep(0.5)  # until it ignores the signal
    supervisor.stop()
    assert process.returncode == -signal.SIGKILL


def test_beat_is_a_process_of_its_own_as_soon_as_the_broker_is() -> None:
    assert list(roles_of("memory://")) == ["collect", "worker", "serve"]
    assert list(roles_of("redis://127.0.0.1/0")) == ["collect", "worker", "serve", "beat"]


def test_deaths_because_the_database_is_away_never_make_it_give_up() -> None:
    away = [sys.executable, "-c", f"raise SystemExit({supervise.EXIT_STORE})"]
    with supervised(away) as supervisor:
        (child,) = supervisor.children
        now = 0.0
        for _ in range(supervise.GIVE_UP_AFTER + 2):
            supervisor.tick(now)
            assert child.process is not None
            child.process.wait()
            supervisor.tick(now + 0.1)
            now = child.due
        assert child.quick_deaths == 0
