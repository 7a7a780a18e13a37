"""What every process of Tocsin has in common: its log, its heartbeat, its end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

import structlog

from backends import BackendError
from incidents import logs
from incidents.bootstrap import App, bootstrap
from incidents.domain.errors import StoreError, TocsinError
from incidents.rulebook_file import refresh_at_start
from incidents.settings import load_settings
from workers.pulse import Pulse, progress

PARENT_FD = "TOCSIN_PARENT_FD"

EXIT_STORE = 75
"""The database could not be used: no fault of the role (EX_TEMPFAIL of sysexits.h)."""

log = structlog.get_logger()


class Role:
    """One running process. `stopping` is set by SIGTERM, SIGINT, and the death of the supervisor.

    supervised: started by `tocsin up`, which has looked at the ground already; then a role waits for what is missing.
    """

    def __init__(self, name: str, app: App, pulse: Pulse) -> None:
        self.name = name
        self.supervised = False
        self.app = app
        self.pulse = pulse
        self.stopping = threading.Event()
        self.on_stop: Callable[[], None] = lambda: None

    def stop(self, *_: int | FrameType | None) -> None:
        self.stopping.set()
        self.on_stop()


def run_role(name: str, work: Callable[[Role], None], *, watch: bool = True, signals: bool = True) -> int:
    """Runs one role to its end; the exit code. Known errors are one line on standard error.

    watch: end the process when it makes no progress. signals: install handlers (Celery and uvicorn have their own).
    """
    supervised = PARENT_FD in os.environ
    try:
        settings = load_settings()
        logs.configure(settings.log_level, settings.log_json, name)
        app = bootstrap(settings)
        # Only these: they have the secrets that channels name, which a collector's environment need not hold.
        if settings.rulebook is not None and name in ("supervisor", "worker"):
            refresh_at_start(app.store, settings.rulebook, app.now())
        progress.step()
        pulse = Pulse(app.store, name, app.now, watch)
        role = Role(name, app, pulse)
        watch_parent(role)
        if signals:
            signal.signal(signal.SIGTERM, role.stop)
            signal.signal(signal.SIGINT, role.stop)
        pulse.bury()
        pulse.beat()
        pulse.start()
        work(role)
        pulse.stop()
    except StoreError as error:
        print(f"tocsin: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_STORE if supervised else 1
    except (TocsinError, BackendError) as error:
        print(f"tocsin: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def watch_parent(role: Role) -> None:
    """Ends with the supervisor, however it ended: its end of the pipe closes even on kill -9."""
    descriptor = os.environ.pop(PARENT_FD, None)
    if descriptor is None:
        return
    role.supervised = True

    def wait() -> None:
        while os.read(int(descriptor), 1):
            pass
        log.warning("the supervisor is gone: stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        if not role.stopping.wait(10):
            os._exit(1)
        threading.Event().wait(10)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
