"""Writing a rulebook down, comparing two, and the documents that people read first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.configcentre import diff, dump, load, quantities
from incidents.configcentre.channel_options import CHANNEL_TYPES
from incidents.configcentre.document import (
    LifecycleSection,
    MatchSection,
    RouteSection,
    RuleSection,
    Section,
    ServiceSection,
    TopSection,
    keys_of,
)
from incidents.domain.errors import BadRulebook

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "rulebooks" / "good"
DOCS = (ROOT / "docs" / "rulebook.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
DOCUMENTS = {
    "empty": "",
    "everything": (DATA / "everything.yaml").read_text(encoding="utf-8"),
    "anchors": (DATA / "anchors.yaml").read_text(encoding="utf-8"),
    "example": (ROOT / "deploy" / "rulebook.example.yaml").read_text(encoding="utf-8"),
    "awkward": """
rules:
  null: {status: [404, 4xx], for: 2 of 2}
  true: {field: request_time, over: 0.5ms, kind: count, threshold: 3}
  0.5: {status: 5xx, kind: ratio, threshold: 33.3%}
services:
  "null": {labels: {a: "null", b: "off", c: "'", d: "a: b # c"}, rules: {null: {for: off}, true: off}}
  "off": {hosts: ["*", "[[]x"]}
channels:
  c: {type: apprise, url: "json://u:$${HOME}@h"}
routes:
  - {match: {service: ["*", "a?"], odd.label: "*~*"}, channels: c}
""",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_rulebook_that_is_written_down_reads_back_the_same(name: str) -> None:
    rulebook = load(DOCUMENTS[name], name, 4)
    assert load(dump(rulebook, secrets=True), "dump", 4) == rulebook


def test_a_dump_is_spelled_as_people_write_it() -> None:
    written = dump(load("rules: {499: off, 503s: {status: 503}}\nlifecycle: {link_within: 48h}", "r.yaml"))
    for line in ("  499: off\n", "    status: [503]\n", "    for: off\n", "    floor: 1%\n", "  link_within: 2d\n"):
        assert line in written


def test_a_dump_holds_no_secret_and_does_not_load_as_if_it_did() -> None:
    rulebook = load(DOCUMENTS["everything"], "everything.yaml")
    written = dump(rulebook)
    for secret in ("password", "t0ken", "c2VjcmV0"):
        assert secret in dump(rulebook, secrets=True)
        assert secret not in written
    with pytest.raises(BadRulebook, match="put the real one in its place"):
        load(written, "dump")


def test_a_difference_is_told_line_by_line() -> None:
    old = load(
        """
rules: {mine: {status: 403}}
services: {a: {labels: {team: x}, rules: {5xx: {floor: 3%}}}, b: {}}
channels: {hook: {type: webhook, url: "https://h/1", secret: old}, screen: {type: console}}
routes: [{match: {team: x}, channels: hook}, {channels: screen}]
""",
        "old",
    )
    new = load(
        """
