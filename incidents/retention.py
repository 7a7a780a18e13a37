"""The verb that forgets: closed minutes and evidence go after a while, incidents stay."""

from __future__ import annotations

from incidents.domain.minute import MINUTE
from incidents.store import Store, minutes

DAY = 86400


def prune(store: Store, now: float, keep_days: int) -> int:
    """Removes minutes and evidence older than `keep_days`; how many rows went. Called hourly, it has little to do."""
    with store.write() as tx:
        return minutes.prune(tx, int(now) // MINUTE * MINUTE - keep_days * DAY)
