"""Finding a backend by its URL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backends import known_schemes, open_backend
from backends.errors import BadURLError, UnknownSchemeError

PLUGIN = """
from backends.base import Backend

class CarrierPigeon(Backend):
    unit = "lines"

    def __init__(self, url):
        self.url = url

    @classmethod
    def from_url(cls, url):
        return cls(url)

    def assign(self, positions): ...
    def read(self, max_lines, timeout): return []
    def problems(self): return []
    def check(self): ...
    def close(self): ...

not_a_backend = object()
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another project's package, installed beside ours."""
    (tmp_path / "pigeon_plugin.py").write_text(PLUGIN)
    info = tmp_path / "pigeon_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tocsin.backends]\n"
        "pigeon = pigeon_plugin:CarrierPigeon\n"
        "broken = module_that_is_not_there:Backend\n"
        "wrong = pigeon_plugin:not_a_backend\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(UnknownSchemeError, match=r"unknown queue backend 'rabbit:'.* installed are: .*file"):
        open_backend("rabbit://localhost/access")


@pytest.mark.usefixtures("plugin")
def test_another_project_adds_a_backend_by_an_entry_point() -> None:
    backend = open_backend("Pigeon://loft/42")
    assert type(backend).__name__ == "CarrierPigeon"
    assert {"file", "pigeon"} <= set(known_schemes())


@pytest.mark.usefixtures("plugin")
def test_a_backend_that_cannot_be_loaded_is_named_in_one_line() -> None:
    with pytest.raises(BadURLError, match=r"'broken:' .* cannot be loaded: No module named"):
        open_backend("broken://x")
    with pytest.raises(BadURLError, match=r"'wrong:' .* is not a subclass"):
        open_backend("wrong://x")


@pytest.mark.usefixtures("plugin")
def test_two_packages_that_claim_one_scheme_are_both_named(tmp_path: Path) -> None:
    info = tmp_path / "rival-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tocsin.backends]\npigeon = rival:Pigeon\n")
    with pytest.raises(BadURLError, match=r"pigeon_plugin:CarrierPigeon.*rival:Pigeon|rival:Pigeon.*pigeon_plugin"):
        open_backend("pigeon://loft")


def test_only_the_backend_asked_for_is_imported() -> None:
    script = (
        "import sys, backends; print('backends.file' in sys.modules); backends.open_backend('/a'); "
        "print('backends.file' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
