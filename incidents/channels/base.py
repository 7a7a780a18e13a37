"""The contract of a channel, in prose. Every kind keeps it; tests/incidents/test_channels_contract.py holds them to it.

A channel is one target of messages: one mailbox list, one webhook, one chat room. It takes one notification and says
truthfully what became of it. There are exactly three endings, and no fourth such as True, False or None:

sent        `send` returns what the service itself answered, shortened and without secrets. It returns only when
            the service said that it has the message. That it was handed to a socket is not enough.
not sent    `DeliveryError`. The receiver does not have it. `permanent` when trying again cannot help (refused
            address, rejected document); otherwise the caller tries again later, after `retry_after` seconds if the
            service said so.
ambiguous   `DeliveryError` with `ambiguous`. All of it left, the answer did not come: the receiver may have it.

From this follows what callers rely on:

- The key. `Outgoing.key` is the same on every try of one notification, and stands in the message where the receiver can
  see it (Message-ID, webhook-id and Idempotency-Key). Duplicates, which only ambiguous endings cause, can be told.
- The deadline. `send` ends, one way or another, within `deadline_seconds` and a moment. A server that accepts and then
  hangs, or answers a byte a second, must not hold up other channels. What is left of an abandoned try can no longer
  reach the receiver unless the ending was ambiguous.
- Secrets. No error, answer or log record shows a password, token or signature, nor a URL's path or query, which hold
  them.
- Hostile text. What is in the message cannot end a header, mention a whole room or make the client do anything.
- No redirect is followed: whoever answers must not choose where the message goes.

A channel is made from options, once, and checks them there: `BadSetting` names the channel and the option. It opens
no connection before `send`, keeps no state between sends, and may be used from several threads.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from incidents.domain.incident import Message
from incidents.domain.redact import MASK, redact
from incidents.render import Rendered
from incidents.render.clean import shown

ANSWER_LIMIT = 200
"""Characters kept of what a service answered."""

_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One notification, ready to leave.

    key: the notification's uuid, the same on every try. thread: the incident's id. onset_key: the key of the onset
    on this channel, to which later messages answer; None for the onset itself. document: the body for machines.
    """

    key: str
    thread: str
    onset_key: str | None
    kind: Message
    rendered: Rendered
    document: dict[str, object] = field(default_factory=dict)


class Channel(ABC):
    """One target. See the contract above. Adapters of other projects subclass this and take the same arguments."""

    def __init__(self, name: str, options: Mapping[str, object], clock: Callable[[], float] = time.time) -> None:
        """Checks the options; raises BadSetting. `clock` gives the wall clock in seconds since the epoch."""
        self.name = name
        self.clock = clock

    @property
    @abstractmethod
    def target(self) -> str:
        """Where it sends to, in words that may be shown to anybody."""

    @abstractmethod
    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        """Sends one notification and returns the service's answer. Raises DeliveryError and nothing else."""


def harmless(answer: str, secrets: Iterable[str] = ()) -> str:
    """A service's words without secrets, on one line, shortened: fit for the database and the screen."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            answer = answer.replace(secret, MASK)
    return shown(redact(" ".join(answer.split())), ANSWER_LIMIT)
