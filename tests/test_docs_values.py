"""The figures, names and examples of the documentation against the code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec
import pytest
from docs_reader import GUIDES, READMES, ROOT, Block, bare, blocks, name_of, pages, read, spans, table
from pydantic import BaseModel

from incidents.channels import open_channel
from incidents.configcentre import load
from incidents.documents import CONTRACT
from incidents.domain.access_log import parser_for
from incidents.domain.access_log.log_format import Variable, read_log_format
from incidents.domain.access_log.names import ALIASES
from incidents.domain.access_log.request import Reason
from incidents.domain.incident import CloseReason, Confidence, CulpritKind, Message, State
from incidents.domain.lifecycle import Event
from incidents.domain.rule import DEFAULT_RULES, Class, Kind, Severity, Unit
from incidents.domain.rulebook import Rulebook
from incidents.settings import PREFIX, Settings, load_settings
from incidents.store.outbox import Delivery

PAGES = [ROOT / name for name in READMES] + [ROOT / "docs" / name for name in GUIDES]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)

VALUES = {
    "msec": "1795302244.449", "time_local": "21/Nov/2026:23:04:04 +0000", "server_name": "shop.example.com",
    "host": "made.up.example.net", "body_bytes_sent": "512", "request": "GET /cart HTTP/1.1", "status": "200",
    "request_time": "0.051", "upstream_addr": "10.0.0.1:80, 10.0.0.2:80", "upstream_status": "502, 200",
    "upstream_response_time": "0.050, 0.001", "request_id": "bbcb5e2e10361c4b52c30d5dad49cdde",
}  # fmt: skip
"""What nginx would write for a request that a second node saved, and whose client made a host up."""

TEXTS = ("upstream_addr", "upstream_status", "upstream_response_time", "request_id")


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, default as text) of every setting."""
    for name, field in model.model_fields.items():
        here = (*path, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, here)
        else:
            default = field.get_default(call_default_factory=True)
            yield here, {"": '""', "None": "none", "True": "true", "False": "false"}.get(str(default), str(default))


def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """Setting -> (variable, default), as the documentation writes them."""
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/HOME")
    found = leaves(Settings)
    return {".".join(path): (PREFIX + "__".join(path).upper(), text.replace("/HOME", "~")) for path, text in found}


def test_the_configuration_lists_every_setting_with_its_variable_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(ROOT / "docs/configuration.md", "setting")
    listed = {bare(name): (bare(variable), bare(default)) for name, variable, default, _, _ in rows}
    wanted = settings(monkeypatch)
    assert list(listed) == list(wanted), "the order is that of the code"
    assert listed == wanted


@pytest.mark.parametrize("name", READMES)
def test_the_settings_of_the_readme_have_their_true_defaults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = dict(settings(monkeypatch).values())
    shown: dict[str, str] = {}
    for row in table(ROOT / name, "variable" if name == "README.md" else "变量"):
        variables, values = bare(row[0]).split(", "), bare(row[1]).split(", ")
        shown |= dict(zip(variables, values, strict=True))
    assert len(shown) >= 7
    for variable, value in shown.items():
        assert value.replace("无", "none") in (defaults[variable], defaults[variable].replace('""', "none"))


