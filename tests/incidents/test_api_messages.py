"""Notifications, deliveries and the rulebook over HTTP."""

from __future__ import annotations

import pytest

from incidents.api import schemas
from incidents.bootstrap import App
from incidents.configcentre import load
from incidents.store import Store, outbox, rulebooks
from incidents.store.outbox import Delivery
from tests.incidents.api_house import Client, client_of, empty_house, replayed_house

URL = "/api/v1/notifications"
RULEBOOK = """\
channels:
  ops: {type: webhook, url: "https://hooks.example.com/${HOOK}", secret: "${SIGNING_SECRET}"}
  chat: {type: webhook, url: "https://hooks.example.com/WR1TTEN"}
routes:
  - channels: [ops, chat]
"""


@pytest.fixture(scope="module")
def house() -> App:
    return replayed_house()


@pytest.fixture(scope="module")
def client(house: App) -> Client:
    return client_of(house)


def test_every_message_is_listed_once_with_its_state(client: Client) -> None:
    page = schemas.NotificationPage.model_validate_json(client.get(URL, limit=200).content)
    incidents = client.get("/api/v1/incidents", limit=200).json()["items"]
    onsets = [item.incident_id for item in page.items if item.kind == "onset"]
    assert sorted(onsets) == sorted(item["id"] for item in incidents)
    assert {item.state for item in page.items} == {"pending"}


def test_pages_of_messages_joined_are_the_whole_list(client: Client) -> None:
    whole = client.get(URL, limit=200).json()["items"]
    seen, cursor = [], None
    while True:
        page = client.get(URL, limit=4, **({"cursor": cursor} if cursor else {})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole


def test_filters_of_messages(client: Client) -> None:
    whole = client.get(URL, limit=200).json()["items"]
    one = whole[0]["incident_id"]
    assert client.get(URL, incident=one).json()["items"] == [n for n in whole if n["incident_id"] == one]
    assert client.get(URL, kind="summary", limit=200).json()["items"] == [n for n in whole if n["kind"] == "summary"]
    assert client.get(URL, state=["sent", "dead"]).json()["items"] == []
    assert client.get(URL, channel="nobody").json()["items"] == []
    assert client.get(URL, channel="console", limit=200).json()["items"] == whole


def test_a_message_holds_the_incident_as_it_stood_then(client: Client) -> None:
    onset = client.get(URL, kind="onset", limit=200).json()["items"][-1]
    told = schemas.Notification.model_validate_json(client.get(f"{URL}/{onset['id']}").content)
    now = client.get(f"/api/v1/incidents/{onset['incident_id']}").json()
    assert told.incident.state == "open"
    assert now["state"] == "closed"
    assert told.incident.totals.bad_attempts <= now["totals"]["bad_attempts"]


def test_every_attempt_is_told_with_its_answer() -> None:
    house = replayed_house()
    client = client_of(house)
    onset = client.get(URL, kind="onset", limit=200).json()["items"][-1]["id"]
    for number, state, outcome, answer in (
        (1, Delivery.PENDING, Delivery.AMBIGUOUS, "no answer after DATA"),
        (2, Delivery.SENT, Delivery.SENT, "250 queued"),
    ):
        with house.store.write() as tx:
            claimed = outbox.claim(tx, onset, 1000.0 * number, 60)
            assert claimed is not None
            outbox.mark(tx, claimed, state, outcome, answer, 1000.0 * number + 1, due_at=0.0)
    found = schemas.Deliveries.model_validate_json(client.get(f"{URL}/{onset}/deliveries").content)
    assert [(d.attempt, d.outcome, d.answer) for d in found.items] == [
        (1, "ambiguous", "no answer after DATA"),
        (2, "sent", "250 queued"),
    ]
    brief = client.get(f"{URL}/{onset}").json()
    assert (brief["state"], brief["attempts"], brief["ambiguous"]) == ("sent", 2, 1)
    assert brief["sent_at"] == "1970-01-01T00:33:21Z"


def test_a_message_that_is_not_there_is_404(client: Client) -> None:
    nothing = "00000000-0000-0000-0000-000000000000"
    assert client.get(f"{URL}/{nothing}").status_code == 404
    assert client.get(f"{URL}/{nothing}/deliveries").status_code == 404


def test_the_built_in_rulebook_is_shown_whole(client: Client) -> None:
    found = schemas.Rulebook.model_validate_json(client.get("/api/v1/rulebook").content)
    assert (found.version, found.source, found.problem) == (0, "built-in", None)
    assert found.text is not None
    assert load(found.text, "shown").rules == load("", "built-in").rules
    assert client.get("/api/v1/rulebook/versions/0").json() == client.get("/api/v1/rulebook").json()


def test_secrets_of_a_rulebook_are_never_shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "T0PSECRET")
    monkeypatch.setenv("SIGNING_SECRET", "whsec_c2VjcmV0c2VjcmV0c2VjcmV0")
    with store.write() as tx:
        rulebooks.add(tx, RULEBOOK, "d1", "rulebook.yaml", "file", "the file changed", 60.0)
    client = client_of(empty_house(store))
    answer = client.get("/api/v1/rulebook")
    found = schemas.Rulebook.model_validate_json(answer.content)
    assert (found.version, found.source, found.at) == (1, "rulebook.yaml", "1970-01-01T00:01:00Z")
    assert found.document is not None
    assert "ops" in str(found.document["channels"])
    for secret in ("T0PSECRET", "c2VjcmV0", "WR1TTEN"):
        assert secret not in answer.text


def test_a_version_that_can_no_longer_be_read_says_why(store: Store) -> None:
    with store.write() as tx:
        rulebooks.add(tx, "rulez: {}", "d1", "rulebook.yaml", "file", "", 60.0)
    found = schemas.Rulebook.model_validate_json(client_of(empty_house(store)).get("/api/v1/rulebook").content)
    assert found.text is None
    assert "rulez" in (found.problem or "")


def test_versions_are_listed_the_newest_first_in_pages(store: Store) -> None:
    with store.write() as tx:
        for number in range(3):
            rulebooks.add(tx, f"max_services: {number + 1}", str(number), "file", "file", "", 60.0)
    client = client_of(empty_house(store))
    first = client.get("/api/v1/rulebook/versions", limit=2).json()
    rest = client.get("/api/v1/rulebook/versions", cursor=first["next_cursor"]).json()
    schemas.RulebookPage.model_validate(first)
    assert [item["version"] for item in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert client.get("/api/v1/rulebook/versions/2").json()["document"]["max_services"] == 2
    assert client.get("/api/v1/rulebook/versions/4").status_code == 404
