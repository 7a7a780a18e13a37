"""Webhook: the signature, what each status means, redirects and Retry-After. On a real HTTP server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from outgoing import KEY, outgoing
from receivers import Hook, http_server

from incidents.channels import Channel, open_channel
from incidents.channels.webhook import retry_after, signed
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting, DeliveryError

NOW = 1795402325.25


def channel(port: int, **options: object) -> Channel:
    given = {"url": f"http://127.0.0.1:{port}/hook?a=1"} | options
    return open_channel(rulebook.Channel("hook", "webhook", given), clock=lambda: NOW)


def posted(**options: object) -> tuple[str, dict[str, str], bytes]:
    hook = Hook()
    with http_server(hook) as port:
        channel(port, **options).send(outgoing(), 5.0)
    (request,) = hook.requests
    return request


def failed(hook: Hook) -> DeliveryError:
    with http_server(hook) as port, pytest.raises(DeliveryError) as caught:
        channel(port).send(outgoing(), 5.0)
    assert len(hook.requests) == 1
    return caught.value


def test_the_document_is_posted_as_json_with_its_key() -> None:
    path, headers, body = posted(headers={"X-Team": "pay"})
    assert path == "/hook?a=1"
    assert json.loads(body) == outgoing().document
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == headers["idempotency-key"] == KEY
    assert headers["webhook-timestamp"] == "1795402325"
    assert headers["x-team"] == "pay"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize(
    ("secret", "key"),
    [("whsec_" + base64.b64encode(b"\x00\xffsecret").decode(), b"\x00\xffsecret"), ("plain text", b"plain text")],
)
def test_the_signature_is_that_of_standard_webhooks(secret: str, key: bytes) -> None:
    _, headers, body = posted(secret=secret)
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_equals_the_specifications_own_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [key])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_changed_both_sign() -> None:
    _, headers, _ = posted(secret=["new one", "old one"])
    marks = headers["webhook-signature"].split(" ")
    assert len(set(marks)) == 2
    assert all(mark.startswith("v1,") for mark in marks)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_sent(status: int) -> None:
    hook = Hook(status=status, body=b"")
    with http_server(hook) as port:
        assert channel(port).send(outgoing(), 5.0).startswith(str(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_some_statuses_are_worth_another_try(status: int) -> None:
    error = failed(Hook(status=status, body=b"busy"))
    assert (error.permanent, error.ambiguous, error.retry_after) == (False, False, None)
    assert "busy" in error.answer


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_other_refusals_are_for_good(status: int) -> None:
    error = failed(Hook(status=status))
    assert (error.permanent, error.ambiguous) == (True, False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    elsewhere = Hook()
    with http_server(elsewhere) as other:
        error = failed(Hook(status=status, headers={"Location": f"http://127.0.0.1:{other}/steal"}))
    assert error.permanent
    assert "redirect" in str(error)
    assert not elsewhere.requests


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 23 Nov 2026 02:54:05 GMT", 119.75),
        ("Mon, 23 Nov 2026 02:00:00 GMT", 0.0),
        ("99999999999999999999", 86400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_retry_after_is_honoured_where_another_try_can_help() -> None:
    assert failed(Hook(status=429, headers={"Retry-After": "17"})).retry_after == 17.0
    assert failed(Hook(status=503, headers={"Retry-After": "Mon, 23 Nov 2026 02:52:25 GMT"})).retry_after == 19.75
    assert failed(Hook(status=404, headers={"Retry-After": "17"})).retry_after is None


def test_a_long_answer_is_shortened_to_one_line() -> None:
    hook = Hook(body=b"line one\nline \x1b[31mtwo\x00\n" + b"x" * 1_000_000)
    with http_server(hook) as port:
        answer = channel(port).send(outgoing(), 5.0)
    assert answer.startswith("200 OK line one line \\x1b[31mtwo\\x00 xxx")
    assert len(answer) <= 200


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"url": "ftp://host/x"}, "'url'"),
        ({"url": "file:///etc/passwd"}, "'url'"),
        ({"url": "https://"}, "'url'"),
        ({"url": "https://host:99999/"}, "'url'"),
        ({"url": "https://host/a b"}, "'url'"),
        ({"secret": "whsec_***"}, "'secret'"),
        ({"secret": []}, "'secret'"),
        ({"headers": {"a": 1}}, "'headers'"),
        ({"headers": {"a\r\nb": "c"}}, "'headers'"),
        ({"headers": {"a": "b\r\nc: d"}}, "'headers'"),
        ({"headers": {"Webhook-Id": "mine"}}, "'headers'"),
        ({"headers": {"Host": "elsewhere"}}, "'headers'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], wrong: str) -> None:
    with pytest.raises(BadSetting, match=f"^channel hook: option {wrong} is wrong"):
        channel(80, **options)


def test_the_target_shows_the_host_and_no_path() -> None:
    assert channel(80, url="https://u:pw@hooks.example/T000/secret?x=y").target == "https://hooks.example"
