"""`tocsin tokens`."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_house import Result, one_line_error, tocsin

from incidents import tokens
from incidents.store import Store


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'tocsin.db'}"


def run(database: str, *arguments: str) -> Result:
    return tocsin("tokens", *arguments, "--database", database)


def test_the_first_token_is_made_before_there_is_a_database_and_opens_the_door(database: str) -> None:
    result = run(database, "create", "grafana")
    assert result.code == 0
    secret = result.out.strip()
    assert secret.startswith("tocsin_") and "shown only now" in result.err
    store = Store(database)
    found = tokens.recognise(store, secret, 0.0)
    store.close()
    assert found is not None and found.allows("read") and not found.allows("write")


def test_a_secret_is_never_shown_again(database: str) -> None:
    made = run(database, "create", "bot", "--scope", "write", "--json").json()
    assert made["scopes"] == ["read", "write"]
    for listed in (run(database, "list"), run(database, "list", "--json")):
        assert made["id"] in listed.out and "bot" in listed.out
        assert made["token"] not in listed.out


def test_a_revoked_token_stays_in_the_list_and_opens_nothing(database: str) -> None:
    made = run(database, "create", "bot", "--json").json()
    assert run(database, "revoke", made["id"]).code == 0
    store = Store(database)
    assert tokens.recognise(store, made["token"], 0.0) is None
    store.close()
    [listed] = run(database, "list", "--json").json()["tokens"]
    assert listed["revoked_at"] is not None
    assert "`tocsin tokens list`" in one_line_error(run(database, "revoke", made["id"]))


def test_a_token_without_a_name_or_with_an_unknown_scope_is_refused(database: str) -> None:
    assert "name" in one_line_error(run(database, "create", " "))
    assert "admin" in one_line_error(run(database, "create", "bot", "--scope", "admin"), code=2)


def test_without_a_token_the_list_says_who_is_served(database: str) -> None:
    tocsin("db", "upgrade", "--database", database)
    assert run(database, "list").out == "no token: the API serves this machine only\n"
