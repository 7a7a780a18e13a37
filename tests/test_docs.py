"""The documentation against the code: what it shows can be typed, what it names is there, what it links to exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from docs_reader import READMES, ROOT, Command, blocks, commands, links, name_of, pages, prose, read, typed_lines
from docs_reader import anchors as anchors_of
from typer import TyperException
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from incidents.cli.program import program
from incidents.settings import _OTHER_VARIABLES, PREFIX, Settings

PAGES = pytest.mark.parametrize("page", pages(), ids=name_of)
_VARIABLE = re.compile(r"\bTOCSIN_[A-Z][A-Z_]*[A-Z]\b")
_ADDRESS = re.compile(r"https?://[\w.:-]+(/(?:api/v1|livez|readyz|healthz|metrics|docs)[^\s'\"`)]*)")


def variables() -> set[str]:
    """Every variable that means something."""
    found = set(_OTHER_VARIABLES)
    for name, field in Settings.model_fields.items():
        nested = getattr(field.annotation, "model_fields", None)
        variable = PREFIX + name.upper()
        found |= {f"{variable}__{inner.upper()}" for inner in nested} if nested else {variable, f"{variable}_FILE"}
    return found


def command_of(command: Command) -> tuple[TyperCommand, list[str]]:
    """The command that these words name, and the words behind its name."""
    found: object = get_command(program)
    words = list(command.words)
    while isinstance(found, TyperGroup):
        while found.name == "tocsin" and words and words[0] in ("-v", "--config"):
            del words[: 2 if words[0] == "--config" else 1]
        if not words or words[0].startswith("-") or words[0] not in found.commands:
            refuse(command, f"no such command; there are {', '.join(found.commands)}")
        found = found.commands[words.pop(0)]
    assert isinstance(found, TyperCommand)
    return found, words


def refuse(command: Command, why: object) -> NoReturn:
    pytest.fail(f"{command.where}: tocsin {' '.join(command.words)}: {why}")


@PAGES
def test_every_command_line_that_a_page_shows_can_be_typed(page: Path) -> None:
    for command in commands(page):
        if command.words in (("--help",), ("--version",), ("VERB", "--help")):
            continue
        if not command.whole and len(command.words) == 1 and command.words[0] in get_command(program).commands:  # type: ignore[attr-defined]
            continue  # a noun that is mentioned, such as `tocsin rules`
        found, words = command_of(command)
        try:
            if command.whole:
                found.make_context(found.name, words)
            else:  # a mention may leave out what the command needs, but not name what it does not know
                found.make_parser(found.context_class(found)).parse_args(words)
        except TyperException as error:
            refuse(command, error)


@PAGES
def test_every_variable_that_a_page_names_exists(page: Path) -> None:
    assert set(_VARIABLE.findall(page.read_text(encoding="utf-8"))) <= variables()


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile", "Makefile"])
def test_every_variable_that_a_deployment_sets_exists(name: str) -> None:
    assert set(_VARIABLE.findall(read(name))) <= variables()


@PAGES
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(link)
    assert broken == []


@PAGES
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    shown = {line.split()[1] for _, line in typed_lines(page) if line.startswith("make ")}
    mentioned = set(re.findall(r"`make ([a-z-]+)`", prose(page)))
    assert shown | mentioned <= targets


@PAGES
def test_every_address_of_the_api_that_a_page_shows_is_in_the_openapi_document(page: Path) -> None:
    paths = msgspec.json.decode(read("openapi.json"))["paths"]
    known = {re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)): operations["get"] for path, operations in paths.items()}
    for shown in _ADDRESS.findall(page.read_text(encoding="utf-8")):
        path, _, query = shown.partition("?")
        if path in ("/docs", "/api/v1/incidents/ID"):
            continue
        operation = next((found for pattern, found in known.items() if pattern.fullmatch(path)), None)
        assert operation is not None, shown
        parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
        assert {pair.partition("=")[0] for pair in query.split("&") if pair} <= parameters, shown


def test_both_readmes_show_the_same_commands_and_files() -> None:
    def shown(name: str) -> list[str]:
        page = ROOT / name
        lines = [re.sub(r"\s+#.*", "", line) for _, line in typed_lines(page)]
        return lines + [block.text for block in blocks(page, "yaml", "nginx")]

    assert shown(READMES[0]) == shown(READMES[1])


def test_the_readme_is_short_enough_to_be_read() -> None:
    for name in READMES:
        assert len(read(name).splitlines()) <= 250


def test_the_index_of_decisions_names_each_of_them() -> None:
    index = read("docs/adr/README.md")
    for decision in sorted((ROOT / "docs/adr").glob("0*.md")):
        number, title = re.match(r"# (\d+)\. (.+)", decision.read_text(encoding="utf-8")).groups()  # type: ignore[union-attr]
        assert f"- [{int(number):04}]({decision.name}) {title}\n" in index
