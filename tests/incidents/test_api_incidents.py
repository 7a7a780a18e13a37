"""The history of incidents over HTTP, from a real trace."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from incidents.api import schemas
from incidents.bootstrap import App
from incidents.documents import incident_document, moment, second_of
from incidents.exporting import COLUMNS, defused
from incidents.history import History
from incidents.retention import prune
from incidents.store import incidents, outbox
from incidents.store.incidents import Filter
from tests.incidents.api_house import TRACE, Client, client_of, replayed_house

URL = "/api/v1/incidents"


@pytest.fixture(scope="module")
def house() -> App:
    return replayed_house()


@pytest.fixture(scope="module")
def client(house: App) -> Client:
    return client_of(house)


@pytest.fixture(scope="module")
def all_items(client: Client) -> list[dict[str, Any]]:
    items = client.get(URL, limit=200).json()["items"]
    assert len(items) >= 5
    return list(items)


def test_the_list_has_every_incident_the_newest_first(client: Client, all_items: list[dict[str, Any]]) -> None:
    page = schemas.IncidentPage.model_validate_json(client.get(URL, limit=200).content)
    assert page.next_cursor is None
    assert [item.first_minute for item in page.items] == sorted((i["first_minute"] for i in all_items), reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_joined_are_the_whole_list(client: Client, all_items: list[dict[str, Any]], limit: int) -> None:
    seen: list[dict[str, Any]] = []
    path: str | None = f"{URL}?limit={limit}"
    while path is not None:
        answer = client.ask("GET", path)
        assert len(answer.json()["items"]) <= limit
        seen += answer.json()["items"]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json()["next_cursor"] is None)
        path = re.fullmatch(r'<(.+)>; rel="next"', link).group(1) if link else None  # type: ignore[union-attr]
    assert seen == all_items


def test_the_link_to_the_next_page_keeps_the_filters(client: Client) -> None:
    link = client.get(URL, limit=1, state="closed", text="100%").headers.get("link")
    assert link is None
    link = client.ask("GET", f"{URL}?limit=1&state=closed&state=open&service=pay").headers["link"]
    assert "state=closed&state=open&service=pay&cursor=" in link


@pytest.mark.parametrize(("name", "field"), [("state", "state"), ("service", "service"), ("severity", "severity")])
def test_a_filter_gives_exactly_those_that_fit(
    client: Client, all_items: list[dict[str, Any]], name: str, field: str
) -> None:
    values = {item[field] for item in all_items}
    found = 0
    for value in values:
        items = client.get(URL, **{name: value, "limit": 200}).json()["items"]
        assert items == [item for item in all_items if item[field] == value]
        found += len(items)
    assert found == len(all_items)


def test_a_filter_can_be_given_more_than_once(client: Client, all_items: list[dict[str, Any]]) -> None:
    services = sorted({item["service"] for item in all_items})
    assert len(services) > 1
    items = client.get(URL, service=services, limit=200).json()["items"]
    assert items == all_items


def test_rule_and_node_look_at_symptoms(client: Client, all_items: list[dict[str, Any]]) -> None:
    symptom = all_items[-1]["symptoms"][0]
    items = client.get(URL, rule=symptom["rule"], node=symptom["node"], limit=200).json()["items"]
    fits = [
        item
        for item in all_items
        if any(s["rule"] == symptom["rule"] and s["node"] == symptom["node"] for s in item["symptoms"])
    ]
    assert items == fits
    assert 0 < len(fits) < len(all_items)
    assert client.get(URL, node="10.0.0.1:1").json()["items"] == []


def test_from_and_to_find_incidents_that_were_on_then(client: Client, all_items: list[dict[str, Any]]) -> None:
    one = all_items[len(all_items) // 2]
    last = second_of(one["last_minute"])

    def ids(**span: str) -> set[str]:
        return {item["id"] for item in client.get(URL, limit=200, **span).json()["items"]}

    assert one["id"] in ids(**{"from": one["first_minute"], "to": moment(last + 60)})
    assert one["id"] in ids(**{"from": moment(last + 30)}), "an incident lasts to the end of its last minute"
    assert one["id"] not in ids(**{"from": moment(last + 60)})
    assert one["id"] not in ids(to=one["first_minute"]), "`to` is exclusive"
    assert one["id"] in ids(to=moment(second_of(one["first_minute"]) + 1))


def test_text_is_taken_literally(client: Client, all_items: list[dict[str, Any]]) -> None:
    node = all_items[0]["blame"]["nodes"][0]
    assert all_items[0]["id"] in {item["id"] for item in client.get(URL, text=node).json()["items"]}
    for wild in ("%", "_", "\\", "' OR 1=1 --"):
        assert client.get(URL, text=wild * 3).json()["items"] == []


def test_one_incident_is_the_same_object_as_a_replay_gives(client: Client, house: App) -> None:
    with house.store.read() as tx:
        found = incidents.find(tx, Filter(limit=100))
    summaries = History(house.store, house.rulebook, house.past_rulebook).summaries(found)
    for summary in summaries:
        answer = client.get(f"{URL}/{summary.id}")
        schemas.Incident.model_validate_json(answer.content)
        assert answer.json() == json.loads(json.dumps(incident_document(summary)))
        assert answer.json()["totals"]["bad_attempts"] > 0
        assert all(symptom["description"] for symptom in answer.json()["symptoms"])


def test_what_is_not_there_is_404(client: Client) -> None:
    for path in ("", "/timeline", "/evidence", "/minutes"):
        answer = client.get(f"{URL}/0123456789abcdef{path}")
        assert answer.status_code == 404
        assert "0123456789abcdef" in answer.json()["detail"]


def test_the_timeline_tells_onset_and_summary_once(client: Client, all_items: list[dict[str, Any]]) -> None:
    for item in all_items:
        timeline = schemas.Timeline.model_validate_json(client.get(f"{URL}/{item['id']}/timeline").content)
        sends = [entry.sends for entry in timeline.items if entry.sends]
        assert sends.count("onset") == 1
        assert sends.count("summary") == (1 if item["state"] == "closed" else 0)
        assert timeline.items[-1].target == item["state"]
        assert all(entry.reason for entry in timeline.items if entry.sends)


def test_a_long_timeline_comes_in_pages(client: Client, all_items: list[dict[str, Any]]) -> None:
    path = f"{URL}/{all_items[-1]['id']}/timeline"
    whole = client.get(path).json()["items"]
    first = client.get(path, limit=1).json()
    second = client.get(path, limit=200, cursor=first["next_cursor"]).json()
    assert first["items"] + second["items"] == whole
    assert len(whole) > 1


def test_evidence_is_of_the_incidents_minutes_and_can_be_narrowed(
    client: Client, all_items: list[dict[str, Any]]
) -> None:
    item = all_items[-1]
    path = f"{URL}/{item['id']}/evidence"
    page = schemas.EvidencePage.model_validate_json(client.get(path, limit=200).content)
    assert page.items
    assert all(item["first_minute"] <= line.minute <= item["last_minute"] for line in page.items)
    node = item["blame"]["nodes"][0]
    assert {line["node"] for line in client.get(path, node=node).json()["items"]} == {node}
    status = page.items[0].status
    assert {line["status"] for line in client.get(path, status=status).json()["items"]} == {status}
    first = client.get(path, limit=1).json()
    rest = client.get(path, limit=200, cursor=first["next_cursor"]).json()
    assert len(first["items"] + rest["items"]) == len(page.items)


def test_the_minutes_around_an_incident_add_up_to_its_figures(client: Client, all_items: list[dict[str, Any]]) -> None:
    for item in all_items:
        whole = client.get(f"{URL}/{item['id']}").json()
        around = schemas.Around.model_validate_json(
            client.get(f"{URL}/{item['id']}/minutes", before=0, after=0).content
        )
        assert sum(minute.total for minute in around.requests) == whole["totals"]["requests"]
        by_node = {node.node: sum(minute.bad for minute in node.minutes) for node in around.nodes}
        assert by_node == {node["node"]: node["bad"] for node in whole["nodes"]}
        assert not around.truncated


def test_before_and_after_widen_the_minutes(client: Client, all_items: list[dict[str, Any]]) -> None:
    item = all_items[-1]
    around = client.get(f"{URL}/{item['id']}/minutes", before=3, after=2).json()
    assert second_of(around["from"]) == second_of(item["first_minute"]) - 180
    assert second_of(around["to"]) == second_of(item["last_minute"]) + 180


def test_an_export_as_json_lines_holds_every_incident_whole(client: Client, all_items: list[dict[str, Any]]) -> None:
    answer = client.get(f"{URL}/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines] == [item["id"] for item in all_items]
    assert lines[0] == client.get(f"{URL}/{lines[0]['id']}").json()


def test_an_export_of_many_goes_on_from_page_to_page(
    client: Client, all_items: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents.api.routers.incidents.EXPORTED_AT_ONCE", 2)
    lines = client.get(f"{URL}/export").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [item["id"] for item in all_items]


def test_an_export_as_csv_has_the_filters_of_the_list(client: Client) -> None:
    answer = client.get(f"{URL}/export", format="csv", state="closed")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert {row["state"] for row in rows} == {"closed"}
    assert 'filename="incidents.csv"' in answer.headers["content-disposition"]
    one = client.get(f"{URL}/{rows[0]['id']}").json()
    assert int(rows[0]["bad_attempts"]) == one["totals"]["bad_attempts"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert defused(text) == "'" + text
    assert defused("a" + text) == "a" + text


def test_late_lines_are_in_the_figures_and_counted(
    client: Client, all_items: list[dict[str, Any]], tmp_path: Path
) -> None:
    before = client.get(f"{URL}/{all_items[-1]['id']}").json()
    words = (f'"service":"{before["service"]}"'.encode(), f'"ts":"{before["first_minute"][:17]}'.encode())
    again = tmp_path / "again.log"
    with gzip.open(TRACE, "rb") as log:
        again.write_bytes(b"".join(line for line in log if all(word in line for word in words)))
    client = client_of(replayed_house(TRACE, again))
    after = client.get(f"{URL}/{before['id']}").json()
    around = client.get(f"{URL}/{before['id']}/minutes", before=0, after=0).json()["requests"]
    assert after["late_lines"] == sum(minute["late"]["total"] for minute in around) > 0
    assert after["totals"]["requests"] == before["totals"]["requests"] + after["late_lines"]
    assert sum(minute["total"] for minute in around) == before["totals"]["requests"], "as judged, untouched"


def test_figures_outlive_the_minutes_they_were_summed_over() -> None:
    house = replayed_house()
    client = client_of(house)
    closed = client.get(URL, state="closed").json()["items"][0]["id"]
    before = client.get(f"{URL}/{closed}").json()
    assert prune(house.store, house.now() + 40 * 86400, 30) > 0
    with house.store.read() as tx:
        assert outbox.last_document(tx, closed) is not None
    after = client.get(f"{URL}/{closed}").json()
    assert after["totals"] == before["totals"]
    assert after["nodes"] == before["nodes"]
    assert after["state"] == "closed"
    assert after["messages"] == before["messages"]
