"""Messages to people: one summary in, subject, plain text and HTML out, in English or Chinese."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from incidents.domain.incident import Message
from incidents.domain.summary import Summary
from incidents.render.chart import HEIGHT
from incidents.render.numbers import Clock
from incidents.render.view import View, view
from incidents.render.words import LANGUAGES, Words

__all__ = ["LANGUAGES", "Rendered", "render"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message. `subject` is one line of at most 120 characters; `text` and `html` say the same."""

    subject: str
    text: str
    html: str


def render(
    kind: Message, summary: Summary, *, language: str, timezone: str, link: str | None, late_minutes: int = 0
) -> Rendered:
    """Says `summary` in a language ("en", "zh-CN"), with times in an IANA zone.

    `link`: the incident's page, if it has one. `late_minutes` > 0 marks a message that is told after the fact.
    Log text only ever fills a value in: it is no part of any template.
    """
    told = view(kind, summary, Words(language), Clock(timezone), link=link, late_minutes=late_minutes)
    text = _environment(html=False).get_template("message.txt.j2").render(view=told)
    return Rendered(told.subject, text.rstrip() + "\n", _html(told))


def _html(told: View) -> str:
    return _environment(html=True).get_template("message.html.j2").render(view=told, chart_height=HEIGHT)


@cache
def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    # Autoescape is a fixed bool: deciding by file name (select_autoescape) is off for names such as `.html.j2`.
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("incidents.render", "templates"),
        autoescape=html,  # the plain text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["pad"] = _pad
    return environment


def _pad(text: str, width: int) -> str:
    """Fills up to `width` columns of a terminal, where a Chinese character takes two."""
    taken = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * max(0, width - taken)
