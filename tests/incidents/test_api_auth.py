"""Who is let in, and who is not."""

from __future__ import annotations

import pytest

from incidents import tokens
from incidents.api.listening import is_loopback
from incidents.bootstrap import App
from incidents.domain.errors import StoreError
from incidents.store import Store
from tests.incidents.api_house import STRANGER, Client, client_of, empty_house

URL = "/api/v1/incidents"


@pytest.fixture
def house(store: Store) -> App:
    return empty_house(store)


def test_a_program_on_this_machine_needs_no_token(house: App) -> None:
    assert client_of(house).get(URL).status_code == 200


def test_that_stays_so_when_there_is_a_token_for_others(house: App) -> None:
    tokens.create(house.store, "grafana", ["read"], house.now())
    assert client_of(house).get(URL).status_code == 200


def test_a_setting_asks_everyone_for_a_token(store: Store) -> None:
    house = empty_house(store, api={"local_without_token": False})
    secret = tokens.create(store, "me", ["read"], house.now()).secret
    assert client_of(house).get(URL).status_code == 401
    assert client_of(house, headers={"Authorization": f"Bearer {secret}"}).get(URL).status_code == 200


def test_a_stranger_is_told_how_to_get_a_token(house: App) -> None:
    answer = client_of(house, STRANGER).get(URL)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="tocsin"'
    assert answer.json()["type"] == "urn:tocsin:problem:token-needed"
    assert "tocsin tokens create" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_local(house: App, header: str) -> None:
    assert client_of(house, headers={header: "127.0.0.1"}).get(URL).status_code == 401


def test_http_1_0_is_a_proxy_that_adds_no_header(house: App) -> None:
    client = client_of(house)

    class Old(Client):
        """Speaks HTTP/1.0."""

    async def old(scope: dict[str, object], receive: object, send: object) -> None:
        await client.api({**scope, "http_version": "1.0"}, receive, send)  # type: ignore[arg-type]

    assert Old(old).get(URL).status_code == 401  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8600", "localhost.evil.example", "", "[::1", "127.0.0.1@evil.example", "a b"]
)
def test_a_page_on_the_web_cannot_ask_through_its_visitors_browser(house: App, host: str) -> None:
    answer = client_of(house, headers={"Host": host}).get(URL)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:tocsin:problem:wrong-host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8600", "127.0.0.1:1", "[::1]:8600", "tocsin.example.com:443"])
def test_the_names_of_this_machine_are_good_with_any_port(store: Store, host: str) -> None:
    house = empty_house(store, external_url="https://tocsin.example.com/x")
    assert client_of(house, headers={"Host": host}).get(URL).status_code == 200


def test_a_token_lets_a_stranger_in_under_any_host(house: App) -> None:
    secret = tokens.create(house.store, "grafana", ["read"], house.now()).secret
    headers = {"Authorization": f"Bearer {secret}", "Host": "tocsin.internal", "X-Forwarded-For": "192.0.2.9"}
    assert client_of(house, STRANGER, headers).get(URL).status_code == 200


@pytest.mark.parametrize("given", ["Bearer", "Bearer ", "Bearer tocsin_wrong", "Basic dG9jc2luOg==", "tocsin_x"])
@pytest.mark.parametrize("peer", [("127.0.0.1", 1), STRANGER])
def test_a_wrong_token_is_refused_even_from_this_machine(house: App, given: str, peer: tuple[str, int]) -> None:
    tokens.create(house.store, "grafana", ["read"], house.now())
    answer = client_of(house, peer, {"Authorization": given}).get(URL)
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:tocsin:problem:token-refused"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_revoked_token_is_refused_at_once(house: App) -> None:
    made = tokens.create(house.store, "grafana", ["read"], house.now())
    client = client_of(house, STRANGER, {"Authorization": f"Bearer {made.secret}"})
    assert client.get(URL).status_code == 200
    assert tokens.revoke(house.store, made.token.id, house.now())
    assert client.get(URL).status_code == 401


def test_a_token_without_the_scope_is_refused_as_such(house: App) -> None:
    made = tokens.create(house.store, "odd", ["read"], house.now())
    with house.store.write() as tx:
        tx.exec_driver_sql("UPDATE api_token SET scopes = 'write'")
    answer = client_of(house, STRANGER, {"Authorization": f"Bearer {made.secret}"}).get(URL)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:tocsin:problem:scope-missing"


def test_every_address_of_the_history_needs_a_caller_and_only_probes_do_not(house: App) -> None:
    stranger = client_of(house, STRANGER)
    open_to_all = set()
    for path in client_of(house).get("/openapi.json").json()["paths"]:
        filled = path.replace("{incident_id}", "0" * 16).replace("{service}", "a").replace("{node}", "b")
        filled = filled.replace("{version}", "1").replace("{notification_id}", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)
        if stranger.get(filled).status_code != 401:
            open_to_all.add(path)
    assert open_to_all == {"/livez", "/readyz", "/healthz"}


def test_a_stranger_is_not_told_what_ails_the_database(house: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(store: Store, secret: str, now: float) -> None:
        raise StoreError("database /secret/place/tocsin.db: disk I/O error")

    monkeypatch.setattr("incidents.tokens.recognise", broken)
    answer = client_of(house, STRANGER, {"Authorization": "Bearer tocsin_x"}).get(URL)
    assert answer.status_code == 503
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("192.0.2.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_is_judged_by_the_address_alone(address: str, local: bool) -> None:
    assert is_loopback(address) is local
