"""The verb that tells: claims a due notification, sends it outside any transaction, and records what became of it.

The world outside cannot be told exactly once: the receiver may have a message although its answer was lost. So every
attempt carries the same key, an ambiguous one is repeated at most MAX_AMBIGUOUS times, and all attempts are recorded.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from incidents.channels import Channel, Outgoing, open_channel
from incidents.channels.base import harmless
from incidents.documents import incident_document
from incidents.domain.errors import DeliveryError, TocsinError
from incidents.domain.incident import Message
from incidents.domain.rulebook import Channel as ChannelConfig
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.render import render
from incidents.store import Store, outbox
from incidents.store.outbox import Delivery, Notification

MAX_AMBIGUOUS = 3
"""Attempts whose outcome nobody knows; after these a notification is dead rather than repeated for ever."""

AMBIGUOUS_DELAYS = (60.0, 900.0)
"""Seconds to wait after the first and second of these: a receiver that hangs for ten minutes is to get its message."""

GIVE_UP_AFTER = 24 * 3600
"""Seconds after which a message that only ever failed is dead: by then it is history, not news."""

FIRST_DELAY = 5.0
LONGEST_DELAY = 300.0

_decode = msgspec.json.Decoder(Summary).decode


class Outcome(msgspec.Struct, frozen=True):
    """How one attempt ended, and what that makes of the notification."""

    state: Delivery
    outcome: Delivery
    answer: str
    due_at: float | None = None


class Deliverer:
    """Sends the messages of one installation. `now` is the clock; `scale` its speed against real seconds.

    deadline: real seconds that one attempt may take. A claim is held three times as long, so that a sender which is
    merely slow is not taken for dead.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        *,
        deadline: float = 20.0,
        scale: float = 1.0,
        external_url: str = "",
        open_adapter: Callable[[ChannelConfig], Channel] = open_channel,
    ) -> None:
        self.store = store
        self.now = now
        self.deadline = deadline
        self.lease = 3 * deadline * scale
        self.external_url = external_url.rstrip("/")
        self._open_adapter = open_adapter

    def due_channels(self) -> list[str]:
        """Channels that have something to send now."""
        with self.store.read() as tx:
            return outbox.due_channels(tx, self.now())

    def due(self, channel: str, limit: int = 50) -> list[str]:
        """Notifications that may be sent to a channel now, in order."""
        with self.store.read() as tx:
            return outbox.due(tx, self.now(), channel, limit)

    def deliver(self, notification_id: str, rulebook: Rulebook) -> Delivery | None:
        """One attempt at one notification; None when it is not (or no longer) ours to send."""
        with self.store.write() as tx:
            claimed = outbox.claim(tx, notification_id, self.now(), self.lease)
            if claimed is None:
                return None
            onset = outbox.onset_key(tx, claimed.incident_id, claimed.channel)
        outcome = self._attempt(claimed, onset, rulebook)
        with self.store.write() as tx:
            outbox.mark(tx, claimed, outcome.state, outcome.outcome, outcome.answer, self.now(), outcome.due_at)
        return outcome.state

    def _attempt(self, claimed: Notification, onset: str | None, rulebook: Rulebook) -> Outcome:
        config = rulebook.channel(claimed.channel)
        if config is None:
            return Outcome(Delivery.DEAD, Delivery.FAILED, "the rulebook has no such channel any more")
        if claimed.ambiguous >= MAX_AMBIGUOUS:
            return Outcome(Delivery.DEAD, Delivery.FAILED, f"{claimed.ambiguous} attempts whose outcome is not known")
        try:
            outgoing = self._outgoing(claimed, onset, config)
            answer = self._open_adapter(config).send(outgoing, self.deadline)
        except DeliveryError as error:
            return self._failed(claimed, error)
        except TocsinError as error:
            return Outcome(Delivery.DEAD, Delivery.FAILED, str(error))
        except Exception as error:  # noqa: BLE001  (an adapter's own bug must not stop the other channels: it is recorded)
            return self._failed(claimed, DeliveryError(harmless(f"{type(error).__name__}: {error}"), ambiguous=True))
        return Outcome(Delivery.SENT, Delivery.SENT, answer)

    def _outgoing(self, claimed: Notification, onset: str | None, config: ChannelConfig) -> Outgoing:
        summary = _decode(claimed.document)
        document = incident_document(summary)
        link = f"{self.external_url}/api/v1/incidents/{summary.id}" if self.external_url else None
        rendered = render(
            claimed.kind,
            summary,
            language=config.language,
            timezone=config.timezone,
            link=link,
            late_minutes=claimed.late_minutes,
        )
        return Outgoing(
            key=claimed.id,
            thread=claimed.incident_id,
            onset_key=onset if claimed.kind is not Message.ONSET else None,
            kind=claimed.kind,
            rendered=rendered,
            document={"kind": claimed.kind.value, "link": link, "incident": document},
        )

    def _failed(self, claimed: Notification, error: DeliveryError) -> Outcome:
        now = self.now()
        outcome = Delivery.AMBIGUOUS if error.ambiguous else Delivery.FAILED
        answer = error.answer or str(error)
        ambiguous = claimed.ambiguous + error.ambiguous
        if error.permanent or ambiguous >= MAX_AMBIGUOUS or now - claimed.created_at > GIVE_UP_AFTER:
            return Outcome(Delivery.DEAD, outcome, answer)
        delay = AMBIGUOUS_DELAYS[ambiguous - 1] if error.ambiguous else retry_delay(claimed.attempts, error.retry_after)
        return Outcome(Delivery.PENDING, outcome, answer, now + delay)


def retry_delay(attempts: int, retry_after: float | None, jitter: Callable[[], float] = random.random) -> float:
    """Seconds until the next attempt: doubling, with half of it at random so that many do not come back at once.

    What the service asked for is honoured, up to an hour.
    """
    if retry_after is not None:
        return min(max(retry_after, 1.0), 3600.0)
    delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (min(attempts, 16) - 1))
    return delay * (0.5 + 0.5 * jitter())
