"""What a person did wrong, or a machine ran out of: one line that says how to mend it, and nothing lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.house import check_against, house, restamped, truth_of, wait_for


def tocsin(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a person does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("tocsin")), *arguments],
        env=kept | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    """The error, which must be one line without a traceback."""
    assert run.returncode in (1, 2), run
    assert "Traceback" not in run.stderr + run.stdout
    lines = [line for line in run.stderr.splitlines() if line.startswith("tocsin:")]
    assert len(lines) == 1, run.stderr
    return lines[0]


def test_a_log_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    run = tocsin("up", TOCSIN_SOURCE=str(tmp_path / "no.log"), TOCSIN_DATABASE_URL=f"sqlite:///{tmp_path}/t.db")
    assert "no.log" in one_line(run)


def test_a_database_url_that_cannot_be_used_is_said_with_an_example() -> None:
    for url in ("postgres//nowhere", "mysql://host/name", "sqlite:////proc/nowhere/t.db"):
        assert "database" in one_line(tocsin("up", TOCSIN_DATABASE_URL=url)), url


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = {"TOCSIN_SOURCE": str(log), "TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path}/t.db"}
        run = tocsin("up", TOCSIN_API__PORT=port, **settings)
    error = one_line(run)
    assert port in error
    assert "TOCSIN_API__PORT" in error


def test_a_bad_rulebook_at_the_first_start_is_said_with_its_line(tmp_path: Path) -> None:
    log, rulebook = tmp_path / "access.log", tmp_path / "rulebook.yaml"
    log.touch()
    rulebook.write_text("rules:\n  5xx: {flor: 2%}\n")
    settings = {"TOCSIN_SOURCE": str(log), "TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path}/t.db"}
    error = one_line(tocsin("up", TOCSIN_RULEBOOK=str(rulebook), **settings))
    assert "rulebook.yaml:2" in error
    assert "floor" in error


def test_a_misspelt_setting_is_refused(tmp_path: Path) -> None:
    assert "TOCSIN_SUORCE" in one_line(tocsin("up", TOCSIN_SUORCE=str(tmp_path)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes. Mounting one is root's on Linux."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        message = "a small tmpfs cannot be mounted here: it takes root on Linux"
        if os.environ.get("TOCSIN_REQUIRE_SERVICES"):
            pytest.fail(message)
        pytest.skip(message)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.timeout(200)
def test_a_full_disk_is_said_and_nothing_is_lost_once_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    database = f"sqlite:///{small_disk / 'tocsin.db'}"
    with house(tmp_path, scale=60, TOCSIN_DATABASE_URL=database) as home:
        lines = restamped("train1", home.shown, last=16)
        truth = truth_of([line for _, line in lines])
        home.start()
        home.write(lines)
        wait_for(lambda: home.lines_counted() > 3000, 60)
        filler = small_disk / "filler"
        _fill(filler)
        wait_for(lambda: "database or disk is full" in home.tail(100_000), 30)
        filler.unlink()
        home.wait_until_told(truth, 120)
        check_against(home, truth)
        assert "Traceback" not in home.tail(1_000_000)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as sink:
        try:
            while True:
                sink.write(b"\0" * 4096)
        except OSError:
            return