@EVERY_PAGE
def test_every_rulebook_of_a_page_can_be_used(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = blocks(page, "yaml")
    assert found
    for block in found:
        for variable in re.findall(r"\$\{(\w+)\}", block.text):
            monkeypatch.setenv(variable, "a-secret")
        load(block.text, block.where, opens=open_channel)


@EVERY_PAGE
def test_every_log_format_of_a_page_is_recognised_with_all_its_fields(page: Path) -> None:
    found = blocks(page, "nginx")
    assert found
    for block in found:
        directive = block.text[: block.text.index(";") + 1]
        line = "".join(
            VALUES.get(token.name, "x") if isinstance(token, Variable) else token.text
            for token in read_log_format(directive).tokens
        ).encode()
        for log_format in ("auto", directive):
            parsed = parser_for(log_format, [line]).parse([line])
            assert not parsed.malformed, (block.where, log_format)
            request = parsed.requests[0]
            assert Rulebook().name_of(request.service, request.host) == "shop.example.com"
            assert {name: getattr(request, name) for name in TEXTS} == {name: VALUES[name] for name in TEXTS}
            assert request.request_time == 0.051


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_json_and_toml_example_is_well_formed(page: Path) -> None:
    for block in blocks(page, "json"):
        msgspec.json.decode(block.text)
    for block in blocks(page, "toml"):
        tomllib.loads(block.text)


def test_the_settings_file_of_the_configuration_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks(ROOT / "docs/configuration.md", "toml")
    file = tmp_path / "tocsin.toml"
    file.write_text(example.text)
    monkeypatch.setenv("TOCSIN_CONFIG", str(file))
    assert load_settings().source == tomllib.loads(example.text)["source"] == "/var/log/nginx/tocsin.log"


@pytest.mark.parametrize("name", GUIDES)
def test_the_webhook_of_the_guide_has_keys_that_are_really_sent(name: str) -> None:
    (example,) = blocks(ROOT / "docs" / name, "json")
    body = msgspec.json.decode(example.text)
    assert set(body) == {"kind", "link", "incident"}
    assert set(body["incident"]) <= set(CONTRACT)


@pytest.mark.parametrize("name", GUIDES)
def test_the_guide_lists_the_names_that_fields_are_found_by(name: str) -> None:
    rows = table(ROOT / "docs" / name, "field" if name == "guide.md" else "字段")
    assert {bare(field): tuple(bare(names).split(", ")) for field, names in rows} == ALIASES


@pytest.mark.parametrize("name", READMES)
def test_the_rules_of_the_readme_are_the_built_in_ones(name: str) -> None:
    rows = table(ROOT / name, "rule" if name == "README.md" else "规则")
    assert [bare(row[0]) for row in rows] == [rule.name for rule in DEFAULT_RULES]
    for rule, row in zip(DEFAULT_RULES, rows, strict=True):
        _, bad, share, least, _ = row
        assert share.replace(" ", "") == f"{rule.floor:.0%}"
        assert int(least.split()[0]) == rule.min_bad
        assert rule.over is None or f"{rule.over:g} s" in bad.replace("秒", "s")


VOCABULARIES: tuple[type[StrEnum], ...] = (
    State, Event, CulpritKind, Confidence, Message, CloseReason, Class, Kind, Unit, Severity, Delivery, Reason,
)  # fmt: skip

WORDS = {
    "line", "record", "position", "request", "attempt", "service", "node", "route", "minute", "watermark", "late",
    "rule", "verdict", "symptom", "culprit", "fingerprint", "onset", "resolution", "incident", "transition",
    "evidence", "blame", "acknowledgement", "silence", "severity", "channel", "notification", "summary", "rulebook",
}  # fmt: skip


def test_the_glossary_names_every_value_that_the_code_uses() -> None:
    named = set(spans(ROOT / "docs/glossary.md"))
    for vocabulary in VOCABULARIES:
        assert {str(value) for value in vocabulary} <= named, vocabulary.__name__


def test_the_glossary_explains_every_word_of_the_house() -> None:
    first_cells = re.findall(r"^\| ([^|]+) \|", read("docs/glossary.md"), re.MULTILINE)
    assert set(re.findall(r"[\w-]+", " ".join(first_cells))) >= WORDS


def test_a_state_that_is_gone_from_the_code_is_gone_from_the_glossary() -> None:
    listed = {bare(row[0]) for row in table(ROOT / "docs/glossary.md", "state")}
    assert listed == {str(state) for state in State}
    assert {bare(row[0]) for row in table(ROOT / "docs/glossary.md", "event")} == {str(event) for event in Event}
    reasons = {bare(row[0]) for row in table(ROOT / "docs/glossary.md", "close reason")}
    assert reasons == {str(reason) for reason in CloseReason}


def test_a_block_knows_where_it_stands() -> None:
    first = blocks(ROOT / "README.md")[0]
    assert isinstance(first, Block)
    line = int(first.where.rpartition(":")[2])
    assert read("README.md").splitlines()[line - 1] == first.text.splitlines()[0]
