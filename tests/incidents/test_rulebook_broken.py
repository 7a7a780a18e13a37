"""Broken rulebooks: each is refused at the right line, in words that say how to mend it, and never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.configcentre import load, problems, yaml_file
from incidents.domain.errors import BadRulebook

RULEBOOKS = Path(__file__).parents[1] / "data" / "rulebooks"
BAD = RULEBOOKS / "bad"

EXPECTED = {
    "a_list.yaml": (2, ["expected a mapping", "not a list"]),
    "alias_bomb.yaml": (5, ["more than 100000 values", "aliases"]),
    "duplicate_key.yaml": (4, ["`5xx`", "already there", "line 2"]),
    "duration_without_unit.yaml": (3, ["rules.request_time.over", "no unit", "write 5s", "ms, s, m, h, d"]),
    "impossible_for.yaml": (2, ["rules.5xx.for", "6 of 5", "N <= M"]),
    "kind_without_threshold.yaml": (2, ["kind count needs `threshold`", "100"]),
    "limit_on_a_status.yaml": (3, ["rules.5xx.over", "watches statuses", "`field` and `over`"]),
    "mail_to_nobody.yaml": (2, ["channels.ops-mail", "needs `to`"]),
    "masked_secret.yaml": (5, ["channels.hook.secret", "left out", "put the real one"]),
    "matcher_bracket.yaml": (5, ["services.checkout.hosts", "bad matcher", "bracket without its partner"]),
    "matcher_empty.yaml": (3, ["bad matcher", "empty pattern", "write *"]),
    "matcher_expression.yaml": (4, ["routes[0].match.service", "bad matcher", "regular expression", "* and ?"]),
    "matcher_slip.yaml": (4, ["routes[0].match", "`sevrity`", "did you mean `severity`?"]),
    "missing_file.yaml": (5, ["channels.hook.secret", "cannot read /nonexistent/tocsin-secret", "No such file"]),
    "missing_variable.yaml": (4, ["channels.chat.url", "TOCSIN_TEST_NOT_SET", "not set"]),
    "misspelt_default.yaml": (2, ["rules.requst_time", "needs `status`", "did you mean `request_time`?"]),
    "not_utf8.yaml": (2, ["byte 0xbd", "not UTF-8"]),
    "nothing_to_watch.yaml": (2, ["rules.mystery", "needs `status`", "`field` and `over`"]),
    "nul_byte.yaml": (3, ["NUL byte"]),
    "off_but_unknown.yaml": (2, ["rules.498", "no such rule", "did you mean `499`?"]),
    "open_bracket.yaml": (3, ["not YAML", "bracket opened here is not closed"]),
    "percentage_of_lines.yaml": (2, ["rules.many_429.threshold", "percentage 5%", "kind: ratio"]),
    "quantile_of_a_status.yaml": (4, ["rules.slow.kind", "`field` and `over`", "not `status`"]),
    "service_as_pattern.yaml": (2, ['"checkout*"', "not a pattern", "`hosts`"]),
    "share_as_number.yaml": (2, ["rules.5xx.floor", "2 is not a share", "write 2%"]),
    "shared_host.yaml": (4, ["services.billing.hosts", '"pay.example.com"', "already belongs to checkout"]),
    "tab.yaml": (2, ["a tab", "indent with spaces"]),
    "tag.yaml": (2, ["!!python/object/apply:os.getcwd", "leave it out"]),
    "threshold_without_kind.yaml": (4, ["kind evidence", "`floor` and `min_bad`", "`kind: ratio` or `kind: count`"]),
    "timer_in_seconds.yaml": (1, ["lifecycle.hold", "whole minutes such as 5m", '"90s"']),
    "timer_without_unit.yaml": (3, ["lifecycle.max_hold", "30 has no unit", "write 30m"]),
    "two_documents.yaml": (2, ["second document"]),
    "unknown_channel.yaml": (5, ["routes[0].channels", "no channel `ops-mial`", "did you mean `ops-mail`?"]),
    "unknown_key.yaml": (5, ["rules.5xx", "unknown key `flor`", "did you mean `floor`?"]),
    "unknown_language.yaml": (2, ["channels.screen.language", "en or zh-CN", '"zh"']),
    "unknown_section.yaml": (3, ["unknown key `chanels`", "did you mean `channels`?"]),
    "unknown_severity.yaml": (3, ["rules.5xx.severity", "info, warning or critical", '"high"']),
    "unknown_status.yaml": (5, ["rules.server.status", "503", "5xx", '"6xx"']),
    "unknown_type.yaml": (3, ["channels.hook.type", "did you mean `webhook`?"]),
    "unknown_zone.yaml": (4, ['no time zone "Shanghai"', "did you mean `Asia/Shanghai`?"]),
    "unquoted_star.yaml": (3, ["begins with *", "quotes"]),
    "variable_in_a_label.yaml": (4, ["services.checkout.labels.team", "channels only"]),
    "webhook_without_url.yaml": (4, ["channels.hook.url", "https://hooks.example.com/tocsin"]),
    "wrong_indent.yaml": (4, ["indented differently"]),
}


def test_every_broken_rulebook_has_its_expected_error() -> None:
    assert {path.name for path in BAD.iterdir()} == set(EXPECTED)


@pytest.fixture(params=[yaml.SafeLoader, yaml.CSafeLoader])
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is installed with or without libyaml; its two parsers differ in their own words."""
    monkeypatch.setattr(yaml_file, "_LOADER", request.param)


