"""Beat: says every few seconds that there is work. Run two for safety. `python -m workers.beat`, or `tocsin beat`."""

from __future__ import annotations

import sys
import threading

from celery.beat import Scheduler, Service

from incidents.domain.errors import BadSetting
from workers.pulse import progress
from workers.role import Role, run_role


class CountingScheduler(Scheduler):  # type: ignore[misc]
    """Beat's own scheduler, which counts what it sent as progress."""

    def apply_entry(self, entry: object, producer: object = None) -> None:
        super().apply_entry(entry, producer=producer)
        progress.step()


def beat(role: Role) -> None:
    """Ticks until told to stop."""
    if role.app.settings.broker_url.startswith("memory:"):
        raise BadSetting("beat runs inside the worker while TOCSIN_BROKER_URL is memory://; name a redis:// broker")
    # Imported here: reading the settings can fail, and that is to be one line, not a traceback.
    from workers.app import celery_app

    service = Service(celery_app, scheduler_cls=CountingScheduler)
    thread = threading.Thread(target=service.start, name="beat", daemon=True)
    thread.start()
    role.stopping.wait()
    service.stop(wait=False)
    thread.join(timeout=5)


if __name__ == "__main__":
    sys.exit(run_role("beat", beat))
