"""Bearer tokens: made, recognised, revoked, and never stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents import tokens
from incidents.domain.errors import BadInput, StoreError
from incidents.store import Store, audit
from incidents.store import tokens as token_store


def test_the_secret_is_recognised_and_stands_nowhere_in_the_database(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    store = Store(f"sqlite:///{path}")
    store.create()
    made = tokens.create(store, "grafana", ["read"], 1000.0)
    assert made.secret.startswith("tocsin_")
    assert len(made.secret) > 45
    found = tokens.recognise(store, made.secret, 1000.0)
    assert found is not None
    assert (found.id, found.name, found.scopes) == (made.token.id, "grafana", "read")
    store.close()
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made.token.id.encode() in everything
    assert made.secret.encode() not in everything


def test_two_tokens_of_the_same_name_differ(store: Store) -> None:
    first, second = (tokens.create(store, "a", ["read"], 0.0) for _ in range(2))
    assert first.secret != second.secret
    assert [token.id for token in tokens.listed(store)] == sorted([first.token.id, second.token.id])


def test_write_includes_read(store: Store) -> None:
    token = tokens.create(store, "deploy", ["write"], 0.0).token
    assert token.allows("read") and token.allows("write")
    assert not tokens.create(store, "grafana", ["read"], 0.0).token.allows("write")


def test_a_use_is_noted_at_most_once_a_minute(store: Store) -> None:
    secret = tokens.create(store, "a", ["read"], 0.0).secret
    noted = []
    for now in (100.0, 130.0, 159.9, 160.0, 200.0):
        tokens.recognise(store, secret, now)
        noted.append(tokens.listed(store)[0].last_used_at)
    assert noted == [100.0, 100.0, 100.0, 160.0, 160.0]


def test_a_second_use_within_a_minute_asks_for_no_write_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tokens.create(store, "a", ["read"], 0.0).secret
    tokens.recognise(store, secret, 100.0)

    def locked() -> None:
        raise AssertionError("a busy client would stand in the collector's way")

    monkeypatch.setattr(store, "write", locked)
    assert tokens.recognise(store, secret, 130.0) is not None


def test_of_two_processes_that_saw_the_same_use_one_notes_it(store: Store) -> None:
    token = tokens.create(store, "a", ["read"], 0.0).token
    with store.write() as tx:
        token_store.used(tx, token.id, 100.0, 40.0)
        token_store.used(tx, token.id, 101.0, 41.0)
    assert tokens.listed(store)[0].last_used_at == 100.0


def test_a_database_that_cannot_be_written_still_lets_people_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tokens.create(store, "a", ["read"], 0.0).secret

    def full(*_: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(token_store, "used", full)
    assert tokens.recognise(store, secret, 100.0) is not None


def test_a_revoked_token_is_no_token(store: Store) -> None:
    made = tokens.create(store, "a", ["read"], 0.0)
    assert tokens.revoke(store, made.token.id, 5.0)
    assert tokens.recognise(store, made.secret, 6.0) is None
    assert not tokens.revoke(store, made.token.id, 7.0), "it ended at 5"
    assert tokens.listed(store)[0].revoked_at == 5.0
    with store.read() as tx:
        assert not token_store.any_in_force(tx)


def test_revoking_what_is_not_there_says_so(store: Store) -> None:
    assert not tokens.revoke(store, "nothing", 0.0)
    with store.read() as tx:
        assert audit.newest(tx) == []


def test_making_and_revoking_are_noted_with_who_did_it(store: Store) -> None:
    made = tokens.create(store, "a", ["read"], 1.0, actor="ann")
    tokens.revoke(store, made.token.id, 2.0)
    with store.read() as tx:
        rows = [(row.at, row.action, row.target) for row in audit.newest(tx)]
        actors = [row.actor for row in audit.newest(tx)]
        assert all(made.secret not in row.detail for row in audit.newest(tx))
    assert rows == [(2.0, "token.revoke", made.token.id), (1.0, "token.create", made.token.id)]
    assert actors[1] == "ann"
    assert actors[0]


@pytest.mark.parametrize("secret", ["", "tocsin_", "tocsin_" + "a" * 43, "é\udcff", "\x00" * 10, "x" * 100_000])
def test_what_is_no_token_is_none(store: Store, secret: str) -> None:
    tokens.create(store, "a", ["read"], 0.0)
    assert tokens.recognise(store, secret, 0.0) is None


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("", ["read"]), (" ", ["read"]), ("x" * 101, ["read"]), ("a\nb", ["read"]), ("a", []), ("a", ["root"])],
)
def test_a_name_or_scope_that_cannot_be_is_refused_in_one_line(store: Store, name: str, scopes: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        tokens.create(store, name, scopes, 0.0)
    assert "\n" not in str(refused.value)
    assert tokens.listed(store) == []
