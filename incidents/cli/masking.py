"""Settings as they may be shown: without what opens a door."""

from __future__ import annotations

import re

MASK = "***"

# Up to the last @: a password that was not percent-encoded may hold one, and a slash too.
_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):.*@", re.DOTALL)
_SECRET = re.compile(r"([?&;][^=&;]*(?:pass|pwd|secret|token|key)[^=&;]*=)[^&;\s]*", re.IGNORECASE)


def masked_url(url: str) -> str:
    """A URL without its password and without values of its query that sound secret. User and host stay."""
    return _SECRET.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", url))
