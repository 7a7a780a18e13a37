"""Apprise: nobody is mentioned, one notification is one message, and what it cannot judge is refused."""

from __future__ import annotations

import json

import pytest
from outgoing import outgoing
from receivers import Hook, http_server

from incidents.channels import Channel, open_channel
from incidents.channels.apprise import fitted, unmentioned
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting, DeliveryError
from incidents.domain.incident import Message
from incidents.render import Rendered


def channel(url: str) -> Channel:
    return open_channel(rulebook.Channel("chat", "apprise", {"url": url}))


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@here",
        "<!channel>",
        "<!subteam^S1|ops>",
        "<@U123>",
        "<@&99>",
        "<#C1>",
        "@all",
        "[ok](http://evil.example)",
    ],
)
def test_nobody_is_called_by_what_stands_in_a_log_line(text: str) -> None:
    found = unmentioned(f"GET /{text} 500")
    assert text not in found
    assert found.replace("\u200b", "") == f"GET /{text} 500"
    assert "@e" not in found
    assert "<!" not in found
    assert "](" not in found


def test_plain_text_is_left_alone() -> None:
    text = '127.0.0.1 [23/Nov/2026] "GET /a?b=1 HTTP/1.1" 500 < 600 a @ b'
    assert unmentioned(text) == text


def test_the_room_gets_the_subject_and_the_plain_text_without_mentions() -> None:
    hook = Hook()
    with http_server(hook) as port:
        target = channel(f"json://127.0.0.1:{port}/x")
        target.send(
            outgoing(rendered=Rendered("[CRITICAL] @everyone", "<!channel>\n<b>x</b>\n:smile: \\n", "<html>")), 5.0
        )
    (request,) = hook.requests
    sent = json.loads(request[2])
    assert sent["title"] == "[CRITICAL] @\u200beveryone"
    assert sent["message"] == "<\u200b!channel>\n<\u200bb>x<\u200b/b>\n:smile: \\n"
    assert sent["type"] == "failure"


def test_a_summary_is_good_news() -> None:
    hook = Hook()
    with http_server(hook) as port:
        target = channel(f"json://127.0.0.1:{port}/x")
        target.send(outgoing(Message.SUMMARY), 5.0)
    assert json.loads(hook.requests[0][2])["type"] == "success"


def test_a_redirect_is_not_followed_even_if_the_url_says_so() -> None:
    elsewhere = Hook()
    with (
        http_server(elsewhere) as other,
        http_server(Hook(status=307, headers={"Location": f"http://127.0.0.1:{other}/"})) as port,
    ):
        url = f"json://127.0.0.1:{port}/x?redirect=yes&retry=5&overflow=split"
        target = channel(url)
        with pytest.raises(DeliveryError):
            target.send(outgoing(), 5.0)
    assert not elsewhere.requests


def test_a_failure_is_tried_once_whatever_the_url_asks_for() -> None:
    hook = Hook(status=500)
    with http_server(hook) as port:
        target = open_channel(rulebook.Channel("chat", "apprise", {"url": f"json://127.0.0.1:{port}/x?retry=5&wait=0"}))
        with pytest.raises(DeliveryError) as caught:
            target.send(outgoing(), 5.0)
    assert len(hook.requests) == 1
    assert caught.value.ambiguous
    assert "500" in caught.value.answer


def test_a_text_that_is_too_long_for_the_service_is_cut_at_a_line() -> None:
    assert fitted("one\ntwo\nthree\n", 11) == "one\ntwo\n…"
    assert fitted("x" * 50, 10) == "x" * 8 + "\n…"
    assert fitted("short", 10) == "short"


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("dingtalk://" + "a" * 20, "DingTalk"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + "a" * 36, "WeCom"),
        ("wecombot://" + "a" * 36, "WeCom"),
        ("feishu://" + "a" * 36, "Feishu"),
        ("lark://" + "abcd1234-abcd-1234-abcd-123456abcdef", "Lark"),
        ("pagerduty://" + "a" * 20 + "@" + "b" * 20, "PagerDuty"),
    ],
)
def test_services_whose_answers_apprise_does_not_read_are_refused(url: str, service: str) -> None:
    with pytest.raises(BadSetting, match=f"channel chat: {service} cannot be used by Apprise"):
        channel(url)


@pytest.mark.parametrize("url", ["nothing://x", "slack://", "", "json://a json://b"])
def test_a_url_that_apprise_does_not_know_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadSetting) as caught:
        channel(url)
    assert "channel chat: option 'url' is" in str(caught.value)
