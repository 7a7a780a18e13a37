"""The file backend keeps the contract of all backends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from backend_contract import BackendContract, Place
from rotating_log import RotatingLog


class TestFileBackend(BackendContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        log = RotatingLog(tmp_path / "access.log")
        log.url = f"file://{log.path}"
        yield log
        log.close()
