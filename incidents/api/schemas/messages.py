"""Notifications, deliveries, and the rulebook."""

from __future__ import annotations

from pydantic import Field

from incidents.api.schemas.base import DeliveryState, MessageKind, Model, PageBase, Time
from incidents.api.schemas.incidents import Incident


class NotificationBrief(Model):
    """One message of one incident to one channel."""

    id: str = Field(description="The key that every attempt carries, such as the left half of the Message-ID.")
    incident_id: str
    kind: MessageKind
    sequence: int
    channel: str
    state: DeliveryState
    created_at: Time
    due_at: Time
    sent_at: Time | None
    late_minutes: int = Field(description="Minutes that it was detected late, as when catching up.")
    attempts: int
    ambiguous: int = Field(description="Attempts whose outcome nobody knows.")
    answer: str


class NotificationPage(PageBase):
    items: list[NotificationBrief]


class Notification(NotificationBrief):
    """A message with what it says: the incident as it stood when the message was caused."""

    incident: Incident


class Delivery(Model):
    """One attempt."""

    attempt: int
    started_at: Time
    finished_at: Time | None
    outcome: DeliveryState
    answer: str


class Deliveries(Model):
    items: list[Delivery]


class RulebookBrief(Model):
    """A numbered version. 0 is the built-in one."""

    version: int
    source: str
    author: str
    reason: str
    at: Time | None
    digest: str


class RulebookPage(PageBase):
    items: list[RulebookBrief]


class Rulebook(RulebookBrief):
    """A version with nothing left to defaults, secrets masked."""

    text: str | None = Field(description="As YAML; null when this version can no longer be read.")
    document: dict[str, object] | None = Field(description="The same as values.")
    problem: str | None = Field(description="Why it can no longer be read.")
