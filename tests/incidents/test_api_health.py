"""Status, probes and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from incidents.api import schemas
from incidents.api.metrics import MOST_PARTITIONS
from incidents.bootstrap import App
from incidents.domain.errors import StoreError
from incidents.migrations import upgrade
from incidents.status import look, masked_url, problems
from incidents.store import Store, positions, processes, rulebooks
from incidents.store.positions import Advance
from incidents.store.processes import Beat
from tests.incidents.api_house import STRANGER, Client, client_of, empty_house, replayed_house

NOW = 1_700_000_000.0


def beat(store: Store, role: str, at: float, progress: int = 1) -> None:
    with store.write() as tx:
        processes.beat(tx, Beat(role, f"host:{role}", 7, "host", at - 5, progress, {"lines": 3}), at)


def metrics_of(client: Client) -> dict[str, float]:
    """Name and labels -> value, as Prometheus would read them."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


class BrokenStore(Store):
    """A database that stopped answering."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield from _broken()


def _broken() -> Iterator[Connection]:
    raise StoreError("database /secret/place/tocsin.db: disk I/O error")


@pytest.fixture
def broken() -> App:
    return empty_house(BrokenStore("sqlite://"), NOW)


def test_livez_looks_at_nothing_but_itself(broken: App) -> None:
    assert client_of(broken, STRANGER).get("/livez").json() == {"alive": True}


def test_ready_when_collector_and_worker_beat(store: Store) -> None:
    client = client_of(empty_house(store, NOW))
    assert client.get("/readyz").status_code == 503
    beat(store, "collector", NOW - 1)
    assert client.get("/readyz").json()["detail"] == "not ready: worker"
    beat(store, "worker", NOW - 1)
    assert client.get("/readyz").json() == {"ready": True, "checks": None}
    assert client.get("/healthz").json() == {"ready": True, "checks": None}
    beat(store, "worker", NOW - 31)
    assert client.get("/readyz").status_code == 503


def test_on_a_scaled_clock_a_beat_ages_in_real_seconds(store: Store) -> None:
    client = client_of(empty_house(store, NOW, clock={"scale": 60.0}))
    for role in ("collector", "worker"):
        beat(store, role, NOW - 120)
    assert client.get("/readyz").status_code == 200


def test_verbose_readiness_lists_every_check(store: Store) -> None:
    answer = client_of(empty_house(store, NOW)).ask("GET", "/readyz?verbose")
    assert answer.status_code == 503
    assert [(check["name"], check["ok"]) for check in answer.json()["checks"]] == [
        ("database", True),
        ("source", False),
        ("worker", False),
    ]
    for role in ("collector", "worker"):
        beat(store, role, NOW)
    answer = client_of(empty_house(store, NOW)).ask("GET", "/readyz?verbose")
    assert len(schemas.Ready.model_validate_json(answer.content).checks or ()) == 3


def test_a_schema_that_is_not_up_to_date_is_not_ready(file_store: Store) -> None:
    for role in ("collector", "worker"):
        beat(file_store, role, NOW)
    answer = client_of(empty_house(file_store, NOW)).ask("GET", "/readyz?verbose")
    assert answer.json()["detail"] == "not ready: migration"
    assert "tocsin db upgrade" in str(answer.json()["checks"])


def test_a_migrated_database_is_ready(tmp_path: object) -> None:
    store = Store(f"sqlite:///{tmp_path}/tocsin.db")
    upgrade(store)
    for role in ("collector", "worker"):
        beat(store, role, NOW)
    assert client_of(empty_house(store, NOW)).get("/readyz").status_code == 200
    store.close()


def test_a_database_that_is_down_is_not_ready_and_strangers_hear_no_more(broken: App) -> None:
    stranger = client_of(broken, STRANGER).ask("GET", "/readyz?verbose")
    assert stranger.status_code == 503
    assert stranger.json()["checks"] == [{"name": "database", "ok": False, "detail": None}]
    assert "secret" not in stranger.text
    assert "disk I/O error" in client_of(broken).ask("GET", "/readyz?verbose").text


def test_status_tells_who_is_alive_and_how_far(store: Store) -> None:
    house = replayed_house()
    beat(house.store, "collector", house.now() - 2)
    beat(house.store, "worker", house.now() - 40)
    status = schemas.Status.model_validate_json(client_of(house).get("/api/v1/status").content)
    assert {process.role: process.alive for process in status.processes} == {"collector": True, "worker": False}
    assert status.lines.read == 27626
    assert status.lines.read == status.lines.parsed + status.lines.malformed
    assert status.shards[0].delay_seconds < 130
    assert not status.ok
    assert any(text.startswith("no worker is alive") for text in status.problems)
    assert not any("collector" in text for text in status.problems)


def test_when_all_is_well_there_is_no_problem(store: Store) -> None:
    for role in ("collector", "worker"):
        beat(store, role, NOW)
    assert client_of(empty_house(store, NOW)).get("/api/v1/status").json()["ok"] is True


def test_on_a_scaled_clock_the_living_are_not_called_dead(store: Store) -> None:
    for role in ("collector", "worker"):
        beat(store, role, NOW - 120)
    assert client_of(empty_house(store, NOW)).get("/api/v1/status").json()["ok"] is False
    assert client_of(empty_house(store, NOW, clock={"scale": 60.0})).get("/api/v1/status").json()["ok"] is True


def test_what_is_wrong_is_said_in_words(store: Store) -> None:
    house = empty_house(store, NOW)
    for role in ("collector", "worker"):
        beat(store, role, NOW - 200)
        beat(store, role, NOW)  # alive, and the same progress as 200 s ago
    with store.write() as tx:
        rulebooks.looked(tx, "rulebook.yaml", "d", "rulebook.yaml:3: unknown key", NOW)
        processes.report(tx, "gap", "12 lines were lost", int(NOW) - 60)
    with store.read() as tx:
        said = problems(look(tx, house.settings, NOW))
    assert [text.split(" since ")[0].split(":")[0] for text in said] == [
        "the collector lives and gets nothing done",
        "the worker lives and gets nothing done",
        "the rulebook was refused",
        "gap",
    ]


def test_self_incidents_come_in_pages_and_hide_passwords(store: Store) -> None:
    with store.write() as tx:
        for number in range(3):
            source = "redis://user:hunter2@queue/0?stream=a"
            processes.report(tx, "gap", f"number {number}", 60 * number, 60, source, "a", lost=number, unit="lines")
    client = client_of(empty_house(store))
    first = client.get("/api/v1/self-incidents", limit=2)
    schemas.SelfIncidents.model_validate_json(first.content)
    rest = client.get("/api/v1/self-incidents", cursor=first.json()["next_cursor"]).json()
    assert [item["lost"] for item in first.json()["items"] + rest["items"]] == [2, 1, 0]
    assert "hunter2" not in first.text
    assert first.json()["items"][0]["source"] == "redis://user:***@queue/0?stream=a"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("file:///var/log/a@b:c/access.log", "file:///var/log/a@b:c/access.log"),
        ("redis://:p@ss/w0rd@host/0", "redis://:***@host/0"),
        ("kafka://h:9092/t?sasl_password=x&group=g", "kafka://h:9092/t?sasl_password=***&group=g"),
    ],
)
def test_a_url_is_shown_without_what_opens_a_door(url: str, shown: str) -> None:
    assert masked_url(url) == shown


def test_metrics_equal_what_the_history_says() -> None:
    house = replayed_house()
    client = client_of(house)
    found = metrics_of(client)
    items = client.get("/api/v1/incidents", limit=200).json()["items"]
    assert found["tocsin_lines_total{partition=replay}"] == 27626
    assert found["tocsin_incidents_opened_total{}"] == len(items)
    assert found["tocsin_incidents_closed_total{}"] == sum(item["closed_at"] is not None for item in items)
    assert found["tocsin_incidents_open{severity=critical}"] == 1
    assert found["tocsin_notifications_waiting{}"] == len(
        client.get("/api/v1/notifications", limit=200).json()["items"]
    )
    assert found["tocsin_minutes_closed_total{shard=0}"] > 30
    assert found["tocsin_database_up{}"] == 1
    assert found["tocsin_rulebook_version{}"] == 0


def test_openmetrics_is_given_to_those_that_accept_it(store: Store) -> None:
    beat(store, "worker", NOW)
    answer = client_of(empty_house(store, NOW)).ask(
        "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert "tocsin_build_info" in {family.name for family in families}


def test_metrics_of_a_database_that_is_down_say_so(broken: App) -> None:
    assert metrics_of(client_of(broken))["tocsin_database_up{}"] == 0


def test_a_thousand_partitions_are_not_a_thousand_series(store: Store) -> None:
    with store.write() as tx:
        for number in range(MOST_PARTITIONS + 50):
            flush = Advance(
                "s", f"p{number:04}", "", "1", 5, None, 2, "lines", "json", 10, 0, 0, {}, {"no time": 1}, NOW
            )
            positions.advance(tx, flush)
    found = metrics_of(client_of(empty_house(store, NOW)))
    lines = {name: value for name, value in found.items() if name.startswith("tocsin_lines_total")}
    assert len(lines) == MOST_PARTITIONS + 1
    assert lines["tocsin_lines_total{partition=__other__}"] == 500
    assert sum(lines.values()) == 1500
    assert found["tocsin_malformed_lines_by_reason_total{reason=no time}"] == 150
