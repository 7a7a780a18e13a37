"""What each type of channel takes, and what of it is secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from incidents.configcentre import words
from incidents.configcentre.document import Section, Word
from incidents.domain.rulebook import Channel

MASK = "********"
"""Stands in a dump where a secret was."""

LANGUAGES = ("en", "zh-CN")

_ADDRESS = re.compile(r"(?:[^<>@,;]*<\s*)?[^\s<>@,;\"]+@[^\s<>@,;\"]+(?:\s*>)?")


def _timezone(given: object) -> str:
    text = words.text_of(given)
    if text not in _zones():
        raise ValueError(f"there is no time zone {words.quoted(text)}{_zone_hint(text, _zones())}")
    return text


@cache
def _zones() -> frozenset[str]:
    # Not a look-up by name: that would open files, and a name may be `../../etc/passwd`.
    return frozenset(available_timezones())


def _zone_hint(text: str, known: frozenset[str]) -> str:
    same_city = sorted(zone for zone in known if zone.lower().endswith(f"/{text.lower().replace(' ', '_')}"))
    if same_city:
        return f"; did you mean `{same_city[0]}`?"
    near = words.closest(text, known)
    return near if near.startswith(";") else "; expected a name such as Asia/Shanghai or UTC"


def _address(given: object) -> str:
    text = words.filled(given)
    if not _ADDRESS.fullmatch(text) or ("<" in text) != (">" in text):
        raise ValueError("expected a mail address such as ops@example.com")  # never shown: it may come from a secret
    return text


def _unmasked(given: object) -> str:
    text = words.filled(given)
    if MASK in text:
        raise ValueError(f"{MASK} stands for a secret that was left out; put the real one in its place")
    return text


def _url(*schemes: str, example: str) -> Callable[[object], str]:
    """A reader of URLs with one of these schemes. The URL is not shown in errors: it may hold a password."""

    def read(given: object) -> str:
        text = _unmasked(given)
        try:
            parts = urlsplit(text)
            fine = bool(parts.hostname) and (parts.port is None or parts.port > 0) and parts.scheme in schemes
        except ValueError:  # a port that is no number, or brackets that are no address
            fine = False
        if not fine or re.search(r"\s", text):
            raise ValueError(f"expected a URL such as {example}")
        return text

    return read


def _apprise_url(given: object) -> str:
    # Only the scheme is looked at here: what stands behind it differs from service to service.
    text = _unmasked(given)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://\S", text):
        raise ValueError("expected a URL such as dingtalk://token or slack://tokens")
    return text


def _signing_secret(given: object) -> str:
    text = _unmasked(given)
    if text.startswith("whsec_"):
        try:
            base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ValueError("what follows whsec_ must be base64") from None
    return text


class ChannelSection(Section):
    """What every channel has."""

    type: Word
    language: Annotated[str, BeforeValidator(words.one_of(*LANGUAGES))] = "en"
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"


class ConsoleSection(ChannelSection):
    """Prints on the screen of the worker."""


class MailSection(ChannelSection):
    """Mail by SMTP."""

    to: Annotated[tuple[Annotated[str, BeforeValidator(_address)], ...], BeforeValidator(words.one_or_more)]
    sender: Annotated[str, BeforeValidator(_address)] | None = Field(default=None, alias="from")
    smtp: Annotated[str, BeforeValidator(_url("smtp", "smtps", example="smtp://user:password@mail.example.com:587"))]
    tls: Annotated[str, BeforeValidator(words.one_of("starttls", "tls", "none"))] | None = None

    @field_validator("tls")
    @classmethod
    def _fits_the_url(cls, tls: str | None, info: ValidationInfo) -> str | None:
        if tls not in (None, "tls") and str(info.data.get("smtp", "")).startswith("smtps:"):
            raise ValueError(f"smtps:// is TLS from the first byte and not {tls}; write smtp:// or leave `tls` out")
        return tls


class WebhookSection(ChannelSection):
    """JSON by HTTP POST, signed when there is a secret."""

    url: Annotated[str, BeforeValidator(_url("http", "https", example="https://hooks.example.com/tocsin"))]
    secret: Annotated[str, BeforeValidator(_signing_secret)] | None = None
    format: Annotated[str, BeforeValidator(words.one_of("tocsin"))] = "tocsin"


class AppriseSection(ChannelSection):
    """Whatever Apprise knows, by its URL."""

    url: Annotated[str, BeforeValidator(_apprise_url)]


CHANNEL_TYPES: Mapping[str, type[ChannelSection]] = {
    "console": ConsoleSection,
    "mail": MailSection,
    "webhook": WebhookSection,
    "apprise": AppriseSection,
}

SECRETS = frozenset({"smtp", "url", "secret"})
"""Options that may be read from a file, and that are masked wherever a rulebook is shown."""


def options_of(section: ChannelSection) -> dict[str, object]:
    """The adapter's own options under the names the document gives them; what is not given has no entry."""
    found: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if name not in ChannelSection.model_fields and value is not None:
            found[field.alias or name] = value
    return found


def masked(channel: Channel) -> dict[str, object]:
    """The channel's options as they may be shown to anybody who may read the rulebook."""
    return {name: _masked(value) if name in SECRETS else value for name, value in channel.options.items()}


def _masked(value: object) -> str:
    """Of a URL the scheme, the user and the host stay: enough to know it again. An Apprise "host" can be the token."""
    parts = urlsplit(value) if isinstance(value, str) and "://" in value else SplitResult("", "", "", "", "")
    if parts.scheme in ("smtp", "smtps"):
        user = f"{parts.username}:{MASK}@" if parts.password else f"{parts.username}@" if parts.username else ""
        return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}"
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"
    return f"{parts.scheme}://{MASK}" if parts.scheme else MASK
