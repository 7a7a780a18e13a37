"""The message that a channel is tried with: a made-up incident, told by the real templates and marked as a test."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from incidents.channels import Outgoing
from incidents.documents import incident_document
from incidents.domain.incident import Confidence, CulpritKind, Message, State
from incidents.domain.minute import MINUTE
from incidents.domain.rule import DEFAULT_RULES, FIVE_XX, Severity
from incidents.domain.rulebook import Channel
from incidents.domain.summary import (
    Blame,
    MinutePoint,
    NodeFigures,
    Peak,
    Sample,
    SentMessage,
    Summary,
    SymptomFigures,
    Totals,
)
from incidents.render import render

_BAD_NODE, _GOOD_NODE = "192.0.2.10:8080", "192.0.2.11:8080"  # addresses that are set aside for documentation


def sample_message(channel: Channel) -> Outgoing:
    """An onset as this channel would get it. Its key is new each time: no receiver takes two tests for one."""
    summary = sample_incident(int(time.time()))
    kind = Message.ONSET
    rendered = render(kind, summary, language=channel.language, timezone=channel.timezone, link=None)
    told = "测试消息,没有故障。" if channel.language == "zh-CN" else "This is a test message: nothing is wrong."
    marked = replace(rendered, subject=f"[TEST] {rendered.subject}"[:120], text=f"{told}\n\n{rendered.text}")
    document: dict[str, object] = {
        "kind": kind.value,
        "link": None,
        "test": True,
        "incident": incident_document(summary),
    }
    return Outgoing(
        key=str(uuid.uuid4()), thread=summary.id, onset_key=None, kind=kind, rendered=marked, document=document
    )


def sample_incident(now: int) -> Summary:
    """One node of two fails half of its attempts for a minute."""
    minute = now // MINUTE * MINUTE - MINUTE
    rule = next(rule for rule in DEFAULT_RULES if rule.name == FIVE_XX)
    line = f'192.0.2.200 - - "GET /example HTTP/1.1" 502 157 host=test.example us="502" ua="{_BAD_NODE}"'
    return Summary(
        id="0" * 16,
        service="tocsin-test",
        state=State.OPEN,
        merged_into=None,
        severity=Severity.WARNING,
        onset_at=minute,
        detected_at=now,
        resolved_at=None,
        closed_at=None,
        reopened=0,
        first_minute=minute,
        last_minute=minute,
        symptoms=[SymptomFigures(FIVE_XX, _BAD_NODE, minute, minute, 30, 60, rule.describe())],
        blame=Blame(CulpritKind.NODE, (_BAD_NODE,), Confidence.NODE),
        nodes=[
            NodeFigures(_BAD_NODE, 60, 30, 1.0, {"200": 30, "502": 30}),
            NodeFigures(_GOOD_NODE, 60, 0, 0.0, {"200": 60}),
        ],
        totals=Totals(120, 30, 120, 30, 0, {"200": 90, "502": 30}),
        peak=Peak(minute, 30, 60),
        first_bad_at=minute + 2,
        last_bad_at=minute + 58,
        samples=[Sample("example-request", line, _BAD_NODE, "502", minute + 2)],
        messages=[SentMessage(Message.ONSET, now)],
        breach_minutes=1,
        unaffected=[_GOOD_NODE],
        minutes=[MinutePoint(minute, 60, 30, {"502": 30})],
    )
