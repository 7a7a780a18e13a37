"""`tocsin incidents`, `services` and `db`: the history as it lies in the database."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from cli_house import BAD, START, Result, make_database, one_line_error, tocsin, write_log

from incidents.cli.incidents import ExportFormat, SeverityName, StateName, pages_of
from incidents.domain.incident import State
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Rulebook
from incidents.exporting import Format
from incidents.history import History
from incidents.store import Store
from incidents.store.incidents import Filter

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_database(tmp_path_factory.mktemp("house"))


@pytest.fixture
def run(url: str) -> Run:
    return lambda *arguments, **environment: tocsin(*arguments, TOCSIN_DATABASE_URL=url, **environment)


def test_incidents_are_listed_the_newest_first(run: Run) -> None:
    result = run("incidents", "list")
    assert result.code == 0
    [_, first, second] = result.out.splitlines()
    assert " pay " in first and " open " in first
    assert " shop " in second and " closed " in second


@pytest.mark.parametrize(
    ("filters", "services"),
    [
        ([], ["pay", "shop"]),
        (["--state", "open"], ["pay"]),
        (["--state", "open", "--state", "closed"], ["pay", "shop"]),
        (["--service", "shop"], ["shop"]),
        (["--severity", "critical"], []),
        (["--node", BAD], ["pay", "shop"]),
        (["--node", "10.0.0.9:80"], []),
        (["--rule", "5xx"], ["pay", "shop"]),
        (["--rule", "499"], []),
        (["--from", "2026-11-23T03:03:00Z"], ["pay"]),
        (["--to", "2026-11-23T03:03:00Z"], ["shop"]),
        (["--text", "sho"], ["shop"]),
    ],
)
def test_filters_are_those_of_the_api(run: Run, filters: list[str], services: list[str]) -> None:
    found = run("incidents", "list", "--json", *filters).json()
    assert [incident["service"] for incident in found["incidents"]] == services
    assert found["more"] is False


def test_a_limit_says_that_there_is_more(run: Run) -> None:
    assert run("incidents", "list", "--json", "--limit", "1").json()["more"] is True
    result = run("incidents", "list", "--limit", "1")
    assert len(result.out.splitlines()) == 2
    assert "there are more than 1" in result.err


def test_one_incident_is_shown_with_its_figures_timeline_and_messages(run: Run) -> None:
    [found] = run("incidents", "list", "--json", "--service", "shop").json()["incidents"]
    result = run("incidents", "show", found["id"])
    assert result.code == 0
    assert "30 of 60 attempts" in result.out
    assert "recovering  closed" in result.out  # the timeline
    assert "summary  console  pending" in result.out  # the notification
    document = run("incidents", "show", found["id"], "--json").json()
    assert document["totals"] == found["totals"]
    assert [step["to"] for step in document["timeline"]] == ["open", "recovering", "closed"]
    assert [message["kind"] for message in document["notifications"]] == ["onset", "summary"]


def test_an_incident_can_be_read_in_chinese_and_in_the_readers_zone(run: Run) -> None:
    [found] = run("incidents", "list", "--json", "--service", "shop").json()["incidents"]
    result = run("incidents", "show", found["id"], "--language", "zh-CN", TZ="Asia/Shanghai")
    assert "Asia/Shanghai" in result.out and "2026-11-23 10:59" in result.out
    assert "节点" in result.out


def test_an_unknown_incident_is_told_in_one_line(run: Run) -> None:
    assert "`tocsin incidents list`" in one_line_error(run("incidents", "show", "feedfeedfeedfeed"))


def test_the_export_holds_every_incident_once(run: Run, tmp_path: Path) -> None:
    listed = run("incidents", "list", "--json").json()["incidents"]
    exported = [msgspec.json.decode(line) for line in run("incidents", "export").out.splitlines()]
    assert exported == listed
    table = list(csv.DictReader(io.StringIO(run("incidents", "export", "--format", "csv").out)))
    assert [row["id"] for row in table] == [incident["id"] for incident in listed]
    file = tmp_path / "out.jsonl"
    assert run("incidents", "export", "--output", file, "--service", "pay").code == 0
    assert [msgspec.json.decode(line)["service"] for line in file.read_text("utf-8").splitlines()] == ["pay"]


def test_a_long_history_is_exported_page_by_page_without_loss(url: str) -> None:
    store = Store(url)
    history = History(store, Rulebook, lambda _: Rulebook())
    pages = list(pages_of(history, Filter(limit=1)))
    store.close()
    assert [[summary.service for summary in page] for page in pages] == [["pay"], ["shop"]]


def test_an_export_that_cannot_be_written_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    assert "name another file" in one_line_error(run("incidents", "export", "--output", tmp_path / "no" / "file"))


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (["--from", "yesterday"], "expected 2026-11-23T10:00:00"),
        (["--from", "1h", "--to", "2h"], "--from must be before --to"),
        (["--state", "pending"], "pending"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_a_filter_that_means_nothing_is_wrong_use(run: Run, filters: list[str], told: str) -> None:
    assert told in one_line_error(run("incidents", "list", *filters), code=2)


def test_the_words_of_the_options_are_those_of_the_domain() -> None:
    shown = [state.value for state in State if state not in (State.OK, State.PENDING)]
    assert [state.value for state in StateName] == shown
    assert [severity.value for severity in SeverityName] == [severity.value for severity in Severity]
    assert set(get_args(ExportFormat)) == set(get_args(Format))


def test_services_are_listed_with_their_open_incidents(run: Run) -> None:
    found = run("services", "list", "--json").json()["services"]
    assert [(service["name"], service["open_incidents"]) for service in found] == [("pay", 1), ("shop", 0)]
    assert "pay" in run("services", "list").out


def test_looking_at_a_database_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    for command in (["incidents", "list"], ["services", "list"], ["status"], ["tokens", "list"], ["db", "status"]):
        told = one_line_error(tocsin(*command, XDG_DATA_HOME=str(tmp_path)))
        assert "there is no database" in told and "--database" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("nonsense", "expected something like sqlite:///"),
        ("mysql://host/name", "expected something like sqlite:///"),
        ("postgresql://user:secret@127.0.0.1:9/name", "127.0.0.1"),
        ("sqlite:///{folder}/access.log", "not a database"),
    ],
)
def test_a_wrong_database_url_is_told_in_one_line_without_its_password(
    tmp_path: Path, database: str, told: str
) -> None:
    write_log(tmp_path)
    message = one_line_error(tocsin("incidents", "list", "--database", database.format(folder=tmp_path)))
    assert "secret" not in message
    assert told in message or "driver" in message  # PostgreSQL's may not be installed


def test_an_empty_database_is_told_to_be_upgraded_and_can_be(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'new.db'}"
    (tmp_path / "new.db").touch()
    assert "tocsin db upgrade" in one_line_error(tocsin("incidents", "list", "--database", database))
    status = tocsin("db", "status", "--database", database, "--json")
    assert (status.code, status.json()["up_to_date"]) == (1, False)
    assert "upgraded to schema" in tocsin("db", "upgrade", "--database", database).out
    assert "already at schema" in tocsin("db", "upgrade", "--database", database).out
    status = tocsin("db", "status", "--database", database, "--json")
    assert (status.code, status.json()["up_to_date"]) == (0, True)
    assert tocsin("incidents", "list", "--database", database).out == "no incident\n"


def test_pruning_removes_old_minutes_and_keeps_incidents_with_their_figures(tmp_path: Path) -> None:
    database = ["--database", make_database(tmp_path)]
    before = tocsin("incidents", "list", "--json", *database).json()["incidents"]
    in_a_hundred_days = {"TOCSIN_CLOCK__REAL": str(time.time()), "TOCSIN_CLOCK__SHOWN": str(START + 100 * 86400)}
    kept = tocsin("db", "prune", "--keep-days", "101", "--json", *database, **in_a_hundred_days)
    assert kept.json()["rows_removed"] == 0
    pruned = tocsin("db", "prune", "--json", *database, **in_a_hundred_days)
    assert pruned.json()["rows_removed"] > 0 and pruned.json()["kept_days"] == 30
    after = tocsin("incidents", "list", "--json", *database).json()["incidents"]
    assert [(found["id"], found["totals"]) for found in after] == [(found["id"], found["totals"]) for found in before]
