"""The OpenAPI document, as committed, and the page made from it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from incidents.api.app import create_app
from incidents.api.openapi import document_of, text_of
from incidents.store import Store
from tests.incidents.api_house import client_of, empty_house

COMMITTED = Path(__file__).parents[2] / "openapi.json"
API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def document(store: Store) -> dict[str, Any]:
    return document_of(create_app(empty_house(store)))


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


def test_the_committed_document_is_what_the_application_says(store: Store) -> None:
    said = text_of(create_app(empty_house(store)))
    assert COMMITTED.read_text("utf-8") == said, "run: python -m incidents.api.openapi > openapi.json"


def test_every_operation_has_a_name_of_its_own_a_tag_and_words(document: dict[str, Any]) -> None:
    found = operations(document)
    names = [operation["operationId"] for _, operation in found]
    assert len(names) == len(set(names)) > 20
    tags = {tag["name"] for tag in document["tags"]}
    for path, operation in found:
        assert operation["summary"] and operation["description"], path
        assert set(operation["tags"]) <= tags, path
        assert all(parameter.get("description") for parameter in operation.get("parameters", ())), path


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], path
        assert "422" in operation["responses"], path
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_history_asks_for_a_token_and_probes_do_not(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        needs = path.startswith("/api/") or path == "/metrics"
        assert (operation.get("security") == [{"token": []}]) is needs, path


class _Assets(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed"):
            self.found.append(tag)
        self.found += [name for name, value in attrs if name.startswith("on") or name in ("src", "style")]
        self.found += [str(value) for name, value in attrs if name == "href" and "//" in str(value)]


def test_the_docs_page_lists_every_operation_and_needs_nothing_from_elsewhere(
    store: Store, document: dict[str, Any]
) -> None:
    answer = client_of(empty_house(store)).get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for path, operation in operations(document):
        assert f"<code>{path}</code>" in answer.text
        assert f"id={operation['operationId']}" in answer.text
    assets = _Assets()
    assets.feed(answer.text)
    assert assets.found == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_docs_page_escapes_what_it_says(document: dict[str, Any]) -> None:
    from incidents.api.docs_page import page

    document = {**document, "info": {"title": "<script>alert(1)</script>", "description": "a & b"}}
    assert "<script>" not in page(document, '"><script>')


def test_the_page_about_the_api_names_every_address_and_metric(store: Store, document: dict[str, Any]) -> None:
    text = API_PAGE.read_text("utf-8")
    missing = [path for path, _ in operations(document) if f"`{path}`" not in text]
    assert missing == []
    metrics = client_of(empty_house(store)).get("/metrics").text
    for name in re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE):
        assert f"`{name}`" in text
