"""The line and the sentence that tell an incident: subject, title, lede; who is to blame and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from incidents.domain.access_log import NO_LIVE_UPSTREAM
from incidents.domain.incident import CloseReason, CulpritKind, Message
from incidents.domain.summary import Summary
from incidents.render.clean import shown
from incidents.render.measure import Measure, Mode
from incidents.render.numbers import Clock, count, share, span
from incidents.render.words import Words

NAME_LIMIT = 80
"""Characters of a service's, node's or rule's name: log text, after all."""

SUBJECT_LIMIT = 120
NODES_IN_TITLE = 2
NODES_IN_FACT = 12


@dataclass(frozen=True, slots=True)
class Speaker:
    """All that the phrasing of one message needs: what to tell, in which words, on which clock."""

    kind: Message
    summary: Summary
    measure: Measure
    words: Words
    clock: Clock

    @property
    def is_over(self) -> bool:
        return self.kind is Message.SUMMARY

    @property
    def units(self) -> str:
        return self.words(f"{self.measure.unit}s")

    @property
    def span(self) -> str:
        return span(self.summary.duration, self.words)


def badge(speaker: Speaker) -> str:
    """CRITICAL, RESOLVED, ... in the reader's language; what was closed without proof of recovery is not "resolved"."""
    if not speaker.is_over:
        return speaker.words(f"badge.{speaker.kind}.{speaker.summary.severity}")
    recovered = speaker.summary.close_reason in (None, CloseReason.RECOVERED)
    return speaker.words("badge.resolved" if recovered else "badge.closed")


def tone(speaker: Speaker) -> str:
    """Names the colour: critical, warning, info, resolved or closed."""
    if not speaker.is_over:
        return speaker.summary.severity.value
    return "resolved" if speaker.summary.close_reason in (None, CloseReason.RECOVERED) else "closed"


def title(speaker: Speaker) -> str:
    """order: node 127.11.1.2:9002 failing (502)"""
    return _title(speaker, NAME_LIMIT)


def _title(speaker: Speaker, name_limit: int) -> str:
    words, measure = speaker.words, speaker.measure
    what = words(
        f"{'then' if speaker.is_over else 'now'}.{measure.mode}.{speaker.summary.blame.kind}",
        n=len(speaker.summary.blame.nodes),
        who=who(speaker, NODES_IN_TITLE, name_limit),
        codes=words.listed([shown(code, 8) for code in measure.codes] or ["5xx"], 3),
        limit=words("span.s", n=measure.limit),
        rule=shown(measure.rule, name_limit),
        span=speaker.span,
        bad=count(measure.bad),
    )
    return words("title", service=shown(speaker.summary.service, name_limit), what=what)


def subject(speaker: Speaker, late_minutes: int) -> str:
    """One line for a mail's subject and a chat's title, without anything that could end it or turn it round."""
    for name_limit in (NAME_LIMIT, 40, 24, 12):
        # Shorter names rather than a cut end: how long and how many stand at the end.
        text = speaker.words("subject", badge=badge(speaker), title=_title(speaker, name_limit))
        if late_minutes > 0 and not speaker.is_over:
            text = speaker.words("subject.late", subject=text, n=late_minutes)
        if len(text) <= SUBJECT_LIMIT:
            break
    return shown(text, SUBJECT_LIMIT)


def lede(speaker: Speaker) -> str:
    """The whole incident in one sentence."""
    words, measure, summary = speaker.words, speaker.measure, speaker.summary
    if speaker.is_over:
        end = summary.resolved_at or summary.onset_at + summary.duration
        start, until = speaker.clock.short(summary.onset_at), speaker.clock.short(end)
        when = words("lede.for", span=speaker.span, start=start, end=until)
    else:
        when = words("lede.since", start=speaker.clock.short(summary.onset_at))
    return words(
        f"lede.{measure.mode}",
        bad=count(measure.bad),
        total=count(measure.total),
        units=speaker.units,
        share=share(measure.bad, measure.total),
        where=words(f"lede.where.{summary.blame.kind}", who=who(speaker, NODES_IN_TITLE)),
        when=when,
        limit=words("span.s", n=measure.limit),
        rule=shown(measure.rule, NAME_LIMIT),
    )


def who(speaker: Speaker, most: int, name_limit: int = NAME_LIMIT) -> str:
    """The culprit's nodes, at most so many by name."""
    return speaker.words.listed([shown(node, name_limit) for node in speaker.summary.blame.nodes], most)


def culprit(speaker: Speaker) -> str:
    """Who is to blame, in words."""
    blame = speaker.summary.blame
    return speaker.words(f"culprit.{blame.kind}", who=who(speaker, NODES_IN_FACT), n=len(blame.nodes))


def how_sure(speaker: Speaker) -> str | None:
    """How far the figures carry the blame. Blame weighs failures: of slowness it knows nothing."""
    blame = speaker.summary.blame
    if blame.kind is CulpritKind.SERVICE:
        return speaker.words("sure.service")
    if speaker.measure.mode in (Mode.SLOW, Mode.WATCHED):
        return None
    return speaker.words(f"sure.{blame.kind}.{blame.verdict}")


def node_name(speaker: Speaker, node: str) -> str:
    """A node's address, and what the pseudo-node of a pool without a live server means."""
    return speaker.words(NO_LIVE_UPSTREAM) if node == NO_LIVE_UPSTREAM else shown(node, NAME_LIMIT)
