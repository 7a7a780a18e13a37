"""Minutes of one service, written shortly: `minute(a=(6, 20))` is 6 bad of 20 on node a."""

from __future__ import annotations

from incidents.domain.access_log import NO_LIVE_UPSTREAM
from incidents.domain.minute import NO_NODE, AttemptTally, ServiceTally
from incidents.domain.rule import WINDOW

NAMES = {"none": NO_NODE, "dead": NO_LIVE_UPSTREAM}


def minute(*, status: str = "502", slow_requests: int = 0, **nodes: tuple[int, int]) -> ServiceTally:
    """(bad, total) by node; `none` stands for no upstream, `dead` for no live one. Bad ones ended with `status`."""
    tally = ServiceTally()
    for name, (bad, total) in nodes.items():
        statuses = {key: n for key, n in ((status, bad), ("200", total - bad)) if n}
        tally.nodes[NAMES.get(name, name)] = AttemptTally(total, bad, statuses)
        tally.total += total
        tally.bad += bad
        for key, n in statuses.items():
            tally.statuses[key] = tally.statuses.get(key, 0) + n
    if slow_requests:
        tally.slow[5000] = slow_requests
    return tally


def window(*minutes: ServiceTally | None) -> tuple[ServiceTally | None, ...]:
    """The last minutes, oldest first, padded with ones in which nothing was asked for."""
    return (*([None] * (WINDOW - len(minutes))), *minutes)
