"""Everything that Apprise carries correctly, one URL a channel. The only file that knows Apprise.

Option: `url`, one Apprise URL. It is wrapped here once, because of what it leaves open: its FAILURE can mean
delivered (the answer was lost, or one of several parts went through), so a failure is ambiguous; its debug log holds
whole tokens; it follows redirects unless told otherwise.
"""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import apprise
from apprise.common import NotifyFormat, NotifyType, OverflowMode, PersistentStoreMode
from apprise.result import AppriseResultStatus

from incidents.channels.attempt import Attempt, run
from incidents.channels.base import Channel, Outgoing, harmless
from incidents.channels.options import Options
from incidents.domain.errors import DeliveryError
from incidents.domain.incident import Message

_EXPECTED = "one Apprise URL, such as slack://..., tgram://... or json://host/path"

# Answers of 200 whose body says "no" count as sent there (read in 2.2.0: they look at the HTTP status only), and
# PagerDuty's only ever triggers: a summary would open a second incident.
_NOT_JUDGED = {
    "dingtalk": "DingTalk",
    "wecombot": "WeCom",
    "feishu": "Feishu",
    "lark": "Lark",
    "pagerduty": "PagerDuty",
}
_MENTION = re.compile(r"@(?=\S)|<(?=[!@#&/A-Za-z])|\](?=\()")
_GAP = "\u200b"
_TYPES = {
    Message.ONSET: NotifyType.FAILURE,
    Message.ESCALATION: NotifyType.FAILURE,
    Message.SUMMARY: NotifyType.SUCCESS,
}

# Apprise logs to "apprise" and its plugins by requests to "urllib3", which writes paths with tokens at DEBUG. What it
# has to say comes back with the result, where secrets are taken out.
_logger = logging.getLogger("apprise")
_logger.propagate = False
_logger.setLevel(logging.WARNING)
_logger.addHandler(logging.NullHandler())
logging.getLogger("urllib3").setLevel(logging.WARNING)

with warnings.catch_warnings():
    # All plugins load on first use; some import modules that are on their way out of the standard library.
    warnings.simplefilter("ignore", DeprecationWarning)
    apprise.Apprise.instantiate("json://localhost")


class AppriseChannel(Channel):
    """One Apprise URL."""

    def __init__(self, name: str, options: Mapping[str, object], clock: Callable[[], float] = time.time) -> None:
        super().__init__(name, options, clock)
        given = Options(name, "apprise", options, ("url",))
        self._url = given.text("url", _EXPECTED)
        service = _service(self._url, 30.0)
        if service is None:
            raise given.wrong(f"option 'url' is wrong: expected {_EXPECTED}")
        for scheme in service.schemas():
            if scheme in _NOT_JUDGED:
                problem = "Apprise cannot tell whether it took a message, so it cannot be promised"
                raise given.wrong(f"{_NOT_JUDGED[scheme]} cannot be used by Apprise: {problem}")
        self._scheme = min(service.schemas())
        self._secrets = _secrets(self._url)

    @property
    def target(self) -> str:
        return f"{self._scheme}:// by Apprise"

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        return run(lambda attempt: self._notify(outgoing, deadline_seconds, attempt), deadline_seconds)

    def _notify(self, outgoing: Outgoing, seconds: float, attempt: Attempt) -> str:
        service = _service(self._url, seconds)
        if service is None:
            raise DeliveryError(f"{self.target}: the URL is not understood", permanent=True)
        sender = apprise.Apprise(asset=service.asset)
        sender.add(service)
        title = unmentioned(outgoing.rendered.subject)
        body = fitted(unmentioned(outgoing.rendered.text), service.body_maxlen)
        attempt.commit()  # what a plugin does, and when, cannot be seen from outside
        result = sender.notify(
            body=body,
            title=title,
            notify_type=_TYPES[outgoing.kind],
            body_format=NotifyFormat.TEXT,
            timeout=max(0.1, seconds * 0.9),
        )
        said = harmless("; ".join(entry.message for entry in result.logs()), self._secrets)
        if result.status == AppriseResultStatus.SUCCESS:
            return said or "accepted"
        if result.status == AppriseResultStatus.NOMATCH:
            raise DeliveryError(f"{self.target}: nothing to send to", permanent=True, answer=said)
        raise DeliveryError(f"{self.target}: {said or result.status.name.lower()}", ambiguous=True, answer=said)


def unmentioned(text: str) -> str:
    """Text in which nobody is called: an invisible gap after what starts a mention, a command or a hidden link."""
    return _MENTION.sub(rf"\g<0>{_GAP}", text)


def fitted(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a line: one notification is one message, never several parts."""
    if limit <= 0 or len(text) <= limit:
        return text
    kept = text[: max(0, limit - 2)]
    return kept[: kept.rfind("\n") + 1 or len(kept)].rstrip() + "\n…"


def _service(url: str, seconds: float) -> Any:
    """The plugin of a URL, or None. Never retries, splits, follows redirects or keeps anything on disk."""
    asset = apprise.AppriseAsset(
        app_id="Tocsin",
        app_desc="Tocsin",
        http_redirects=False,
        interpret_escapes=False,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode=PersistentStoreMode.MEMORY,
        service_timeout=seconds,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return None
    service.retry = 0  # tries are counted in the database, with their outcome
    service.overflow_mode = OverflowMode.TRUNCATE
    service.socket_connect_timeout = min(service.socket_connect_timeout, seconds)
    service.socket_read_timeout = seconds
    service.redirects = False
    return service


def _secrets(url: str) -> list[str]:
    """Every part of the URL that could be one: Apprise puts tokens into hosts, paths, users and queries alike."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    pieces = re.split(r"[/?&=:@]+", f"{parts.netloc}/{parts.path}/{parts.query}")
    long_ones = {piece for piece in pieces if len(piece) >= 6}
    return sorted(long_ones | {unquote(piece) for piece in long_ones}, key=len, reverse=True)
