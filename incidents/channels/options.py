"""Reads a channel's options and says in one line what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from incidents.domain.errors import BadSetting


class Options:
    """The options of one channel. Every reader raises BadSetting; a value is never quoted, for it may be a secret."""

    def __init__(self, channel: str, kind: str, values: Mapping[str, object], known: Sequence[str]) -> None:
        self._channel = channel
        self._kind = kind
        self._values = values
        unknown = sorted(set(values) - set(known))
        if unknown:
            expected = ", ".join(known) or "none"
            raise self.wrong(f"unknown option {unknown[0]!r}; {kind} takes {expected}")

    def wrong(self, problem: str) -> BadSetting:
        return BadSetting(f"channel {self._channel}: {problem}")

    def text(self, name: str, expected: str) -> str:
        """A text that must be there."""
        value = self._values.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"option {name!r} is {'missing' if value is None else 'wrong'}: expected {expected}")
        return value.strip()

    def maybe_text(self, name: str, expected: str) -> str | None:
        return self.text(name, expected) if self._values.get(name) is not None else None

    def texts(self, name: str, expected: str) -> list[str]:
        """A text, or a list of texts, of which there must be one."""
        value = self._values.get(name)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not items:
            raise self.wrong(f"option {name!r} is {'missing' if value is None else 'wrong'}: expected {expected}")
        found = [item.strip() for item in items if isinstance(item, str) and item.strip()]
        if len(found) != len(items):
            raise self.wrong(f"option {name!r} is wrong: expected {expected}")
        return found

    def maybe_texts(self, name: str, expected: str) -> list[str]:
        return self.texts(name, expected) if self._values.get(name) is not None else []

    def pairs(self, name: str, expected: str) -> dict[str, str]:
        """Names and their texts; empty when not given."""
        value = self._values.get(name, {})
        if not isinstance(value, Mapping) or not all(
            isinstance(k, str) and isinstance(v, str) for k, v in value.items()
        ):
            raise self.wrong(f"option {name!r} is wrong: expected {expected}")
        return dict(value)

    def url(self, name: str, schemes: Sequence[str], expected: str) -> SplitResult:
        """A URL with one of these schemes, a host, and a port that is a number."""
        text = self.text(name, expected)
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or any(character.isspace() or ord(character) < 0x20 for character in text):
            raise self.wrong(f"option {name!r} is wrong: expected {expected}")
        return parts


def shown_host(parts: SplitResult) -> str:
    """What of a URL may be shown: no user, no path, no query."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"
