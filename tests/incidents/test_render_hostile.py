"""Log text is written by strangers: whatever it holds, a message shows it and nothing else happens."""

from __future__ import annotations

import sys
import unicodedata
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_summary import CULPRIT, plain, sample, symptom

from incidents.domain.incident import Confidence, CulpritKind, Message
from incidents.domain.summary import Blame, NodeFigures, Summary
from incidents.render import Rendered, _environment, render
from incidents.render.clean import shown, visible

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{service.__class__} {0} {} {n:,} %s %(n)s ${HOME}",
    "a\r\nBcc: everybody@example.com\r\n\r\nbody",
    "nul\x00 escape\x1b[31m bell\x07 backspace\x08 del\x7f c1\x9b31m",
    "safe\u202etxt.exe\u202c \u2066x\u2069 \u200ezero\u200bwidth\ufeff \U000e0041",
    "line\u2028paragraph\u2029",
    "lone \ud83d surrogate",
    "x" * 5000,
    "漢" * 5000,
    "👩‍👩‍👧‍👦" * 200,
    " ",
]
UNSEEN = [chr(c) for c in [*range(0x20), 0x7F, 0x9B, 0x200B, 0x200E, 0x202E, 0x2028, 0x2029, 0x2066, 0xFEFF, 0xD83D]]


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def hostile(text: str) -> Summary:
    """Strangers' text in every place that takes text."""
    return plain(
        id=text,
        service=text,
        symptoms=[msgspec.structs.replace(symptom("5xx", text, 5, 10), rule=text, description=text)],
        blame=Blame(CulpritKind.NODE, (text,), Confidence.NODE),
        nodes=[NodeFigures(text, 10, 5, 1.0, {"500": 5, text: 5})],
        samples=[msgspec.structs.replace(sample(1, text or " "), request_id=text, node=text, status=text)],
        first_line=None,
        last_line=None,
        previous_id=text,
        labels={text: text},
        unaffected=[text],
    )


def told(kind: Message, summary: Summary, language: str = "en") -> Rendered:
    return render(kind, summary, language=language, timezone="UTC", link="https://tocsin.example/i?a=1&b=2")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", list(Message))
@pytest.mark.parametrize("text", NASTY, ids=[repr(text)[:24] for text in NASTY])
def test_hostile_text_stays_text(text: str, kind: Message, language: str) -> None:
    found = told(kind, hostile(text), language)
    harmless_page = Page(told(kind, hostile("harmless"), language).html)
    page = Page(found.html)
    assert page.tags == harmless_page.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless_page.attributes]
    assert "49" not in found.subject
    for character in UNSEEN:
        assert character not in found.subject
        assert character not in found.text.replace("\n", "")
        assert character not in found.html.replace("\n", "")
    assert found.text.count("\n") == told(kind, hostile("harmless"), language).text.count("\n")
    (found.subject + found.text + found.html).encode()


@given(st.text(min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_text_whatever_breaks_a_subject_or_a_page(text: str) -> None:
    found = told(Message.SUMMARY, hostile(text))
    assert 0 < len(found.subject) <= 120
    assert not {unicodedata.category(c) for c in found.subject} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert Page(found.html).tags == Page(told(Message.SUMMARY, hostile("harmless")).html).tags
    (found.subject + found.text + found.html).encode()


def test_empty_text_everywhere_is_no_trouble() -> None:
    for kind in Message:
        assert told(kind, hostile("")).subject


def test_every_invisible_character_of_unicode_is_made_visible() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\t":
            assert visible(character).startswith("\\"), hex(code)


def test_what_cannot_be_seen_is_shown_as_an_escape() -> None:
    assert visible("a\tb\r\n\x00\u202e\U000e0041\udc80") == "a b\\x0d\\x0a\\x00\\u202e\\U000e0041\\udc80"
    assert visible("中文 naïve 🙂 اللغة") == "中文 naïve 🙂 اللغة"


@pytest.mark.parametrize("text", ["a" * 401, "中" * 401, "\x00" * 400, "a" * 398 + "\u202e" * 9])
def test_text_is_cut_to_its_limit_with_an_ellipsis(text: str) -> None:
    found = shown(text, 400)
    assert len(found) <= 400
    assert found.endswith("…")
    assert shown("a" * 400, 400) == "a" * 400


def test_a_long_line_is_cut_and_a_secret_in_it_is_masked() -> None:
    line = '"GET /pay?token=hunter2xyz&card=4111111111111111 HTTP/1.1" 500 ' + "a" * 3000
    found = told(Message.SUMMARY, plain(samples=[sample(1, line)], first_line=None, last_line=None))
    for body in (found.text, found.html):
        assert "hunter2xyz" not in body
        assert "4111111111111111" not in body
        assert "/pay?token=***" in body
        assert "a" * 401 not in body
    assert max(len(text) for text in found.text.splitlines()) <= 404


def test_a_long_name_leaves_the_figures_in_the_subject() -> None:
    name = "n" * 300
    nodes = [NodeFigures(name, 300, 274, 1.0, {"502": 274})]
    summary = plain(service="s" * 300, blame=Blame(CulpritKind.NODE, (name,), Confidence.NODE), nodes=nodes)
    subject = told(Message.SUMMARY, summary).subject
    assert len(subject) <= 120
    assert subject.endswith("for 4 min, 274 bad")


def test_a_page_fetches_nothing_and_runs_nothing() -> None:
    page = Page(told(Message.SUMMARY, plain()).html)
    assert not {"script", "img", "iframe", "link", "object", "form", "svg", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    styles = [value or "" for name, value in page.attributes if name == "style"]
    assert not [style for style in styles if "url(" in style]


def test_templates_are_escaped_and_sandboxed_whatever_their_names() -> None:
    page, text = _environment(html=True), _environment(html=False)
    assert page.autoescape is True
    assert text.autoescape is False
    assert type(page).__name__ == "ImmutableSandboxedEnvironment"
    assert page.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    assert CULPRIT in told(Message.ONSET, plain()).html
