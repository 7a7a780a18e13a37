"""One incident on a page: what its messages say, then how it went on and who was told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents.cli.output import print_table, say, styled
from incidents.cli.words import second_text

if TYPE_CHECKING:
    from incidents.domain.summary import Summary
    from incidents.tables import NotificationRow, TransitionRow


def print_page(
    summary: Summary, timeline: Sequence[TransitionRow], notifications: Sequence[NotificationRow], language: str
) -> None:
    """Prints it as the message of its present state tells it, with the timeline and the deliveries."""
    from incidents.domain.incident import Message
    from incidents.render import render

    kind = Message.SUMMARY if summary.closed_at is not None else Message.ONSET
    rendered = render(kind, summary, language=language, timezone=zone_name(), link=None)
    say((rendered.subject, "bold"))
    say()
    for line in rendered.text.rstrip("\n").splitlines():
        say(line)
    say()
    say(f"id {summary.id}, {summary.state.value}")
    if summary.merged_into:
        say(f"merged into {summary.merged_into}")
    say()
    print_table(
        ("Time", "From", "To", "Why", "Sent", "By"),
        [
            (second_text(row.at), row.source, styled(row.target), row.reason or row.event, row.sends, row.actor)
            for row in timeline
        ],
    )
    if notifications:
        say()
        print_table(
            ("Message", "Channel", "State", "Attempts", "Sent", "Answer"),
            [
                (
                    row.kind,
                    row.channel,
                    row.state,
                    str(row.attempts),
                    second_text(row.sent_at) if row.sent_at else "",
                    row.answer,
                )
                for row in reversed(notifications)
            ],
        )


def document(
    summary: Summary, timeline: Sequence[TransitionRow], notifications: Sequence[NotificationRow]
) -> dict[str, object]:
    """The same as one object: the incident's own keys, `timeline` and `notifications`."""
    from incidents.documents import incident_document, moment, moment_or_none

    return incident_document(summary) | {
        "timeline": [
            {
                "at": moment(row.at),
                "minute": moment(row.minute),
                "from": row.source,
                "to": row.target,
                "event": row.event,
                "reason": row.reason,
                "sends": row.sends or None,
                "actor": row.actor,
            }
            for row in timeline
        ],
        "notifications": [
            {
                "id": row.id,
                "kind": row.kind,
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "ambiguous": row.ambiguous,
                "sent_at": moment_or_none(row.sent_at),
                "answer": row.answer,
            }
            for row in reversed(notifications)
        ],
    }


def zone_name() -> str:
    """The IANA name of this machine's zone, which the templates ask for; UTC where there is none."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), str(Path("/etc/localtime").resolve())):
        name = name.rpartition("/zoneinfo/")[2]
        if name:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
            return name
    return "UTC"
