"""The fixture that tells a story: `at` is where every sentence begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from story import Story, Tell


@pytest.fixture
def story() -> Iterator[Story]:
    """A story under the default rules; at the end, nothing may have been said that nobody wanted."""
    told = Story()
    yield told
    assert not told.unheard, f"said and never wanted: {told.unheard}"


@pytest.fixture
def at(story: Story) -> Tell:
    return story.at