rules: {5xx: {floor: 2%}, 499: off, slow: {field: request_time, over: 1s, kind: quantile}}
services: {a: {labels: {team: y}, rules: {request_time: off}}}
only_listed_services: true
lifecycle: {hold: 1h, max_hold: 90m, little_traffic_after: 1h}
channels: {hook: {type: webhook, url: "https://h/2", secret: new}, screen: {type: console}}
routes: [{match: {team: y}, channels: [hook, screen], stop: true}]
""",
        "new",
        2,
    )
    assert diff(old, new) == [
        "rules.5xx.floor: 1% -> 2%",
        "rules.499: (kind: evidence, status: 499, unit: attempt, floor: 5%, min_bad: 10, for: off, severity: warning,"
        " escalates: false) -> off",
        "rules.mine: (kind: evidence, status: 403, unit: attempt, floor: 1%, min_bad: 5, for: off, severity: warning,"
        " escalates: false) -> none",
        "rules.slow: none -> (kind: quantile, field: request_time, over: 1s, quantile: p95, min_requests: 0, for: off,"
        " severity: warning, escalates: false)",
        "services.a.labels.team: x -> y",
        "services.a.rules.5xx: (kind: evidence, status: 5xx, unit: attempt, floor: 3%, min_bad: 5, for: off,"
        " severity: warning, escalates: true) -> as for all services",
        "services.a.rules.request_time: as for all services -> off",
        "services.b: listed -> none",
        "only_listed_services: false -> true",
        "lifecycle.hold: 5m -> 1h",
        "lifecycle.max_hold: 30m -> 90m",
        "lifecycle.little_traffic_after: 30m -> 1h",
        "channels.hook.url: changed (not shown)",
        "channels.hook.secret: changed (not shown)",
        "routes[0].match.team: x -> y",
        "routes[0].channels: hook -> [hook, screen]",
        "routes[0].stop: none -> true",
        "routes[1]: (channels: screen) -> none",
    ]


def test_the_same_rulebook_has_no_difference_whatever_its_version() -> None:
    document = DOCUMENTS["everything"]
    assert diff(load(document, "a", 1), load(document, "b", 2)) == []


def test_a_new_channel_is_told_without_its_secrets() -> None:
    lines = diff(load("", "a"), load(DOCUMENTS["everything"], "b"))
    assert not [line for line in lines if "password" in line or "t0ken" in line or "c2VjcmV0" in line]
    assert "channels.hook: none -> (type: webhook, language: en, timezone: UTC)" in lines


@given(st.integers(0, 99_999))
def test_a_share_survives_being_written_down(share: int) -> None:
    assert quantities.share(quantities.share_text(share / 100_000)) == share / 100_000


@given(st.integers(1, 86_400_000))
def test_a_time_limit_survives_being_written_down(milliseconds: int) -> None:
    assert quantities.seconds(quantities.seconds_text(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(1, 43_200))
def test_a_timer_survives_being_written_down(minutes: int) -> None:
    assert quantities.minutes(0, 43_200)(quantities.duration_text(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("800ms", 0.8), ("5s", 5.0), ("1.5s", 1.5), ("2m", 120.0), ("1m30s", 90.0), ("1 h", 3600.0), ("0.3s", 0.3)],
)
def test_durations_are_exact(text: str, seconds: float) -> None:
    assert quantities.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "share"), [("2%", 0.02), ("0.5%", 0.005), ("2 %", 0.02), ("0.29", 0.29), ("29%", 0.29), ("0", 0.0)]
)
def test_shares_are_exact(text: str, share: float) -> None:
    assert quantities.share(text) == share


@pytest.mark.parametrize(
    ("text", "quantile"), [("p95", 0.95), ("P99.9", 0.999), ("0.95", 0.95), ("95%", 0.95), ("p50", 0.5)]
)
def test_quantiles_are_read_in_each_usual_spelling(text: str, quantile: float) -> None:
    assert quantities.quantile(text) == quantile


@pytest.mark.parametrize("text", ["95", "p100", "p0", "0", "median", "1"])
def test_what_is_no_quantile_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantities.quantile(text)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_in_the_documentation_loads(number: int) -> None:
    load(EXAMPLES[number], "docs/rulebook.md", environ={"SMTP_PASSWORD": "x", "CHAT_TOKEN": "x"})


def test_the_documentation_has_a_row_for_every_key() -> None:
    sections: list[type[Section]] = [TopSection, RuleSection, ServiceSection, LifecycleSection, RouteSection]
    sections += [MatchSection, *CHANNEL_TYPES.values()]
    rows = set(re.findall(r"^\| `([\w.]+)` \|", DOCS, re.MULTILINE))
    wanted = {key for section in sections for key in keys_of(section)}
    assert wanted == rows


def test_the_defaults_in_the_documentation_are_the_defaults() -> None:
    document = next(example for example in EXAMPLES if "# the defaults" in example)
    assert diff(load("", "built-in"), load(document, "docs/rulebook.md")) == []
    assert "rules:" in document
    assert "lifecycle:" in document
