"""What each type of channel takes, and what of it is secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from incidents.configcentre import words
from incidents.configcentre.document import Section, Word, mapping
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
        raise ValueError("expected a URL such as slack://tokens or tgram://token/chat")
    return text


def _headers(given: object) -> dict[str, str]:
    found = {}
    for name, value in mapping(given).items():
        text = _unmasked(value)
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not text.isascii() or not text.isprintable():
            raise ValueError("expected names and texts in plain ASCII, such as `Authorization: Bearer abc`")
        found[name] = text
    return found


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

    def options(self) -> dict[str, object]:
        """The adapter's own options; what is not given has no entry."""
        given = {field.alias or name: getattr(self, name) for name, field in type(self).model_fields.items()}
        return {name: value for name, value in given.items() if name not in COMMON and value is not None}


COMMON = frozenset(ChannelSection.model_fields)
"""What every channel has. These values are shown in errors, so they are never taken from outside."""


class ConsoleSection(ChannelSection):
    """Prints on the screen of the worker."""


class MailSection(ChannelSection):
    """Mail by SMTP."""

    to: Annotated[tuple[Annotated[str, BeforeValidator(_address)], ...], BeforeValidator(words.one_or_more)]
    sender: Annotated[str, BeforeValidator(_address)] = Field(alias="from")
    smtp: Annotated[str, BeforeValidator(_url("smtp", "smtps", example="smtp://user:password@mail.example.com:587"))]
    tls: Annotated[str, BeforeValidator(words.one_of("starttls", "tls", "none"))] | None = None
    ca_file: Word | None = None

    @field_validator("tls")
    @classmethod
    def _fits_the_url(cls, tls: str | None, info: ValidationInfo) -> str | None:
        if tls not in (None, "tls") and str(info.data.get("smtp", "")).startswith("smtps:"):
            raise ValueError(f"smtps:// is TLS from the first byte and not {tls}; write smtp:// or leave `tls` out")
        return tls

    def options(self) -> dict[str, object]:
        """The adapter knows one way to say TLS from the first byte: the scheme of its `url`."""
        found = super().options()
        url = str(found.pop("smtp"))
        if found.get("tls") == "tls":
            del found["tls"]
            url = re.sub(r"^smtp:", "smtps:", url)
        return found | {"url": url}


class WebhookSection(ChannelSection):
    """JSON by HTTP POST, signed when there is a secret. With several secrets each signs, to change one for another."""

    url: Annotated[str, BeforeValidator(_url("http", "https", example="https://hooks.example.com/tocsin"))]
    secret: (
        Annotated[tuple[Annotated[str, BeforeValidator(_signing_secret)], ...], BeforeValidator(words.one_or_more)]
        | None
    ) = None
    headers: Annotated[dict[str, str], BeforeValidator(_headers)] | None = None
    format: Annotated[str, BeforeValidator(words.one_of("tocsin"))] = "tocsin"

    def options(self) -> dict[str, object]:
        """Without `format`: there is one so far, and the adapter needs not be told."""
        return {name: value for name, value in super().options().items() if name != "format"}


class AppriseSection(ChannelSection):
    """Whatever Apprise knows, by its URL."""

    url: Annotated[str, BeforeValidator(_apprise_url)]


class OtherSection(ChannelSection):
    """A type that another project adds. Its adapter checks its options when it is opened."""

    model_config = ConfigDict(extra="allow")

    def options(self) -> dict[str, object]:
        return dict(self.model_extra or {})


CHANNEL_TYPES: Mapping[str, type[ChannelSection]] = {
    "console": ConsoleSection,
    "mail": MailSection,
    "webhook": WebhookSection,
    "apprise": AppriseSection,
}

PLUGINS = "tocsin.channels"
"""The entry points by which other projects add types."""

SECRETS = frozenset({"smtp", "url", "secret", "headers"})
"""Options that may be read from a file, and that are masked wherever a rulebook is shown."""


def section_of(kind: str) -> type[ChannelSection]:
    """The shape of a channel of this type. ValueError names the types there are."""
    if kind in CHANNEL_TYPES:
        return CHANNEL_TYPES[kind]
    added = sorted({found.name for found in entry_points(group=PLUGINS)})
    if kind in added:
        return OtherSection
    raise ValueError(f"there is no channel type {words.quoted(kind)}{words.closest(kind, (*CHANNEL_TYPES, *added))}")


def document_options(channel: Channel, *, secrets: bool) -> dict[str, object]:
    """The channel's options under the document's own keys."""
    options = dict(channel.options) if secrets else masked(channel)
    if channel.kind == "mail" and "url" in options:
        options = {"smtp" if name == "url" else name: value for name, value in options.items()}
    return options


def masked(channel: Channel) -> dict[str, object]:
    """The channel's options as they may be shown to anybody who may read the rulebook."""
    # What of an added type is secret, nobody here knows.
    known = channel.kind in CHANNEL_TYPES
    return {name: value if known and name not in SECRETS else _masked(value) for name, value in channel.options.items()}


def _masked(value: object) -> object:
    """Of a URL the scheme and host stay, for mail also the user: enough to know it again.

    Of an Apprise URL only the scheme stays: what stands in the place of the host can be the token.
    """
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_masked(item) for item in value)
    scheme, found, rest = str(value).partition("://")
    if not found or not scheme.replace("+", "").isalnum():
        return MASK
    # Not by urlsplit, which raises on what it cannot take apart, and an Apprise URL may be anything.
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    if scheme in ("smtp", "smtps"):
        name, colon, _ = user.partition(":")
        return f"{scheme}://{name}{colon and f':{MASK}'}{at}{host}"
    return f"{scheme}://{host}/{MASK}" if scheme in ("http", "https") else f"{scheme}://{MASK}"
