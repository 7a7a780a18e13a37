"""`tocsin up`: every role of one machine, each a process of its own, restarted when it dies.

A role ends when the supervisor does, however that happens: it holds the reading end of a pipe whose writing end only
the supervisor has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from backends import open_backend
from incidents.api.listening import listen
from incidents.bootstrap import App
from workers.pulse import progress
from workers.role import EXIT_STORE, PARENT_FD, Role, run_role

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
QUICK = 5.0
"""Seconds of life under which a death counts as quick."""

GIVE_UP_AFTER = 10
"""Quick deaths in a row after which restarting helps nobody."""

STOP_SECONDS = 20.0

log = structlog.get_logger()


class Child(msgspec.Struct):
    """One supervised role. `due` is the monotonic second at which it may be started (again)."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    quick_deaths: int = 0
    restarts: int = 0


class GaveUp(Exception):
    """A role dies as fast as it is started."""


def roles_of(broker_url: str) -> dict[str, list[str]]:
    """Role -> command. Beat is a process of its own as soon as the broker is."""
    names = ["collect", "worker", "serve"]
    if not broker_url.startswith("memory:"):
        names.append("beat")
    # -P: a folder called `workers` where the user stands is not ours.
    return {name: [sys.executable, "-P", "-m", f"workers.{name}"] for name in names}


class Supervisor:
    """Starts, watches and restarts. `tick` is called in a loop by the role; nothing here sleeps."""

    def __init__(self, commands: Mapping[str, Sequence[str]], last: str = "", after: float = 0.0) -> None:
        """`last` names a role that may wait for `after` (monotonic seconds) at its first start."""
        self.children = [Child(name, command, due=after if name == last else 0.0) for name, command in commands.items()]
        self._read_end, self._write_end = os.pipe()

    def tick(self, now: float) -> None:
        """Looks at every child once. Raises GaveUp."""
        for child in self.children:
            if child.process is None:
                if now >= child.due:
                    self._start(child, now)
                continue
            code = child.process.poll()
            if code is not None:
                self._died(child, code, now)

    def _start(self, child: Child, now: float) -> None:
        environment = os.environ | {PARENT_FD: str(self._read_end)}
        child.process = subprocess.Popen(
            child.command, env=environment, pass_fds=(self._read_end,), stdin=subprocess.DEVNULL, start_new_session=True
        )
        child.started = now
        log.info("started", child=child.name, pid=child.process.pid, restarts=child.restarts)

    def _died(self, child: Child, code: int, now: float) -> None:
        lived = now - child.started
        child.process = None
        child.restarts += 1
        own_fault = code != EXIT_STORE  # while the database is away everybody dies quickly, and comes back with it
        child.quick_deaths = child.quick_deaths + 1 if lived < QUICK and own_fault else 0
        if child.quick_deaths >= GIVE_UP_AFTER:
            raise GaveUp(f"{child.name} died {child.quick_deaths} times in a row, each time within {QUICK:.0f} s")
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** max(0, child.quick_deaths - 1)) if own_fault else 5.0
        child.due = now + delay
        log.error("died; restarting", child=child.name, code=code, lived=round(lived, 1), delay=delay)

    def stop(self) -> None:
        """SIGTERM to all, then SIGKILL to those that do not end in time."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("does not stop: killing", pid=process.pid)
                process.kill()
                process.wait()
        os.close(self._write_end)
        os.close(self._read_end)

    def describe(self) -> dict[str, object]:
        """For `tocsin status`."""
        return {
            child.name: {"pid": child.process.pid if child.process else None, "restarts": child.restarts}
            for child in self.children
        }


def preflight(app: App) -> None:
    """What a person should mend before anything starts: found out now and said once, not by roles that die in turn."""
    backend = open_backend(app.settings.source)
    try:
        backend.check()
    finally:
        backend.close()
    listen(app, app.settings.api.host, app.settings.api.port).close()


def supervise(role: Role) -> None:
    """Runs everything until told to stop; ends with an error when a role cannot be kept alive."""
    preflight(role.app)
    # Reading and judging first: on a small machine four processes that start at once keep each other waiting.
    supervisor = Supervisor(roles_of(role.app.settings.broker_url), "serve", time.monotonic() + 2.0)
    try:
        while not role.stopping.wait(0.2):
            supervisor.tick(time.monotonic())
            role.pulse.detail = supervisor.describe()
            progress.step()
    finally:
        supervisor.stop()


def main() -> int:
    try:
        return run_role("supervisor", supervise)
    except GaveUp as error:
        print(f"tocsin: {error}; see the log above for why, mend it, and start again", file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
