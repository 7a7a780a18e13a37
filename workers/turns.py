"""Within one process, one thread at a time works on one thing. Between processes the database decides."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")


def taking_turns(work: Callable[[T], None]) -> Callable[[T], None]:
    """`work(key)` does nothing while another thread of this process works on the same key."""
    locks: defaultdict[T, threading.Lock] = defaultdict(threading.Lock)

    @wraps(work)
    def once(key: T) -> None:
        lock = locks[key]
        if not lock.acquire(blocking=False):
            return
        try:
            work(key)
        finally:
            lock.release()

    return once
