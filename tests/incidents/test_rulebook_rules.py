"""What the rules, services and timers of a document become."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.configcentre import load, problems
from incidents.domain.rule import DEFAULT_RULES, Kind, Rule, Severity, Unit
from incidents.domain.rulebook import Channel, Lifecycle, Route, Rulebook, Service

GOOD = Path(__file__).parents[1] / "data" / "rulebooks" / "good"


def read(document: str) -> Rulebook:
    return load(document, "r.yaml", environ={})


def mistake(document: str) -> str:
    (problem,) = problems(document, "r.yaml", environ={})
    return problem.message


def rule(document: str, name: str) -> Rule:
    return next(rule for rule in read(document).rules if rule.name == name)


@pytest.mark.parametrize("document", ["", "\n", "# nothing yet\n", "---\n", "rules:\n", "~", "rules: {}\nroutes: []\n"])
def test_an_empty_document_watches_the_defaults_and_tells_everything_to_the_console(document: str) -> None:
    assert load(document, "r.yaml", 7) == Rulebook(
        version=7, channels=(Channel("console", "console"),), routes=(Route(("console",)),)
    )
    assert read(document).rules == DEFAULT_RULES


def test_every_key_of_a_document_finds_its_place() -> None:
    rulebook = load((GOOD / "everything.yaml").read_bytes(), "everything.yaml", 3)
    five_xx = Rule("5xx", status=("5xx",), floor=0.02, min_bad=10, severity=Severity.CRITICAL, escalates=True)
    _, four99, request_time, upstream = DEFAULT_RULES
    assert rulebook.version == 3
    assert rulebook.rules == (
        five_xx,
        request_time,
        upstream,
        Rule("too_many_429", Kind.COUNT, status=("429",), threshold=100, severity=Severity.INFO, n_of_m=(3, 5)),
        Rule(
            "slow_checkout",
            Kind.QUANTILE,
            Unit.REQUEST,
            over=0.8,
            quantile=0.95,
            min_requests=20,
            services=("checkout*",),
        ),
        Rule(
            "refused",
            Kind.RATIO,
            Unit.REQUEST,
            status=("403", "401", "4xx"),
            threshold=0.3,
            min_requests=50,
            escalates=True,
        ),
    )
    assert rulebook.services == (
        Service(
            "checkout",
            ("pay.example.com", "*.pay.example.com"),
            {
                "5xx": Rule(
                    "5xx", status=("5xx",), floor=0.005, min_bad=10, severity=Severity.CRITICAL, escalates=True
                ),
                "request_time": None,
                "499": Rule("499", status=("499",), floor=four99.floor, min_bad=20),
            },
            {"team": "payments"},
        ),
        Service("结账", labels={"team": "支付"}),
        Service("no"),
    )
    assert rulebook.only_listed_services
    assert rulebook.max_services == 200
    assert rulebook.lifecycle == Lifecycle(6, 40, 60, 20, 10, 90, 45, 5, 2880)


def test_yaml_reads_numbers_and_switches_into_names_and_the_rulebook_does_not() -> None:
    document = "rules:\n  499: off\n  007: {status: 502}\nservices:\n  no: {labels: {on: yes, zero: 010}}\n  0x1f: {}\n"
    rulebook = read(document)
    assert [rule.name for rule in rulebook.rules] == ["5xx", "request_time", "upstream_response_time", "007"]
    assert [service.name for service in rulebook.services] == ["no", "0x1f"]
    assert rulebook.labels_of("no") == {"on": "yes", "zero": "010"}


@pytest.mark.parametrize("word", ["off", "Off", "false", "no", "'off'"])
def test_a_rule_is_switched_off_by_any_word_for_it(word: str) -> None:
    assert "5xx" not in {rule.name for rule in read(f"rules: {{5xx: {word}}}").rules}


def test_an_override_keeps_the_keys_it_does_not_name() -> None:
    assert rule("rules: {request_time: {over: 8s}}", "request_time") == Rule(
        "request_time", unit=Unit.REQUEST, over=8.0, floor=0.05, min_bad=10
    )


def test_a_service_inherits_from_the_common_rule_and_not_from_the_default() -> None:
    rulebook = read("rules: {5xx: {floor: 4%, min_bad: 9}}\nservices: {a: {rules: {5xx: {min_bad: 7}}}}")
    assert [(r.floor, r.min_bad) for r in rulebook.rules_of("a") if r.name == "5xx"] == [(0.04, 7)]
    assert [(r.floor, r.min_bad) for r in rulebook.rules_of("b") if r.name == "5xx"] == [(0.04, 9)]


def test_a_rule_that_is_off_for_all_can_be_on_for_one_service() -> None:
    rulebook = read("rules: {499: off}\nservices: {a: {rules: {499: {floor: 9%}}}}")
    assert [r for r in rulebook.rules_of("a") if r.name == "499"] == [
        Rule("499", status=("499",), floor=0.09, min_bad=10)
    ]
    assert "499" not in {r.name for r in rulebook.rules_of("b")}


def test_a_service_that_asks_for_a_rule_by_name_has_it_whatever_the_rules_own_patterns_say() -> None:
    document = (
        "rules: {slow: {field: request_time, over: 1s, services: ['x*']}}\nservices: {a: {rules: {slow: {over: 2s}}}}"
    )
    rulebook = read(document)
    assert [(r.over, r.services) for r in rulebook.rules_of("a") if r.name == "slow"] == [(2.0, ())]
    assert "slow" not in {r.name for r in rulebook.rules_of("b")}


def test_a_rule_of_another_kind_inherits_no_threshold_of_its_base() -> None:
    common = "rules: {busy: {status: 429, kind: ratio, threshold: 30%, min_requests: 50, severity: info}}\n"
    own = read(common + "services: {a: {rules: {busy: {kind: count, threshold: 100}}}}").services[0].rules["busy"]
    assert own == Rule("busy", Kind.COUNT, status=("429",), threshold=100, severity=Severity.INFO)
    assert "needs `threshold`" in mistake(common + "services: {a: {rules: {busy: {kind: count}}}}")


def test_an_inherited_for_can_be_undone() -> None:
    document = "rules: {5xx: {for: 2 of 3}}\nservices: {a: {rules: {5xx: {for: off}}}}"
    assert [r.n_of_m for r in read(document).rules_of("a") if r.name == "5xx"] == [None]


def test_the_field_decides_what_is_counted() -> None:
    assert rule("rules: {a: {field: request_time, over: 1s}}", "a").unit is Unit.REQUEST
    assert rule("rules: {a: {field: upstream_response_time, over: 1s}}", "a").unit is Unit.ATTEMPT
    assert rule("rules: {a: {status: 5xx}}", "a").unit is Unit.ATTEMPT
    assert rule("rules: {a: {status: 5xx, unit: request}}", "a").unit is Unit.REQUEST


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("status: 5xx, kind: ratio, threshold: 5%, min_bad: 3", "does not go with kind ratio"),
        ("status: 5xx, quantile: p95", "needs `kind: quantile`"),
        ("status: 5xx, field: request_time, over: 1s", "`status` or `field`, not both"),
        ("over: 1s, status: 5xx", "needs `field` beside it"),
        ("field: request_time", "needs `over` beside it"),
        ("field: request_time, over: 1s, unit: attempt", "follows from `field`"),
        ("field: response_time, over: 1s", "expected request_time or upstream_response_time"),
        ("status: 5xx, kind: burst", "expected evidence, ratio, count or quantile"),
        ("status: 5xx, kind: ratio, threshold: 5", "5 is not a share; write 5%"),
        ("status: 5xx, kind: count, threshold: 0.5", "a count is a whole number"),
        ("status: 5xx, min_bad: 0", "a whole number from 1"),
        ("status: 5xx, min_bad: 1.5", "a whole number from 1"),
        ("status: [], floor: 1%", "the list is empty"),
        ("status: {a: b}", "not a mapping"),
        ("status: [[5xx]]", "a single value, not a list"),
        ("status: 5xx, floor: ~", "has no value"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(section: str, expected: str) -> None:
    assert expected in mistake(f"rules: {{mine: {{{section}}}}}")


def test_a_default_on_a_time_cannot_become_one_on_statuses() -> None:
    assert "watches a time" in mistake("rules: {request_time: {status: 5xx}}")
    assert "watches statuses" in mistake("rules: {5xx: {field: request_time, over: 1s}}")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("{hold: 31m, little_traffic_after: 1h}", "`max_hold` must be at least `hold`"),
        ("{max_hold: 4m}", "`max_hold` must be at least `hold`"),
        ("{stale_after: 2h}", "`no_traffic_after` must be at least `stale_after`"),
        ("{hold: 0m}", "expected 1m to 1d"),
        ("{hold: 5 min}", 'write 5m, not "5 min"'),
        ("{hold: 5 parsecs}", '"parsecs" is not a unit of time; write 5m'),
        ("{hold: soon}", "expected a duration such as 5m"),
        ("{min_quiet_requests: 5m}", "expected a whole number"),
        ("[]", "expected keys and values, not a list"),
    ],
)
def test_timers_that_cannot_be_are_refused(section: str, expected: str) -> None:
    assert expected in mistake(f"lifecycle: {section}")


def test_zero_turns_off_the_timers_that_can_be_off() -> None:
    assert read("lifecycle: {relapse_within: 0m, link_within: 0}").lifecycle == Lifecycle(
        relapse_within=0, link_within=0
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("services: {'-': {}}", "`__other__`"),
        ("services: {a: {labels: {service: b}}}", "could never be matched"),
        ("services: {a: {labels: {team: [b]}}}", "expected some text"),
        ("services: {a: {rules: {5xx: {services: [a]}}}}", "no meaning inside a service"),
        ("services: {a: {rules: {mine: off}}}", "no such rule to switch off"),
        ("services: {a: {rules: {mine: {floor: 2%}}}}", "needs `status`"),
        ("services: {a: 5}", "expected keys and values"),
        ("rules: {a b: {status: 5xx}}", "is not a name"),
        ("rules: {5xx: on}", "or off"),
        ("rules: {5xx: }", "or off"),
        ("max_services: 0", "from 1 to 100000"),
        ("only_listed_services: perhaps", "true or false"),
    ],
)
def test_services_and_names_that_cannot_be_are_refused(document: str, expected: str) -> None:
    assert expected in mistake(document)


def test_a_merged_mapping_brings_its_keys_and_gives_way_to_those_written_beside_it() -> None:
    rulebook = load((GOOD / "anchors.yaml").read_bytes(), "anchors.yaml")
    assert rulebook.services == (
        Service("checkout", rules={"499": None}, labels={"team": "payments"}),
        Service("billing", ("billing.example.com",), {"499": None}, {"team": "payments"}),
        Service("refunds", rules={"5xx": None}, labels={"team": "payments"}),
    )


def test_a_file_saved_with_a_byte_order_mark_and_other_line_ends_is_read() -> None:
    rulebook = load("\ufeffrules:\r\n  499: off\r\n".encode(), "r.yaml")
    assert [rule.name for rule in rulebook.rules] == ["5xx", "request_time", "upstream_response_time"]


def test_every_field_of_a_rule_can_be_written_in_a_document() -> None:
    # A field added to Rule and not to the document would be lost on each way through a document.
    from incidents.configcentre.document import RuleSection

    assert set(Rule.__struct_fields__) - {"name"} == set(RuleSection.model_fields) - {"field"}
