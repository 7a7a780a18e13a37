"""The beat schedule, as one literal. Every entry expires soon: a backlog of ticks helps nobody."""

from __future__ import annotations

from typing import Any

from incidents.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """What beat sends, and how often (seconds)."""
    tick = settings.tick
    soon = max(5.0, 2 * tick)
    return {
        "close minutes": {"task": "tocsin.close_minutes", "schedule": tick, "options": {"expires": soon}},
        "deliver": {"task": "tocsin.deliver", "schedule": tick, "options": {"expires": soon}},
        "refresh the rulebook": {"task": "tocsin.refresh_rulebook", "schedule": 10.0, "options": {"expires": 10.0}},
        "prune": {"task": "tocsin.prune", "schedule": 3600.0, "options": {"expires": 600.0}},
    }
