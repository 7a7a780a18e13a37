"""What every test may ask for: databases of its own, and patience on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from incidents.store import Store

# A deadline in milliseconds measures the machine's other work, not this one's.
settings.register_profile("tocsin", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tocsin")


@pytest.fixture
def store() -> Iterator[Store]:
    """A database in memory with all tables."""
    opened = Store("sqlite://")
    opened.create()
    yield opened
    opened.close()


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    """A database in a file with all tables: several connections, threads and processes can share it."""
    opened = Store(f"sqlite:///{tmp_path / 'tocsin.db'}")
    opened.create()
    yield opened
    opened.close()
