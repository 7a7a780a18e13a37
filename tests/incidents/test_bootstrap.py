"""What bootstrap decides by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.bootstrap import bootstrap, source_key
from incidents.domain.rule import Unit
from incidents.settings import load_settings
from incidents.store import rulebooks


def test_one_source_has_one_key_however_it_is_spelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = f"file://{tmp_path}/access.log"
    spellings = ("access.log", "./access.log", f"{tmp_path}/access.log", f"file://{tmp_path}/access.log?from=end")
    assert {source_key(url) for url in spellings} == {wanted}


def test_a_key_never_holds_a_password_or_options() -> None:
    assert source_key("redis://user:secret@queue.example/0?stream=nginx") == "redis://queue.example/0"


def test_time_limits_of_earlier_versions_are_still_counted(tmp_path: Path) -> None:
    """An incident that is open by a limit of 3 s must not be closed by an edit to 8 s because nobody counts 3 s."""
    app = bootstrap(load_settings(database_url=f"sqlite:///{tmp_path}/t.db"))
    with app.store.write() as tx:
        for number, limit in enumerate(("3s", "8s")):
            text = f"rules:\n  upstream_response_time: {{over: {limit}}}\n"
            rulebooks.add(tx, text, str(number), "test", "test", "", 0.0)
    assert app.rulebook().version == 2
    assert app.rulebook().limits[Unit.ATTEMPT] == (3.0, 8.0)
    (rule,) = [rule for rule in app.rulebook().rules_of("any") if rule.name == "upstream_response_time"]
    assert rule.over == 8.0
