"""The collector: reads the queue and counts. `python -m workers.collect`, or `tocsin collect`."""

from __future__ import annotations

import sys
import time

import structlog

from incidents.domain.errors import Fenced, StoreError
from workers.pulse import progress
from workers.role import Role, run_role

MAX_LINES = 20_000
"""Lines of one flush: enough to be fast, few enough to be stored within a second."""

log = structlog.get_logger()


def collect(role: Role) -> None:
    """Reads and stores until told to stop. What could not be stored is read again."""
    ingest = role.app.ingest()
    if not role.supervised:
        ingest.backend.check()
    told: set[str] = set()
    try:
        while not role.stopping.is_set():
            began = time.monotonic()
            try:
                lines = ingest.poll(MAX_LINES, timeout=0.5)
            except Fenced as fenced:
                log.warning("another collector was quicker", reason=str(fenced))
                role.stopping.wait(1.0)
                continue
            except StoreError as error:
                log.error("not stored; will be read again", error=str(error))
                progress.step()  # it does what can be done: dying would not mend the database
                role.stopping.wait(2.0)
                continue
            progress.step()
            problems = [*ingest.backend.problems(), *ingest.problems]
            for problem in set(problems) - told:
                log.warning("source", problem=problem)
            told = set(problems)
            role.pulse.detail = {"lines": ingest.lines_read, "problems": problems}
            if lines < MAX_LINES:
                role.stopping.wait(max(0.0, role.app.settings.flush_every - (time.monotonic() - began)))
    finally:
        ingest.backend.close()


if __name__ == "__main__":
    sys.exit(run_role("collector", collect))
