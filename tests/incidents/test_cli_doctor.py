"""`tocsin doctor`: each check with its remedy."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from cli_house import Result, line, log_lines, make_database, tocsin, write_log


@pytest.fixture
def doctor(tmp_path: Path) -> Any:
    def run(*arguments: object, **environment: str) -> Result:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = str(probe.getsockname()[1])
        usual = {
            "TOCSIN_SOURCE": str(tmp_path / "access.log"),
            "TOCSIN_API__PORT": free,
            "XDG_DATA_HOME": str(tmp_path / "data"),
        }
        return tocsin("doctor", *arguments, **(usual | environment))

    write_log(tmp_path, [line(int(time.time()) - 5)])
    return run


def checks(result: Result, name: str) -> list[dict[str, str]]:
    return [check for check in result.json()["checks"] if check["name"] == name]


def test_a_healthy_installation_passes_every_check(doctor: Any, tmp_path: Path) -> None:
    result = doctor("--json", "--database", make_database(tmp_path), "--source", write_log(tmp_path))
    assert result.code == 0, result.out
    found = result.json()
    assert found["ok"] is True
    names = {check["name"] for check in found["checks"]}
    assert names == {
        *("python", "sqlite", "disk", "database", "broker", "source", "format", "clock", "rulebook", "channels", "port")
    }
    for check in found["checks"]:
        assert check["state"] in ("ok", "note") and check["detail"]


def test_every_finding_that_is_not_fine_has_a_remedy_in_text_too(doctor: Any) -> None:
    result = doctor("--source", "/nowhere/access.log")
    assert result.code == 1
    assert "failed  source    /nowhere/access.log: no such file" in result.out
    assert "-> set TOCSIN_SOURCE" in result.out
    assert result.out.endswith("1 failed\n")


def test_settings_are_shown_with_their_origin_and_without_secrets(doctor: Any, tmp_path: Path) -> None:
    config = tmp_path / "tocsin.toml"
    config.write_text("tick = 3.0\n[api]\nhost = '127.0.0.1'\n", encoding="utf-8")
    secret = tmp_path / "broker"
    secret.write_text("redis://user:pass@word@127.0.0.1:1/0", encoding="utf-8")
    result = doctor("--json", TOCSIN_CONFIG=str(config), TOCSIN_BROKER_URL_FILE=str(secret), TOCSIN_LATENESS="7")
    found = {setting["name"]: (setting["value"], setting["origin"]) for setting in result.json()["settings"]}
    assert found["tick"] == ("3.0", str(config))
    assert found["api.host"] == ("127.0.0.1", str(config))
    assert found["api.port"][1] == "TOCSIN_API__PORT"
    assert found["lateness"] == ("7", "TOCSIN_LATENESS")
    assert found["log_level"] == ("info", "default")
    assert found["broker_url"] == ("redis://user:***@127.0.0.1:1/0", "TOCSIN_BROKER_URL_FILE")
    assert "pass@word" not in result.out


def test_a_setting_that_cannot_be_used_is_the_first_thing_to_mend(doctor: Any) -> None:
    result = doctor("--json", TOCSIN_LATENES="7")
    assert result.code == 1
    [finding] = result.json()["checks"]
    assert (finding["name"], finding["state"]) == ("settings", "failed")
    assert "TOCSIN_LATENES" in finding["detail"]


@pytest.mark.parametrize(
    ("environment", "check", "told", "remedy"),
    [
        ({"TOCSIN_BROKER_URL": "redis://:secret@127.0.0.1:1/0"}, "broker", "redis://:***@127.0.0.1:1", "TOCSIN_BROKER"),
        ({"TOCSIN_DATABASE_URL": "nonsense"}, "database", "expected something like", "TOCSIN_DATABASE_URL"),
        ({"TOCSIN_SOURCE": "carrier-pigeon://roof"}, "source", "unknown queue backend", "TOCSIN_SOURCE"),
        ({"TOCSIN_LOG_FORMAT": "common"}, "format", "--format", "TOCSIN_LOG_FORMAT"),
        ({"TOCSIN_RULEBOOK": "/nowhere.yaml"}, "rulebook", "No such file", "TOCSIN_RULEBOOK"),
    ],
)
def test_what_is_broken_is_found_and_the_setting_to_mend_named(
    doctor: Any, environment: dict[str, str], check: str, told: str, remedy: str
) -> None:
    result = doctor("--json", **environment)
    assert result.code == 1
    [finding] = checks(result, check)
    assert finding["state"] == "failed"
    assert told in finding["detail"] and remedy in finding["remedy"]
    assert "secret" not in result.out


def test_every_mistake_of_a_rulebook_is_named_by_line(doctor: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  5xx: {flor: 2%}\n  499: {for: 9 of 5}\n", encoding="utf-8")
    found = checks(doctor("--json", "--rulebook", rules), "rulebook")
    assert [finding["detail"].split(": ")[0] for finding in found] == [f"{rules}:2", f"{rules}:3"]


def test_a_database_of_an_older_schema_is_told_to_be_upgraded(doctor: Any, tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    [finding] = checks(doctor("--json", "--database", f"sqlite:///{tmp_path / 'old.db'}"), "database")
    assert (finding["state"], finding["remedy"]) == ("failed", "run `tocsin db upgrade`")


def test_a_database_that_was_never_made_is_worth_a_note_and_is_not_made(doctor: Any, tmp_path: Path) -> None:
    [finding] = checks(doctor("--json"), "database")
    assert finding["state"] == "note" and "tocsin up" in finding["remedy"]
    assert not (tmp_path / "data").exists()


def test_a_gateway_whose_clock_runs_ahead_is_found(doctor: Any, tmp_path: Path) -> None:
    write_log(tmp_path, [line(int(time.time()) + 3600)])
    [finding] = checks(doctor("--json"), "clock")
    assert finding["state"] == "failed" and "NTP" in finding["remedy"]
    write_log(tmp_path, [line(int(time.time()) - 7200)])
    assert checks(doctor("--json"), "clock")[0]["state"] == "note"


def test_malformed_lines_among_the_newest_are_worth_a_note(doctor: Any, tmp_path: Path) -> None:
    write_log(tmp_path, [*log_lines()[:10], b"junk"])
    [finding] = checks(doctor("--json"), "format")
    assert finding["state"] == "note" and "1 of the last 11 lines are malformed (not-json)" in finding["detail"]


def test_only_the_end_of_a_long_log_is_looked_at(doctor: Any, tmp_path: Path) -> None:
    write_log(tmp_path, [b"x" * 400] * 1000 + log_lines())
    [finding] = checks(doctor("--json"), "format")
    assert finding["state"] == "ok" and finding["detail"].startswith(f"{tmp_path / 'access.log'}: json")


def test_a_port_that_somebody_else_uses_is_told(doctor: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        [finding] = checks(doctor("--json", "--port", taken.getsockname()[1]), "port")
    assert finding["state"] == "failed" and "TOCSIN_API__PORT" in finding["remedy"]


def test_a_channel_that_nobody_looks_at_is_worth_a_note(doctor: Any) -> None:
    found = checks(doctor("--json"), "channels")
    assert [finding["state"] for finding in found] == ["ok", "note"]
    assert "nobody is told" in found[1]["detail"]


def test_a_log_without_permission_names_the_remedy(doctor: Any, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.chmod(0)
    readable = os.access(log, os.R_OK)  # by root, always
    [finding] = checks(doctor("--json"), "source")
    assert finding["state"] == ("ok" if readable else "failed")
