"""One try at sending, with a deadline that holds whatever the other side does.

The time limits of sockets count from byte to byte: a server that answers a byte a second outlives them all, and looking
up a name has no limit at all. So the work runs in a thread of its own. When the deadline passes, the try is abandoned:
its connections are cut, and it can no longer pass the point of no return, from which on the receiver may have the
message.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from incidents.domain.errors import DeliveryError


class Abandoned(Exception):
    """The deadline has passed: nobody waits for this try any more, and it must not go on."""


class Attempt:
    """What the work tells about itself while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self._committed = False
        self._cutters: list[Callable[[], object]] = []

    @property
    def committed(self) -> bool:
        """Whether the receiver may have the message."""
        with self._lock:
            return self._committed

    def commit(self) -> None:
        """Call before the byte with which the receiver can have the message. Raises Abandoned when it is too late."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._committed = True

    def on_abandon(self, cut: Callable[[], object]) -> None:
        """Registers what makes a blocked call return, such as shutting a socket down."""
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._cutters.append(cut)

    def abandon(self) -> bool:
        """Ends it from outside. Returns whether the receiver may have the message."""
        with self._lock:
            self._abandoned = True
            cutters = list(self._cutters)
        for cut in cutters:
            # Whatever it is, it was closed already: that is what is wanted.
            with contextlib.suppress(Exception):
                cut()
        return self._committed


def run(work: Callable[[Attempt], str], deadline_seconds: float) -> str:
    """Does the work in a thread and waits for it no longer than the deadline.

    Raises what the work raised, or DeliveryError when the deadline passed: ambiguous from the point of no return on.
    """
    attempt = Attempt()
    answers: list[str] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            answers.append(work(attempt))
        except BaseException as error:  # noqa: BLE001 - it is raised again below, in the thread that waits
            errors.append(error)

    # A daemon: a name server that does not answer must not keep the process from ending.
    thread = threading.Thread(target=body, name="tocsin-send", daemon=True)
    thread.start()
    thread.join(deadline_seconds)
    if thread.is_alive():
        ambiguous = attempt.abandon()
        if answers:
            return answers[0]  # it came in the last moment
        raise DeliveryError(f"no answer within {deadline_seconds:g} s", ambiguous=ambiguous)
    if errors:
        raise errors[0]
    return answers[0]
