"""What bootstrap decides by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.bootstrap import source_key


def test_one_source_has_one_key_however_it_is_spelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = f"file://{tmp_path}/access.log"
    spellings = ("access.log", "./access.log", f"{tmp_path}/access.log", f"file://{tmp_path}/access.log?from=end")
    assert {source_key(url) for url in spellings} == {wanted}


def test_a_key_never_holds_a_password_or_options() -> None:
    assert source_key("redis://user:secret@queue.example/0?stream=nginx") == "redis://queue.example/0"
