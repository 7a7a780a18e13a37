"""What all shapes are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Time = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="RFC 3339, UTC, whole seconds."),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T02:51:00Z"]}),
]
Seconds = Annotated[float | None, Field(description="Seconds; null when nothing was timed.")]
ByStatus = Annotated[dict[str, int], Field(description="Counts by status.", examples=[{"200": 120, "502": 3}])]
State = Literal["open", "recovering", "stale", "closed", "merged"]
AnyState = Literal["ok", "pending", "open", "recovering", "stale", "closed", "merged"]
Severity = Literal["info", "warning", "critical"]
MessageKind = Literal["onset", "escalation", "summary"]
DeliveryState = Literal["pending", "sending", "sent", "failed", "ambiguous", "dead"]
CloseReason = Literal["recovered", "culprit_gone", "no_traffic", "little_traffic", "by_hand", "rule_changed", "merged"]


class Model(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class PageBase(Model):
    """A page of a list."""

    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class Sample(Model):
    """A redacted log line."""

    request_id: str
    line: str
    node: str | None
    status: str
    at: Time
