"""What is wrong is told as a problem document; what is around every answer is right."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request

from incidents.api import problem, schemas
from incidents.api.guard import MAX_BODY, Guard
from incidents.bootstrap import App
from incidents.domain.errors import StoreError
from incidents.store import Store, rulebooks
from tests.incidents.api_house import Client, client_of, empty_house

URL = "/api/v1/incidents"


@pytest.fixture
def house(store: Store) -> App:
    return empty_house(store)


@pytest.fixture
def client(house: App) -> Client:
    return client_of(house)


def test_an_address_that_is_not_there(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    found = schemas.Problem.model_validate_json(answer.content)
    assert (answer.status_code, found.status, found.type) == (404, 404, "about:blank")
    assert found.instance == "/api/v1/nothing"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_an_address_does_not_take(client: Client, method: str) -> None:
    answer = client.ask(method, URL)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["status"] == 405


def test_a_bug_is_a_problem_that_tells_no_secrets(house: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(rulebooks, "history", bug)
    answer = client_of(house).get("/api/v1/rulebook/versions")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "hunter2" not in answer.text


def test_a_database_that_fails_is_503_with_the_remedy(house: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise StoreError("database tocsin.db: disk I/O error (look at the disk)")

    monkeypatch.setattr(rulebooks, "history", broken)
    answer = client_of(house).get("/api/v1/rulebook/versions")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert answer.json()["type"] == "urn:tocsin:problem:unavailable"
    assert "look at the disk" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("from=yesterday", "from"),
        ("to=2026-11-23", "to"),
        ("from=2026-11-23T03:00:00Z&to=2026-11-23T02:00:00Z", "from"),
        ("state=broken", "state.0"),
        ("state=pending", "state.0"),
        ("severity=page", "severity.0"),
        ("text=a%00b", "text"),
        ("node=a%00b", "node"),
        ("cursor=!!!", "cursor"),
        ("cursor=bnVsbA", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTksIjAxMjM0NTY3ODlhYmNkZWYiXQ", "cursor"),
        ("sevice=pay", "sevice"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, query: str, name: str) -> None:
    answer = client.ask("GET", f"{URL}?{query}")
    found = schemas.Problem.model_validate_json(answer.content)
    assert answer.status_code == 422
    assert found.type == "urn:tocsin:problem:invalid-parameter"
    assert [(error.where, error.name) for error in found.errors or ()] == [("query", name)]


def test_a_misspelt_filter_is_told_which_there_are(client: Client) -> None:
    detail = client.ask("GET", f"{URL}?sevice=pay").json()["detail"]
    assert "service" in detail and "severity" in detail


@pytest.mark.parametrize("incident_id", ["xyz", "0123456789ABCDEF", "0" * 17, "%00"])
def test_an_id_that_can_be_none_is_refused(client: Client, incident_id: str) -> None:
    answer = client.ask("GET", f"{URL}/{incident_id}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "path"


@pytest.mark.parametrize("version", ["-1", "2147483648", "9" * 30, "one"])
def test_a_version_that_can_be_none_is_refused(client: Client, version: str) -> None:
    assert client.get(f"/api/v1/rulebook/versions/{version}").status_code == 422


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 40])
def test_a_body_that_is_too_large_is_refused_unread(client: Client, length: str) -> None:
    answer = client.ask("POST", URL, headers={"Content-Length": length}, content=b"x")
    assert answer.status_code == 413
    assert answer.json()["status"] == 413


def test_a_body_that_hides_its_length_is_stopped_at_the_limit() -> None:
    api = FastAPI()
    problem.install(api)
    api.add_middleware(Guard)

    @api.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 1024

    client = Client(api)
    assert client.ask("POST", "/read", content=pieces(1024)).text == str(MAX_BODY)
    refused = client.ask("POST", "/read", content=pieces(1025))
    assert (refused.status_code, refused.json()["status"]) == (413, 413)


@pytest.mark.parametrize("path", [URL, "/livez", "/nothing", "/docs", "/metrics"])
def test_every_answer_keeps_browsers_in_bounds(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", [URL, f"{URL}/export?format=csv", "/livez", "/metrics", "/docs", "/nothing"])
def test_head_is_get_without_its_body(client: Client, path: str) -> None:
    got, head = client.ask("GET", path), client.ask("HEAD", path)
    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"]


def test_what_the_caller_has_already_is_304(client: Client) -> None:
    first = client.get(URL)
    tag = first.headers["etag"]
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.ask("GET", URL, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.ask("GET", URL, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_change_changes_the_tag(house: App) -> None:
    client = client_of(house)
    before = client.get("/api/v1/rulebook/versions").headers["etag"]
    with house.store.write() as tx:
        rulebooks.add(tx, "", "d", "file", "file", "", 5.0)
    assert client.get("/api/v1/rulebook/versions").headers["etag"] != before


@pytest.mark.parametrize("prefix", ["", "/tocsin"])
def test_behind_a_proxy_it_does_not_matter_whether_the_prefix_is_passed_on(store: Store, prefix: str) -> None:
    client = client_of(empty_house(store, root_path="/tocsin/"))
    assert client.get(f"{prefix}/livez").status_code == 200
    assert client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": "/tocsin"}]
    assert 'href="/tocsin/openapi.json"' in client.get(f"{prefix}/docs").text
    assert client.get("/tocsinx/livez").status_code == 404


def test_the_link_to_the_next_page_has_the_prefix(store: Store) -> None:
    with store.write() as tx:
        for number in range(3):
            rulebooks.add(tx, "", str(number), "file", "file", "", 5.0)
    client = client_of(empty_house(store, root_path="/tocsin"))
    link = client.get("/api/v1/rulebook/versions", limit=1).headers["link"]
    assert link.startswith("</tocsin/api/v1/rulebook/versions?limit=1&cursor=")
    assert client.ask("GET", link[1:].split(">")[0]).json()["items"][0]["version"] == 2
