"""Which rules a service has, which service a line belongs to, and what must be counted for the rules in force."""

from __future__ import annotations

import pytest

from incidents.domain.rule import DEFAULT_RULES, Kind, Rule, Severity, Unit
from incidents.domain.rulebook import OTHER, Channel, Route, Rulebook, Service

FIVE_XX, CLIENT_LEFT, REQUEST_TIME, UPSTREAM_TIME = DEFAULT_RULES
STRICT = Rule("5xx", kind=Kind.COUNT, status=("5xx",), threshold=1)
EXTRA = Rule("429", status=("429",))


def names(rulebook: Rulebook, service: str) -> list[str]:
    return [rule.name for rule in rulebook.rules_of(service)]


def test_without_configuration_every_service_has_the_default_rules() -> None:
    assert Rulebook().rules_of("anything") == DEFAULT_RULES
    assert Rulebook().version == 0


def test_a_service_replaces_a_rule_by_name_switches_one_off_and_adds_one() -> None:
    own = {"5xx": STRICT, "499": None, "429": EXTRA}
    rulebook = Rulebook(services=(Service("pay", rules=own),))
    assert rulebook.rules_of("pay") == (STRICT, REQUEST_TIME, UPSTREAM_TIME, EXTRA)
    assert rulebook.rules_of("order") == DEFAULT_RULES


def test_a_rule_for_some_services_applies_to_no_other() -> None:
    rulebook = Rulebook(rules=(Rule("api", status=("5xx",), services=("api-*", "gateway")), EXTRA))
    assert names(rulebook, "api-users") == ["api", "429"]
    assert names(rulebook, "gateway") == ["api", "429"]
    assert names(rulebook, "shop") == ["429"]


def test_the_same_question_gets_the_same_answer_twice() -> None:
    rulebook = Rulebook()
    assert rulebook.rules_of("pay") is rulebook.rules_of("pay")


@pytest.mark.parametrize(
    ("logged", "host", "name"),
    [
        ("pay", "anything", "pay"),
        ("unheard-of", "anything", "unheard-of"),
        ("", "shop.example", "shop.example"),
        ("", "a.pay.example", "pay"),
        ("unheard-of", "a.pay.example", "pay"),
        ("-", "a.pay.example", "pay"),
        ("-", "shop.example", OTHER),
        ("_", "", OTHER),
        ("", "", OTHER),
        ("", "-", OTHER),
    ],
)
def test_the_service_of_a_line(logged: str, host: str, name: str) -> None:
    assert Rulebook(services=(Service("pay", hosts=("*.pay.example",)),)).name_of(logged, host) == name


def test_when_only_listed_services_are_wanted_the_rest_is_counted_together() -> None:
    rulebook = Rulebook(services=(Service("pay", hosts=("pay.example",)),), only_listed_services=True)
    found = [
        rulebook.name_of(*line) for line in (("pay", ""), ("", "pay.example"), ("order", ""), ("", "shop.example"))
    ]
    assert found == ["pay", "pay", OTHER, OTHER]


def test_limits_are_those_of_every_rule_anywhere_in_ascending_order() -> None:
    own = Rule("request_time", unit=Unit.REQUEST, over=1.5)
    rulebook = Rulebook(services=(Service("pay", rules={"request_time": own, "499": None}),))
    assert rulebook.limits == {Unit.REQUEST: (1.5, 5.0), Unit.ATTEMPT: (3.0,)}


def test_statuses_that_any_rule_minds_are_worth_a_sample() -> None:
    rulebook = Rulebook(services=(Service("pay", rules={"429": EXTRA}),))
    assert rulebook.watched_statuses == {"5xx", "499", "429"}


def test_labels_and_channels_are_found_by_name() -> None:
    mail = Channel("team", "mail")
    rulebook = Rulebook(services=(Service("pay", labels={"team": "money"}),), channels=(mail,))
    assert (rulebook.labels_of("pay"), rulebook.labels_of("order")) == ({"team": "money"}, {})
    assert (rulebook.channel("team"), rulebook.channel("nobody")) == (mail, None)


@pytest.mark.parametrize(
    ("route", "matches"),
    [
        (Route(("c",)), True),
        (Route(("c",), services=("pay", "order")), True),
        (Route(("c",), services=("order",)), False),
        (Route(("c",), services=("p*",)), True),
        (Route(("c",), nodes=("10.0.0.*",)), True),
        (Route(("c",), nodes=("10.0.1.*",)), False),
        (Route(("c",), severities=(Severity.CRITICAL, Severity.WARNING)), True),
        (Route(("c",), severities=(Severity.CRITICAL,)), False),
        (Route(("c",), labels={"team": "mon*"}), True),
        (Route(("c",), labels={"team": "other"}), False),
        (Route(("c",), labels={"stage": "*"}), True),
        (Route(("c",), services=("pay",), severities=(Severity.CRITICAL,)), False),
    ],
)
def test_a_route_matches_when_all_it_asks_for_is_so(route: Route, matches: bool) -> None:
    assert route.matches("pay", ("10.0.0.1:80",), Severity.WARNING, {"team": "money"}) is matches


def test_a_route_by_node_does_not_match_a_whole_pool() -> None:
    assert not Route(("c",), nodes=("*",)).matches("pay", (), Severity.WARNING, {})
