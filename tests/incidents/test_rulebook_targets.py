"""Channels, routes, and what they take from the environment and from files."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from incidents.channels import open_channel
from incidents.configcentre import channel_options, load, masked, problems
from incidents.domain.errors import BadSetting
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Channel, Route, Rulebook

GOOD = Path(__file__).parents[1] / "data" / "rulebooks" / "good"


def read(document: str, environ: dict[str, str] | None = None) -> Rulebook:
    return load(document, "r.yaml", environ=environ or {})


def mistake(document: str, environ: dict[str, str] | None = None) -> str:
    (problem,) = problems(document, "r.yaml", environ=environ or {})
    return problem.message


def test_channels_hold_the_options_of_their_type_and_nothing_else() -> None:
    rulebook = load((GOOD / "everything.yaml").read_bytes(), "everything.yaml")
    assert rulebook.channels == (
        Channel(
            "ops-mail",
            "mail",
            {
                "to": ("ops@example.com", "On call <oncall@example.com>"),
                "from": "tocsin@example.com",
                "url": "smtp://user:password@mail.example.com:587",
                "tls": "starttls",
                "ca_file": "/etc/ssl/own.pem",
            },
            "zh-CN",
            "Asia/Shanghai",
        ),
        Channel(
            "hook",
            "webhook",
            {
                "url": "https://hooks.example.com/a?token=t0ken",
                "secret": ("whsec_c2VjcmV0",),
                "headers": {"Authorization": "Bearer t0ken"},
            },
        ),
        Channel("chat", "apprise", {"url": "json://u:t0ken@hooks.example.com"}),
        Channel("screen", "console"),
    )


def test_routes_keep_their_order_and_their_matchers() -> None:
    rulebook = load((GOOD / "everything.yaml").read_bytes(), "everything.yaml")
    assert rulebook.routes == (
        Route(("ops-mail",), ("pay*",), ("10.0.*",), (Severity.CRITICAL,), {"team": "payments"}, True),
        Route(("chat",), nodes=("[[]fd00::1]:8080", "10.0.1.?:80")),
        Route(("hook", "screen")),
    )


def test_without_routes_every_incident_goes_to_all_channels() -> None:
    rulebook = read("channels: {a: {type: console}, b: {type: console}}")
    assert rulebook.routes == (Route(("a", "b")),)


def test_the_brackets_of_an_ipv6_node_are_meant_as_they_stand() -> None:
    (route,) = read('routes: [{match: {node: "[fd00::1]:8080"}, channels: console}]').routes
    assert route.matches("any", ("[fd00::1]:8080",), Severity.INFO, {})
    assert not route.matches("any", ("f:8080",), Severity.INFO, {})
    (route,) = read('routes: [{match: {node: "[fd00::*]:80"}, channels: console}]').routes
    assert route.matches("any", ("[fd00::beef]:80",), Severity.INFO, {})


def test_a_set_of_characters_in_a_pattern_is_no_missing_bracket() -> None:
    (route,) = read('routes: [{match: {service: "pay[12]"}, channels: console}]').routes
    assert route.matches("pay1", (), Severity.INFO, {})
    assert not route.matches("pay3", (), Severity.INFO, {})


@pytest.mark.parametrize("pattern", ["~^pay", "^pay", "pay$", r"pay\\d", "[pay", "pay]", "[]", "pay[12", ""])
def test_what_is_no_pattern_is_a_bad_matcher(pattern: str) -> None:
    assert mistake(f'routes: [{{match: {{service: "{pattern}"}}, channels: console}}]').startswith(
        "routes[0].match.service: bad matcher: "
    )
    assert mistake(f'routes: [{{match: {{team: "{pattern}"}}, channels: console}}]').startswith(
        "routes[0].match.team: bad matcher: "
    )


def test_a_route_may_name_a_label_that_no_service_has_yet() -> None:
    (route,) = read("routes: [{match: {tier: gold*}, channels: console}]").routes
    assert route.labels == {"tier": "gold*"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("routes: [{match: {service: a}}]", "routes[0]: needs `channels`"),
        ("routes: [{channels: []}]", "the list is empty"),
        ("routes: [{channels: [console], stop: maybe}]", "true or false"),
        ("routes: [{channels: [console], mach: {}}]", "did you mean `match`?"),
        ("routes: {channels: [console]}", "expected a list, not a mapping"),
        ("routes: [{match: [a], channels: [console]}]", "expected keys and values, not a list"),
        ("routes: [console]", "expected keys and values"),
        ("routes: [{match: {severity: [fatal]}, channels: [console]}]", "info, warning or critical"),
        ("channels: {a: {type: console, to: x}}", "unknown key `to`"),
        ("channels: {a: {language: en}}", "needs `type`: console, mail, webhook, apprise"),
        ("channels: {a: console}", "such as `type: console`"),
        ("channels: {a: {type: mail, to: a@b.c, from: a@b.c, smtp: 'mail.b.c:25'}}", "such as smtp://user"),
        ("channels: {a: {type: mail, to: a@b.c, from: a@b.c, smtp: 'smtp://b.c:mail'}}", "such as smtp://user"),
        ("channels: {a: {type: mail, to: nobody, from: a@b.c, smtp: 'smtp://b.c'}}", "expected a mail address"),
        ("channels: {a: {type: mail, to: 'a@b.c, d@e.f', from: a@b.c, smtp: 'smtp://b.c'}}", "expected a mail address"),
        (
            "channels: {a: {type: mail, to: [a@b.c], from: a@b.c, smtp: 'smtp://b.c', tls: ssl}}",
            "starttls, tls or none",
        ),
        (
            "channels: {a: {type: mail, to: [a@b.c], from: a@b.c, smtp: 'smtps://b.c', tls: starttls}}",
            "TLS from the first byte",
        ),
        ("channels: {a: {type: webhook, url: 'ftp://b.c'}}", "such as https://"),
        ("channels: {a: {type: webhook, url: 'https://b.c', secret: whsec_%}}", "base64"),
        ("channels: {a: {type: webhook, url: 'https://b.c', format: slack}}", "expected tocsin"),
        ("channels: {a: {type: webhook, url: 'https://b.c', headers: {'a b': c}}}", "plain ASCII"),
        ("channels: {a: {type: webhook, url: 'https://b.c', headers: [a]}}", "expected keys and values"),
        ("channels: {a: {type: mail, to: a@b.c, smtp: 'smtp://b.c'}}", "needs `from`"),
        ("channels: {a: {type: apprise, url: dingtalk}}", "expected a URL"),
        ("channels: {a: {type: console, timezone: ../../etc/passwd}}", "no time zone"),
        ("channels: {a: {type: apprise, url: 'slack://********'}}", "put the real one"),
    ],
)
def test_channels_and_routes_that_cannot_be_are_refused(document: str, expected: str) -> None:
    assert expected in mistake(document)


def test_options_of_channels_are_filled_in_from_the_environment() -> None:
    document = 'channels: {m: {type: mail, to: ["${WHO}@example.com"], from: a@b.c, smtp: "smtp://u:${PASSWORD}@h:25"}}'
    (channel,) = read(document, {"WHO": "ops", "PASSWORD": "s3cret"}).channels
    assert channel.options == {"to": ("ops@example.com",), "from": "a@b.c", "url": "smtp://u:s3cret@h:25"}


def test_two_dollars_are_one_where_a_password_really_holds_a_brace() -> None:
    (channel,) = read('channels: {c: {type: apprise, url: "json://u:$${X}$@h"}}').channels
    assert channel.options == {"url": "json://u:${X}$@h"}


@pytest.mark.parametrize("reference", ["${}", "${A-B}", "${OPEN"])
def test_a_reference_that_is_none_says_how_to_write_one(reference: str) -> None:
    assert "expected ${NAME}" in mistake(f'channels: {{c: {{type: apprise, url: "json://{reference}"}}}}')


def test_a_line_break_from_the_environment_is_refused() -> None:
    document = 'channels: {c: {type: apprise, url: "json://${HOST}"}}'
    assert "line break" in mistake(document, {"HOST": "h\nX-Header: 1"})


def test_the_environment_is_not_read_where_values_are_shown() -> None:
    for document in (
        "rules: {5xx: {floor: '${SECRET}'}}",
        "services: {a: {labels: {team: '${SECRET}'}}}",
        "services: {a: {hosts: ['${SECRET}']}}",
        "channels: {c: {type: console, language: '${SECRET}'}}",
        "routes: [{match: {service: '${SECRET}'}, channels: console}]",
        "max_services: '${SECRET}'",
    ):
        assert "2048" not in mistake(document, {"SECRET": "2048"})


def test_a_secret_can_come_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_c2VjcmV0\n")
    document = f"channels: {{h: {{type: webhook, url: 'https://h', secret: {{file: '{secret}'}}}}}}"
    (channel,) = read(document).channels
    assert channel.options["secret"] == ("whsec_c2VjcmV0",)


def test_a_file_that_cannot_hold_a_secret_is_refused(tmp_path: Path) -> None:
    large, binary, pipe = tmp_path / "large", tmp_path / "binary", tmp_path / "pipe"
    large.write_bytes(b"x" * 70_000)
    binary.write_bytes(b"\xff\xfe")
    os.mkfifo(pipe)
    for path, expected in (
        (large, "larger than 64 KiB"),
        (binary, "not UTF-8"),
        (pipe, "is not a file"),
        (tmp_path, "is not a file"),
        (Path("secret"), "absolute path"),
    ):
        document = f"channels: {{h: {{type: webhook, url: 'https://h', secret: {{file: '{path}'}}}}}}"
        assert expected in mistake(document)


def test_only_secrets_can_come_from_a_file() -> None:
    document = "channels: {h: {type: mail, to: {file: /etc/hostname}, from: a@b.c, smtp: 'smtp://h'}}"
    assert "only headers, secret, smtp, url can be read from a file" in mistake(document)


def test_masked_options_show_where_a_message_goes_and_no_secret() -> None:
    rulebook = load((GOOD / "everything.yaml").read_bytes(), "everything.yaml")
    shown = {channel.name: masked(channel) for channel in rulebook.channels}
    assert shown["ops-mail"]["url"] == "smtp://user:********@mail.example.com:587"
    assert shown["hook"] == {
        "url": "https://hooks.example.com/********",
        "secret": ("********",),
        "headers": {"Authorization": "********"},
    }
    assert shown["chat"] == {"url": "json://********"}


@pytest.mark.parametrize("url", ["slack://[x", "json://a:b@[", "x://", "mailto://p:q@h?a=b", "plain"])
def test_masking_takes_any_url_without_complaint(url: str) -> None:
    assert "********" in str(masked(Channel("c", "apprise", {"url": url}))["url"])


def test_tls_from_the_first_byte_is_a_scheme_to_the_adapter() -> None:
    document = "channels: {m: {type: mail, to: a@b.c, from: a@b.c, smtp: 'smtp://h', tls: tls}}"
    (channel,) = read(document).channels
    assert channel.options == {"to": ("a@b.c",), "from": "a@b.c", "url": "smtps://h"}


def test_a_past_version_loads_after_its_secrets_are_gone() -> None:
    document = """
