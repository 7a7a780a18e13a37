"""Numbers, spans and times as people read them. All instants are whole seconds since the epoch, UTC."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents.render.words import Words


def count(n: int) -> str:
    """Thousands are separated: 72,537."""
    return f"{n:,}"


def share(part: int, whole: int) -> str:
    """A percentage with one decimal that never rounds something to nothing, nor nearly all to all."""
    if whole <= 0:
        return "–"
    if part <= 0:
        return "0%"
    if part >= whole:
        return "100%"
    tenths = min(999, (part * 2000 + whole) // (whole * 2))
    return "<0.1%" if tenths == 0 else f"{tenths / 10:.1f}%"


def span(seconds: int, words: Words) -> str:
    """A duration in its two largest units: 42 s, 3 min, 1 h 36 min, 2 d 3 h."""
    if seconds < 60:
        return words("span.s", n=seconds)
    minutes = seconds // 60
    if minutes < 60:
        return words("span.min", n=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return words("span.h_min", h=hours, n=minutes) if minutes else words("span.h", n=hours)
    days, hours = divmod(hours, 24)
    return words("span.d_h", d=days, n=hours) if hours else words("span.d", n=days)


class Clock:
    """Writes instants in the reader's zone, with the offset: nobody has to guess what 10:56 means."""

    def __init__(self, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone)
            self.name = zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # A message in UTC that says so is better than none: the rulebook's check is where a wrong zone is refused.
            # OSError: ZoneInfo("..") is a folder.
            self._zone = ZoneInfo("UTC")
            self.name = "UTC"

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at, self._zone)

    def _offset(self, at: int) -> str:
        return self._local(at).isoformat()[19:]

    def zoned(self, at: int) -> str:
        """2026-11-23 10:56 +08:00 (Asia/Shanghai)"""
        return f"{self.minute(at)} ({self.name})"

    def minute(self, at: int) -> str:
        """2026-11-23 10:56 +08:00"""
        return f"{self._local(at):%Y-%m-%d %H:%M} {self._offset(at)}"

    def second(self, at: int) -> str:
        """2026-11-23 10:56:07 +08:00"""
        return f"{self._local(at):%Y-%m-%d %H:%M:%S} {self._offset(at)}"

    def short(self, at: int) -> str:
        """10:56"""
        return f"{self._local(at):%H:%M}"

    def short_second(self, at: int) -> str:
        """10:56:07"""
        return f"{self._local(at):%H:%M:%S}"
