"""The upstreams that one request tried, out of nginx's three parallel lists."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

NO_LIVE_UPSTREAM = "no-live-upstream"
"""Pseudo-node: no server could be picked, and nginx wrote the name of the upstream group as the address."""

CLIENT_CLOSED = 499

# Of addresses, only those with a port, sockets and bare IPs are nodes: the name of a group has neither.
_NODE = re.compile(
    r"unix:.*+|.*:\d{1,5}+|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]++\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*",
    re.ASCII | re.DOTALL,
)
_SECONDS = re.compile(r"\d{1,9}+(?:\.\d{0,9}+)?", re.ASCII)


class Attempt(NamedTuple):
    """One upstream tried for one request."""

    node: str
    status: str
    """What the upstream answered, as text; "499" when the client left while it was asked; "-" when unknown."""
    time: float
    """Seconds; -1.0 when nginx wrote none."""
    bad: bool
    """5xx, or 499 as above."""


_LONGEST_ADDRESS = 512
_LONGEST_TIME = 16
"""Characters. What is longer is neither, and must not fill the caches."""


def node_name(address: str) -> str:
    """The node that an item of $upstream_addr stands for: itself, or NO_LIVE_UPSTREAM when it is a group's name."""
    return _node_name(address) if len(address) <= _LONGEST_ADDRESS else NO_LIVE_UPSTREAM


def attempts(addr: str, status: str, times: str, final_status: int) -> tuple[Attempt, ...]:
    """The attempts of a request, in order, from $upstream_addr, $upstream_status and $upstream_response_time.

    ", " separates attempts, " : " the groups on both sides of an internal redirect; item i of the three lists belongs
    together, and what a shorter list lacks is "-". () when there was no upstream ("" or "-"). A last attempt without a
    status counts as 499 when the request ended so: the client left while that node was being asked. An upstream that
    had answered is not blamed for a client who left afterwards.
    """
    if ", " not in addr and " : " not in addr:
        if addr in ("", "-"):
            return ()
        return (_attempt(addr, status or _final(final_status), times, final_status == CLIENT_CLOSED),)
    nodes = _items(addr)
    # An empty list beside an address is a format without $upstream_status, for nginx writes "-" itself: the request's
    # own status is the last attempt's then, and retries that were saved cannot be seen.
    answers = _items(status) if status else ["-"] * (len(nodes) - 1) + [_final(final_status)]
    seconds = _items(times)
    last = len(nodes) - 1
    return tuple(
        _attempt(
            node,
            answers[i] if i < len(answers) else "-",
            seconds[i] if i < len(seconds) else "-",
            i == last and final_status == CLIENT_CLOSED,
        )
        for i, node in enumerate(nodes)
    )


def _final(status: int) -> str:
    """The final status of a request as its last attempt's; "-" for 499, which is the client's and not the node's."""
    return "-" if status == CLIENT_CLOSED else f"{status:03d}"


def _items(joined: str) -> list[str]:
    items = joined.replace(" : ", ", ").split(", ")
    # A redirect to an upstream that was never reached leaves " : " at the end, and nothing after it.
    while items and not items[-1].strip(" :"):
        items.pop()
    return [item.strip() or "-" for item in items]


def _attempt(address: str, status: str, seconds: str, client_left: bool) -> Attempt:
    taken = _number(seconds) if len(seconds) <= _LONGEST_TIME else -1.0
    if status == "-":
        return Attempt(node_name(address), "499" if client_left else "-", taken, client_left)
    return Attempt(node_name(address), status, taken, status[0] == "5" and len(status) == 3)


# Addresses are few, and times are milliseconds: looking one up costs a quarter of reading it.
@lru_cache(maxsize=8192)
def _node_name(address: str) -> str:
    return address if _NODE.fullmatch(address) else NO_LIVE_UPSTREAM


@lru_cache(maxsize=16384)
def _number(text: str) -> float:
    # float() alone would take "1_0", "nan" and "inf", which no histogram can hold.
    return float(text) if _SECONDS.fullmatch(text) else -1.0