@pytest.mark.usefixtures("_each_parser")
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_rulebook_is_refused_at_its_line_in_words_that_say_how_to_mend_it(name: str) -> None:
    line, words = EXPECTED[name]
    document = (BAD / name).read_bytes()
    with pytest.raises(BadRulebook) as caught:
        load(document, name, environ={})
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{name}:{line}: ")
    for word in words:
        assert word in caught.value.message
    # One mistake is told once: a second complaint about the same slip would send the reader looking for another.
    assert [(found.line, found.message) for found in problems(document, name, environ={})] == [
        (line, caught.value.message)
    ]
    assert "\n" not in str(caught.value)


def test_all_mistakes_of_a_document_are_told_in_the_order_of_its_lines() -> None:
    document = """\
routes:
  - {channels: [nobody]}
channels:
  screen: {type: console, zone: UTC}
rules:
  5xx: {floor: 2, min_bad: none}
  5xx: off
services:
  a: {hosts: "^a"}
"""
    found = problems(document, "r.yaml")
    assert [problem.line for problem in found] == [2, 4, 6, 6, 7, 9]


def test_a_mistake_in_a_rule_is_not_told_again_where_a_service_inherits_it() -> None:
    document = "rules:\n  slow: {field: request_time}\nservices:\n  a: {rules: {slow: {floor: 3%}}}\n"
    assert [problem.line for problem in problems(document, "r.yaml")] == [2]


def test_a_mistake_in_a_channel_is_not_told_again_where_a_route_names_it() -> None:
    document = "channels:\n  m: {type: mail}\nroutes:\n  - channels: m\n"
    assert [problem.message for problem in problems(document, "r.yaml")] == [
        "channels.m: needs `to`",
        "channels.m: needs `from`",
        "channels.m: needs `smtp`",
    ]


def test_a_document_beyond_the_limit_is_refused_before_it_is_parsed() -> None:
    for document in ("#" * (1024 * 1024 + 1), b"#" * (1024 * 1024 + 1), "支" * 400_000):
        (problem,) = problems(document, "r.yaml")
        assert str(problem) == "r.yaml: the document is larger than 1024 KiB"


def test_a_value_beyond_all_measure_is_refused_before_it_is_read() -> None:
    (problem,) = problems(f"lifecycle:\n  hold: {'1m' * 400_000}", "r.yaml")
    assert str(problem) == "r.yaml:2: a key or value of more than 4096 characters"


def test_what_was_never_a_rulebook_is_told_in_a_hundred_mistakes_and_not_in_thousands() -> None:
    assert len(problems("".join(f"a{i}: off\n" for i in range(30_000)), "r.yaml")) == 100
    assert len(problems("rules:\n" + "".join(f"  a{i}: off\n" for i in range(30_000)), "r.yaml")) == 100
    with pytest.raises(BadRulebook, match="no such rule"):
        load("rules:\n" + "".join(f"  a{i}: off\n" for i in range(300)), "r.yaml")


def test_nesting_without_end_is_refused_and_not_followed() -> None:
    (problem,) = problems("rules: " + "[" * 100_000, "r.yaml")
    assert (problem.line, problem.message) == (1, "nested more than 32 deep")


def test_an_alias_to_itself_is_refused() -> None:
    (problem,) = problems("rules: &a\n  5xx: *a\n", "r.yaml")
    assert (problem.line, problem.message) == (2, "*a stands inside &a itself")


def test_a_line_break_in_a_value_is_refused_since_it_would_become_a_header() -> None:
    document = 'channels:\n  m: {type: mail, to: ["ops@example.com\\nBcc: x@example.com"], smtp: "smtp://h"}\n'
    (problem,) = problems(document, "r.yaml")
    assert "line break" in problem.message


def test_what_stands_in_a_secret_is_never_shown_in_an_error() -> None:
    document = """\
channels:
  a: {type: mail, to: "hunter2 hunter2@", from: "${SECRET}", smtp: "hunter2://u:hunter2@h"}
  b: {type: webhook, url: "hunter2", secret: "whsec_hunter2!"}
  c: {type: apprise, url: "hunter2"}
"""
    found = problems(document, "r.yaml", environ={"SECRET": "hunter2"})
    assert len(found) == 6
    assert not [problem for problem in found if "hunter2" in str(problem)]


SOUND = (RULEBOOKS / "good" / "everything.yaml").read_text(encoding="utf-8")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_document_however_odd_ends_in_a_traceback(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SOUND)))
    end = data.draw(st.integers(start, min(len(SOUND), start + 40)))
    piece = data.draw(
        st.text(max_size=6) | st.sampled_from(["null", "[]", "{}", "{a: b}", "&a", "*a", "<<: ", ": ", "\n  "])
    )
    for problem in problems(SOUND[:start] + piece + SOUND[end:], "r.yaml", environ={}):
        assert 0 <= problem.line <= SOUND.count("\n") + 9
        assert problem.message