channels:
  gone: {type: webhook, url: "https://h", secret: {file: /nonexistent}, language: zh-CN}
  also: {type: webhook, url: "https://h", headers: {Authorization: "${GONE}"}}
  kept: {type: webhook, url: "https://h"}
"""
    assert len(problems(document, "r.yaml", environ={})) == 2
    rulebook = load(document, "r.yaml", secrets=False)
    assert rulebook.channels == (
        Channel("gone", "webhook", {}, "zh-CN"),
        Channel("also", "webhook", {}),
        Channel("kept", "webhook", {"url": "https://h"}),
    )


def test_what_only_the_adapter_knows_is_a_mistake_with_a_line_too() -> None:
    def opens(channel: Channel) -> None:
        if channel.name == "b":
            raise BadSetting("channel b: DingTalk cannot be used by Apprise")

    document = "channels:\n  a: {type: console}\n  b:\n    type: console\n"
    (problem,) = problems(document, "r.yaml", opens=opens)
    assert str(problem) == "r.yaml:3: channels.b: DingTalk cannot be used by Apprise"


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise looks for it, and knows that it will go
def test_the_adapters_take_the_options_as_they_are_read() -> None:
    document = (GOOD / "everything.yaml").read_text(encoding="utf-8").replace("ca_file: /etc/ssl/own.pem, ", "")
    assert problems(document, "everything.yaml", opens=open_channel) == []


def test_a_type_that_another_project_adds_takes_any_options_and_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pager = EntryPoint("pager", "pager:Pager", "tocsin.channels")
    monkeypatch.setattr(channel_options, "entry_points", lambda group: [pager] if group == "tocsin.channels" else [])
    (channel,) = read(
        "channels: {p: {type: pager, token: '${T}', people: [a, b], language: zh-CN}}", {"T": "t0ken"}
    ).channels
    assert channel == Channel("p", "pager", {"token": "t0ken", "people": ["a", "b"]}, "zh-CN")
    assert masked(channel) == {"token": "********", "people": ("********", "********")}
    assert "console, mail, webhook, apprise, pager" in mistake("channels: {p: {type: xyz}}")
