"""A webhook: the incident as JSON by POST, signed as Standard Webhooks (standardwebhooks.com) says.

Options: `url` (http or https), `secret` (whsec_<base64> or any text; a list signs with each, for changing it without
a gap), `headers` to add.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import httpx
import msgspec

from incidents.channels.attempt import Attempt, run
from incidents.channels.base import Channel, Outgoing, harmless
from incidents.channels.options import Options, shown_host
from incidents.domain.errors import DeliveryError

# httpx logs whole URLs at INFO, and httpcore headers at DEBUG: both hold secrets.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

_PREFIX = "whsec_"
_TEMPORARY = frozenset({408, 425, 429})
_LONGEST_WAIT = 24 * 3600.0
_ANSWER_BYTES = 2048
_OURS = frozenset({"content-type", "content-length", "host", "idempotency-key", "transfer-encoding", "user-agent"})
_POINT_OF_NO_RETURN = "http11.send_request_body.started"


class WebhookChannel(Channel):
    """One URL that takes incidents as JSON."""

    def __init__(self, name: str, options: Mapping[str, object], clock: Callable[[], float] = time.time) -> None:
        super().__init__(name, options, clock)
        given = Options(name, "webhook", options, ("url", "secret", "headers"))
        self._parts = given.url("url", ("http", "https"), "https://host/path")
        self._url = given.text("url", "https://host/path")
        self._texts = given.maybe_texts("secret", "whsec_<base64>, any text, or a list of them")
        self._keys = [_key(given, text) for text in self._texts]
        self._headers = given.pairs("headers", "names and texts")
        _check_headers(given, self._headers)

    @property
    def target(self) -> str:
        return shown_host(self._parts)

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        body = msgspec.json.encode(outgoing.document)
        headers = self._headers | {
            "content-type": "application/json",
            "user-agent": "Tocsin",
            "idempotency-key": outgoing.key,
            **signed(outgoing.key, int(self.clock()), body, self._keys),
        }
        return run(lambda attempt: self._post(body, headers, deadline_seconds, attempt), deadline_seconds)

    def _post(self, body: bytes, headers: dict[str, str], seconds: float, attempt: Attempt) -> str:
        def trace(event: str, _: object) -> None:
            if event == _POINT_OF_NO_RETURN:
                attempt.commit()

        try:
            with httpx.Client(follow_redirects=False, timeout=seconds) as client:
                attempt.on_abandon(client.close)
                request = client.build_request(
                    "POST", self._url, content=body, headers=headers, extensions={"trace": trace}
                )
                response = client.send(request, stream=True)
                attempt.on_abandon(response.close)
                return self._judge(response)
        except httpx.TransportError as error:
            raise self._no_answer(error, attempt) from None  # the cause holds the URL
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise DeliveryError(f"{self.target}: {type(error).__name__}", permanent=True) from None

    def _judge(self, response: httpx.Response) -> str:
        """The status decides. It is whole before the body comes, so a body that breaks off changes nothing."""
        status = response.status_code
        answer = self._harmless(f"{status} {response.reason_phrase} {_beginning(response)}")
        if 200 <= status < 300:
            return answer
        if 300 <= status < 400:
            message = f"{self.target} answered {status}, a redirect, which is not followed: set the final URL"
            raise DeliveryError(message, permanent=True, answer=answer)
        temporary = status in _TEMPORARY or status >= 500
        wait = retry_after(response.headers.get("retry-after", ""), self.clock()) if temporary else None
        raise DeliveryError(
            f"{self.target} answered {answer}", permanent=not temporary, retry_after=wait, answer=answer
        )

    def _no_answer(self, error: httpx.TransportError, attempt: Attempt) -> DeliveryError:
        reason = f"{type(error).__name__} {self._harmless(str(error))}".strip()
        if attempt.committed:
            return DeliveryError(f"{self.target}: no answer after the message was sent: {reason}", ambiguous=True)
        return DeliveryError(f"{self.target}: {reason}")

    def _harmless(self, answer: str) -> str:
        parts = self._parts
        named = [unquote(parts.password or ""), parts.password or "", parts.query, parts.path.strip("/")]
        return harmless(answer, [*self._texts, *self._headers.values(), *named])


def signed(key: str, now: int, body: bytes, secrets: list[bytes]) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 over "id.timestamp.body", one signature a secret."""
    headers = {"webhook-id": key, "webhook-timestamp": str(now)}
    if secrets:
        content = f"{key}.{now}.".encode() + body
        marks = (base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode() for secret in secrets)
        headers["webhook-signature"] = " ".join(f"v1,{mark}" for mark in marks)
    return headers


def retry_after(value: str, now: float) -> float | None:
    """Seconds to wait by a Retry-After header, which is a number or an HTTP date; None when it is neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(until - now, 0.0), _LONGEST_WAIT)


def _beginning(response: httpx.Response) -> str:
    found = b""
    try:
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) >= _ANSWER_BYTES:
                break
    except httpx.HTTPError:
        pass  # the status is what was asked for
    return found[:_ANSWER_BYTES].decode("utf-8", "replace")


def _key(given: Options, secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise given.wrong("option 'secret' is wrong: expected base64 after whsec_") from None


def _check_headers(given: Options, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not token or not value.isascii() or not value.isprintable():
            raise given.wrong("option 'headers' is wrong: expected plain ASCII names and texts")
        if name.lower() in _OURS or name.lower().startswith("webhook-"):
            raise given.wrong(f"option 'headers' is wrong: {name} is set by the channel itself")
