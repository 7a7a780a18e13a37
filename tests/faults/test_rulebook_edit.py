"""A rulebook edited while Tocsin runs: a good one is soon in force, a bad one changes nothing and is told."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from incidents.store import rulebooks
from tests.live.house import House, house, wait_for


def status(home: House) -> dict[str, Any]:
    """What `tocsin status --json` says."""
    tocsin = str(Path(sys.executable).with_name("tocsin"))
    run = subprocess.run(
        [tocsin, "status", "--json"], env=home.environment, capture_output=True, text=True, check=False
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def version(home: House) -> int:
    with home.store.read() as tx:
        return rulebooks.latest_number(tx)


@pytest.mark.timeout(150)
def test_an_edit_is_in_force_within_a_minute_and_a_bad_one_is_told_everywhere(tmp_path: Path) -> None:
    with house(tmp_path, scale=1) as home:
        home.start()
        wait_for(lambda: len(home.pids()) == 4, 30)
        wait_for(lambda: home.lines_counted() == 0 and _answers(home), 30)
        rulebook = tmp_path / "rulebook.yaml"
        good = rulebook.read_text()
        assert version(home) == 1
        rulebook.write_text(good + "rules:\n  5xx: {floor: 2%}\n")
        wait_for(lambda: version(home) == 2, 60)
        rulebook.write_text(good + "rules:\n  5xx: {flor: 3%}\n")
        wait_for(lambda: "rulebook refused" in home.tail(100_000), 60)
        assert version(home) == 2, "the old rules stay"
        assert "rulebook.yaml:5" in json.dumps(status(home))
        with urllib.request.urlopen(f"http://127.0.0.1:{home.port}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        assert "tocsin_rulebook_version 2.0" in metrics
        assert "tocsin_rulebook_last_reload_successful 0.0" in metrics


def _answers(home: House) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{home.port}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
