"""Services, nodes and their minute series over HTTP."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest

from incidents.api import schemas
from incidents.documents import moment, second_of
from tests.incidents.api_house import LATE, TRACE, Client, client_of, replayed_house

URL = "/api/v1/services"


@pytest.fixture(scope="module")
def client() -> Client:
    return client_of(replayed_house(TRACE, LATE))


def counted(path: Path, service: str) -> Counter[int]:
    """Requests of a service by minute, counted from the log with nothing of Tocsin's."""
    found: Counter[int] = Counter()
    with gzip.open(path, "rt", errors="replace") as log:
        for line in log:
            request = json.loads(line)
            if request["service"] == service:
                found[int(float(request["time"])) // 60 * 60] += 1
    return found


def test_every_service_is_listed_by_name_with_its_last_hour(client: Client) -> None:
    page = schemas.ServicePage.model_validate_json(client.get(URL).content)
    names = [item.name for item in page.items]
    assert names == sorted(names)
    assert {"order", "pay"} <= set(names)
    pay = next(item for item in page.items if item.name == "pay")
    assert pay.last_hour.requests == sum((counted(TRACE, "pay") + counted(LATE, "pay")).values())
    assert pay.open_incidents == 1


def test_services_come_in_pages(client: Client) -> None:
    whole = client.get(URL).json()["items"]
    first = client.get(URL, limit=1).json()
    rest = client.get(URL, cursor=first["next_cursor"]).json()
    assert first["items"] + rest["items"] == whole
    assert len(whole) > 1


def test_one_service_has_its_rules_and_open_incidents(client: Client) -> None:
    service = schemas.Service.model_validate_json(client.get(f"{URL}/pay").content)
    assert [rule.name for rule in service.rules] == ["5xx", "499", "request_time", "upstream_response_time"]
    assert [incident.service for incident in service.incidents] == ["pay"]


def test_the_minutes_of_a_service_equal_the_log_and_show_late_lines_apart(client: Client) -> None:
    series = schemas.ServiceSeries.model_validate_json(client.get(f"{URL}/pay/minutes").content)
    on_time, late = counted(TRACE, "pay"), counted(LATE, "pay")
    assert {second_of(m.minute): m.total + m.late.total for m in series.minutes} == on_time + late
    assert {second_of(m.minute): m.late.total for m in series.minutes if m.late.total} == late
    assert all((m.revised_at is not None) == (m.late.total > 0) for m in series.minutes)
    for minute in series.minutes:
        assert sum(minute.by_status.values()) == minute.total
        low, high = minute.latency.p50, minute.latency.p99
        assert (low is None) == (high is None) == (minute.total == 0)
        assert low is None or high is None or 0 < low <= high


def test_a_span_of_minutes_holds_its_beginning_and_not_its_end(client: Client) -> None:
    span = {"from": "2026-11-23T03:00:30Z", "to": "2026-11-23T03:05:00Z"}
    series = client.get(f"{URL}/pay/minutes", **span).json()
    assert (series["from"], series["to"]) == ("2026-11-23T03:00:00Z", "2026-11-23T03:05:00Z")
    assert [m["minute"] for m in series["minutes"]] == [f"2026-11-23T03:0{n}:00Z" for n in range(5)]


def test_the_span_of_a_node_is_the_same_as_its_services(client: Client) -> None:
    span = {"from": "2026-11-23T03:00:00Z", "to": "2026-11-23T03:05:00Z"}
    nodes = client.get(f"{URL}/pay/nodes", **span).json()["nodes"]
    minutes = client.get(f"{URL}/pay/nodes/{nodes[0]['node']}/minutes", **span).json()["minutes"]
    assert [m["minute"] for m in minutes] == [f"2026-11-23T03:0{n}:00Z" for n in range(5)]
    assert nodes[0]["last_minute"] == "2026-11-23T03:04:00Z"


def test_a_plus_that_nobody_escaped_is_still_a_zone(client: Client) -> None:
    path = f"{URL}/pay/minutes?from=2026-11-23T11:00:00+08:00&to=2026-11-23T11:05:00+08:00"
    assert client.ask("GET", path).json()["from"] == "2026-11-23T03:00:00Z"


def test_the_nodes_of_a_service_add_up_to_their_minutes(client: Client) -> None:
    nodes = schemas.Nodes.model_validate_json(client.get(f"{URL}/pay/nodes").content)
    assert len(nodes.nodes) > 1
    for node in nodes.nodes:
        path = f"{URL}/pay/nodes/{node.node}/minutes"
        series = schemas.NodeSeries.model_validate_json(client.get(path).content)
        assert sum(m.total + m.late.total for m in series.minutes) == node.attempts
        assert sum(m.bad + m.late.bad for m in series.minutes) == node.bad
        assert series.minutes[-1].minute == node.last_minute
        assert sum(node.by_status.values()) == node.attempts


@pytest.mark.parametrize("node", ["[2001:db8::1]:8080", "unix:/run/app.sock", "a/minutes", "pool%2Fx"])
def test_a_node_with_colons_slashes_and_brackets_reaches_its_endpoint(client: Client, node: str) -> None:
    answer = client.ask("GET", f"{URL}/pay/nodes/{quote(node, safe='')}/minutes")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"there is no node {node} of pay"


def test_a_service_with_a_slash_reaches_its_endpoint(client: Client) -> None:
    for tail in ("", "/minutes", "/nodes"):
        answer = client.ask("GET", f"{URL}/{quote('shop/v2', safe='')}{tail}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "there is no service shop/v2"


def test_a_span_in_the_wrong_order_or_too_long_is_refused_by_name(client: Client) -> None:
    answer = client.get(f"{URL}/pay/minutes", **{"from": moment(7200), "to": moment(3600)})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"in": "query", "name": "from", "detail": "1970-01-01T02:00:00Z is after `to`, 1970-01-01T01:00:00Z"}
    ]
    for path, hours in (("minutes", 168), ("nodes", 24)):
        answer = client.get(f"{URL}/pay/{path}", **{"from": moment(0), "to": moment(90 * 86400)})
        assert answer.status_code == 422
        assert f"at most {hours} hours" in answer.json()["detail"]


def test_a_span_at_either_end_of_time_is_answered(client: Client) -> None:
    for start, end in (
        ("0001-01-01T00:00:00Z", "0001-01-01T01:00:00Z"),
        ("9999-12-31T23:00:00Z", "9999-12-31T23:59:59Z"),
    ):
        assert client.get(f"{URL}/pay/minutes", **{"from": start, "to": end}).json()["minutes"] == []
