"""Turns a summary into what both templates lay out: finished phrases, in order. The text and the HTML say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from incidents.domain.incident import Message
from incidents.domain.minute import MINUTE
from incidents.domain.redact import redact
from incidents.domain.rule import Unit
from incidents.domain.summary import NodeFigures, Sample, Summary, SymptomFigures
from incidents.render import rules
from incidents.render.chart import COLOURS, OTHER_COLOUR, Chart, chart
from incidents.render.clean import shown
from incidents.render.facts import Fact, facts, figures
from incidents.render.headline import NAME_LIMIT, Speaker, badge, culprit, lede, node_name, subject, title, tone
from incidents.render.measure import measure
from incidents.render.numbers import Clock, count, share, span
from incidents.render.words import Words

LINE_LIMIT = 400
"""Characters of a log line in a message."""

MOST_SAMPLES = 5
MOST_NODES = 16
MOST_SYMPTOMS = 12


class Bar(NamedTuple):
    """A row with a bar of `percent` of the width."""

    label: str
    value: str
    note: str
    percent: int
    colour: str
    is_culprit: bool = False


class Rows(NamedTuple):
    """A titled list of bars; `more` says how many were left out."""

    heading: str
    bars: tuple[Bar, ...]
    more: str = ""


class Symptom(NamedTuple):
    """A rule in breach, with its figures and its thresholds."""

    what: str
    rule: str


class SampleLine(NamedTuple):
    """A log line, and when, what and where it was."""

    caption: str
    line: str


class Figure(NamedTuple):
    """The chart with its words."""

    heading: str
    start: str
    end: str
    chart: Chart
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """One message, ready to be laid out."""

    language: str
    colon: str
    tone: str
    badge: str
    subject: str
    title: str
    lede: str
    notices: tuple[str, ...]
    figures: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    figure: Figure | None
    rows: tuple[Rows, ...]
    symptoms_heading: str
    symptoms: tuple[Symptom, ...]
    symptoms_more: str
    samples_heading: str
    samples: tuple[SampleLine, ...]
    link: str | None
    link_label: str
    footer: str


def view(
    kind: Message, summary: Summary, words: Words, clock: Clock, *, link: str | None = None, late_minutes: int = 0
) -> View:
    """Everything that a message of this kind says."""
    speaker = Speaker(kind, summary, measure(summary), words, clock)
    more = len(summary.symptoms) - MOST_SYMPTOMS
    version = summary.rulebook_version
    return View(
        language=words.language,
        colon=words("colon"),
        tone=tone(speaker),
        badge=badge(speaker),
        subject=subject(speaker, late_minutes),
        title=title(speaker),
        lede=lede(speaker),
        notices=tuple(_notices(speaker, late_minutes)),
        figures=figures(speaker),
        facts=facts(speaker),
        figure=_figure(speaker),
        rows=tuple(rows for rows in (_statuses(speaker), _nodes(speaker)) if rows),
        symptoms_heading=words("section.symptoms"),
        symptoms=tuple(_symptom(speaker, symptom) for symptom in summary.symptoms[:MOST_SYMPTOMS]),
        symptoms_more=words("rows.symptoms", n=more) if more > 0 else "",
        samples_heading=words("section.samples"),
        samples=tuple(_samples(speaker)),
        # Only what a browser opens as a page may become a link, whatever a setting says.
        link=link if link and link.startswith(("https://", "http://")) else None,
        link_label=words("link"),
        footer=words("footer" if version else "footer.builtin", id=shown(summary.id, NAME_LIMIT), version=version),
    )


def _notices(speaker: Speaker, late_minutes: int) -> list[str]:
    words = speaker.words
    found = []
    if speaker.kind is Message.ESCALATION:
        severity = words(f"severity.{speaker.summary.severity}")
        found.append(words("escalated", severity=severity, culprit=culprit(speaker)))
    if late_minutes > 0:
        found.append(words("late", n=late_minutes))
    return found


def _figure(speaker: Speaker) -> Figure | None:
    drawn = chart(speaker.summary) if speaker.measure.mode.counts_bad else None
    if drawn is None:
        return None
    words, units = speaker.words, speaker.units
    if drawn.step == MINUTE:
        heading = words("chart", units=units)
    else:
        heading = words("chart.step", units=units, span=span(drawn.step, words))
    legend = tuple((status or words("chart.other"), colour) for status, colour in drawn.legend)
    start, end = speaker.clock.short(drawn.columns[0].at), speaker.clock.short(drawn.end)
    heading = words("chart.heading", heading=heading, highest=words("chart.max", n=drawn.peak))
    return Figure(heading, start, end, drawn, legend)


def _statuses(speaker: Speaker) -> Rows | None:
    measure = speaker.measure
    if not measure.statuses or not measure.mode.counts_bad:
        return None
    most = measure.statuses[0][1]
    bars = tuple(
        Bar(
            shown(status, 16),
            speaker.words("status.value", n=count(n), share=share(n, measure.bad)),
            "",
            percent(n, most),
            COLOURS.get(status, OTHER_COLOUR),
        )
        for status, n in measure.statuses[:12]
    )
    return Rows(speaker.words("section.statuses"), bars)


def _nodes(speaker: Speaker) -> Rows | None:
    summary = speaker.summary
    if speaker.measure.mode.counts_bad:
        return _bad_by_node(speaker, summary.nodes)
    main = [s for s in summary.symptoms if s.rule == speaker.measure.rule and s.node is not None]
    if not main:
        return None
    ordered = sorted(main, key=lambda s: (-s.bad, s.node or ""))
    bars = tuple(
        Bar(
            node_name(speaker, symptom.node or ""),
            _of(speaker, symptom.bad, symptom.total),
            "",
            percent(symptom.bad, ordered[0].bad),
            COLOURS["503"],
            symptom.node in summary.blame.nodes,
        )
        for symptom in ordered[:MOST_NODES]
    )
    return _rows(speaker, bars, len(ordered))


def _bad_by_node(speaker: Speaker, nodes: list[NodeFigures]) -> Rows | None:
    if not nodes:
        return None
    blamed = speaker.summary.blame.nodes
    ordered = sorted(nodes, key=lambda node: (node.node not in blamed, -node.bad, node.node))
    most = max(node.bad for node in nodes)
    all_bad = speaker.summary.totals.bad_attempts
    bars = tuple(
        Bar(
            node_name(speaker, node.node),
            _of(speaker, node.bad, node.attempts),
            speaker.words("node.note", share=share(node.bad, all_bad)) if node.bad else "",
            percent(node.bad, most),
            COLOURS["502"] if node.node in blamed or not blamed else OTHER_COLOUR,
            node.node in blamed,
        )
        for node in ordered[:MOST_NODES]
    )
    return _rows(speaker, bars, len(ordered))


def _rows(speaker: Speaker, bars: tuple[Bar, ...], total: int) -> Rows:
    left_out = total - len(bars)
    more = speaker.words("rows.more", n=left_out) if left_out else ""
    return Rows(speaker.words("section.nodes"), tuple(_marked_bar(speaker, bar) for bar in bars), more)


def _marked_bar(speaker: Speaker, bar: Bar) -> Bar:
    """Says in words who is to blame: a bold name or a colour alone is not seen by everybody."""
    if not bar.is_culprit:
        return bar
    culprit = speaker.words("node.culprit")
    return bar._replace(note=speaker.words("node.both", culprit=culprit, note=bar.note) if bar.note else culprit)


def _symptom(speaker: Speaker, symptom: SymptomFigures) -> Symptom:
    words, clock = speaker.words, speaker.clock
    threshold = rules.read(symptom.description)
    units = words(f"{threshold.unit if threshold else Unit.ATTEMPT}s")
    parts = {"bad": count(symptom.bad), "total": count(symptom.total), "share": share(symptom.bad, symptom.total)}
    start, end = clock.short(symptom.first_minute), clock.short(symptom.last_minute + MINUTE)
    what = words(
        "symptom.service" if symptom.node is None else "symptom.node",
        rule=shown(symptom.rule, NAME_LIMIT),
        node=node_name(speaker, symptom.node or ""),
        figures=words("of", units=units, **parts),
        when=words("symptom.minutes", start=start, end=end),
    )
    if not symptom.description:
        return Symptom(what, "")
    return Symptom(what, words("rule.prefix", rule=shown(rules.describe(symptom.description, words), 200)))


def _samples(speaker: Speaker) -> list[SampleLine]:
    summary, words = speaker.summary, speaker.words
    found: list[tuple[str, Sample]] = [("", sample) for sample in summary.samples[:MOST_SAMPLES]]
    if speaker.is_over:
        # The first and the last bad line are asked for by name; where a sample is one of them it is only marked.
        found = _marked(words, found, summary.first_line, "sample.first", 0)
        found = _marked(words, found, summary.last_line, "sample.last", len(found))
    return [_sample(speaker, mark, sample) for mark, sample in found]


def _marked(
    words: Words, found: list[tuple[str, Sample]], wanted: Sample | None, key: str, place: int
) -> list[tuple[str, Sample]]:
    if wanted is None:
        return found
    mark = words(key)
    for i, (old, sample) in enumerate(found):
        if sample == wanted:
            return [*found[:i], (words("sample.both", first=old, last=mark) if old else mark, sample), *found[i + 1 :]]
    return [*found[:place], (mark, wanted), *found[place:]]


def _sample(speaker: Speaker, mark: str, sample: Sample) -> SampleLine:
    parts = (
        speaker.clock.short_second(sample.at),
        shown(sample.status, 16),
        node_name(speaker, sample.node) if sample.node else "",
        shown(sample.request_id, 64),
        mark,
    )
    # Redacted when it was kept; once more here, because a message leaves the house.
    return SampleLine(" · ".join(filter(None, parts)), shown(redact(sample.line), LINE_LIMIT))


def _of(speaker: Speaker, bad: int, total: int) -> str:
    return speaker.words("node.value", bad=count(bad), total=count(total), share=share(bad, total))


def percent(part: int, whole: int) -> int:
    """Width of a bar: 0 for nothing, at least 1 for anything."""
    return max(1, min(100, round(part * 100 / whole))) if part > 0 and whole > 0 else 0
