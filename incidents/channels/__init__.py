"""Channels by kind. What a channel promises is written in base.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from incidents.channels.base import Channel, Outgoing
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting

__all__ = ["GROUP", "KINDS", "Channel", "Outgoing", "kinds", "open_channel"]

GROUP = "tocsin.channels"
"""The entry point group by which other projects add kinds: name = kind, value = a subclass of Channel."""

# Loaded when first used: Apprise alone takes longer to import than everything else.
KINDS = {
    "apprise": "incidents.channels.apprise:AppriseChannel",
    "console": "incidents.channels.console:ConsoleChannel",
    "mail": "incidents.channels.mail:MailChannel",
    "webhook": "incidents.channels.webhook:WebhookChannel",
}


def kinds() -> list[str]:
    """Every kind that can be opened here."""
    return sorted({*KINDS, *(found.name for found in entry_points(group=GROUP))})


def open_channel(channel: rulebook.Channel, clock: Callable[[], float] = time.time) -> Channel:
    """The adapter of a channel of the rulebook. Raises BadSetting, which names the channel and what was expected."""
    return _class_of(channel)(channel.name, channel.options, clock)


def _class_of(channel: rulebook.Channel) -> type[Channel]:
    if channel.kind in KINDS:
        module, name = KINDS[channel.kind].split(":")
        found = getattr(import_module(module), name)
    else:
        entries = list(entry_points(group=GROUP, name=channel.kind))
        if not entries:
            raise BadSetting(f"channel {channel.name}: unknown kind {channel.kind!r}; known are {', '.join(kinds())}")
        found = entries[0].load()
    if not (isinstance(found, type) and issubclass(found, Channel)):
        raise BadSetting(f"channel {channel.name}: kind {channel.kind!r} is no subclass of incidents.channels.Channel")
    return found
