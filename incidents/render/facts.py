"""What a message states line by line: label and value. The order is the order in which somebody on call asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from incidents.domain.access_log import NO_LIVE_UPSTREAM
from incidents.domain.incident import CloseReason
from incidents.domain.minute import MINUTE
from incidents.domain.rule import Unit
from incidents.domain.summary import Summary
from incidents.render.clean import shown
from incidents.render.headline import NAME_LIMIT, NODES_IN_FACT, Speaker, culprit, how_sure
from incidents.render.measure import Mode
from incidents.render.numbers import count, share


class Fact(NamedTuple):
    """One line."""

    label: str
    value: str


_FIGURE = {Mode.FAILING: "bad", Mode.ABORTED: "bad", Mode.SLOW: "slow", Mode.WATCHED: "hits"}


def figures(speaker: Speaker) -> tuple[Fact, ...]:
    """The four numbers that are read first."""
    words, measure, summary = speaker.words, speaker.measure, speaker.summary
    kind = _FIGURE[measure.mode]
    label = "figure.hits" if measure.mode is Mode.WATCHED else f"figure.{kind}.{measure.unit}s"
    found = [Fact(words("figure.duration"), speaker.span)] if speaker.is_over else []
    found.append(Fact(words(label), count(measure.bad)))
    found.append(Fact(words("figure.share"), share(measure.bad, measure.total)))
    if measure.mode.counts_bad:
        found.append(Fact(words("figure.peak"), count(summary.peak.bad)))
    if not (speaker.is_over and measure.mode.counts_bad) and measure.unit is Unit.ATTEMPT:
        found.append(Fact(words("figure.clients"), count(summary.totals.bad_requests)))
    return tuple(found)


def facts(speaker: Speaker) -> tuple[Fact, ...]:
    """Everything stated line by line, for this kind of message."""
    told = _of_summary(speaker) if speaker.is_over else _of_onset(speaker)
    return tuple(Fact(speaker.words(f"fact.{name}"), value) for name, value in told)


def _of_onset(speaker: Speaker) -> Iterator[tuple[str, str]]:
    summary, clock = speaker.summary, speaker.clock
    yield from _who(speaker)
    yield "since", clock.zoned(summary.onset_at)
    yield "detected", clock.second(summary.detected_at)
    yield from _how_bad(speaker)
    yield from _spared(speaker)
    yield from _previous(summary)


def _of_summary(speaker: Speaker) -> Iterator[tuple[str, str]]:
    summary, words, clock = speaker.summary, speaker.words, speaker.clock
    yield from _who(speaker)
    yield "start", clock.zoned(summary.onset_at)
    yield "detected", clock.second(summary.detected_at)
    yield "last", clock.minute(summary.last_minute)
    if summary.resolved_at is not None and summary.close_reason in (None, CloseReason.RECOVERED):
        yield "resolved", clock.minute(summary.resolved_at)
    if summary.closed_at is not None:
        yield "closed", clock.minute(summary.closed_at)
    if summary.close_reason is not None:
        yield "reason", words(f"reason.{summary.close_reason}")
    if summary.reopened:
        key = "duration.reopened"
    else:
        key = "duration.throughout" if summary.breach_minutes * MINUTE == summary.duration else "duration.plain"
    yield "duration", words(key, span=speaker.span, breach=count(summary.breach_minutes), n=summary.reopened)
    yield from _how_bad(speaker)
    if speaker.measure.mode.counts_bad and summary.first_bad_at and summary.last_bad_at:
        first, last = clock.second(summary.first_bad_at), clock.second(summary.last_bad_at)
        yield "first_last", words("first_last", first=first, last=last)
    yield from _spared(speaker)
    yield "totals", _totals(speaker)
    if summary.totals.by_status:
        yield "statuses", words.listed([_times(speaker, *found) for found in summary.totals.by_status.items()], 20)
    if summary.late_lines:
        yield "late_lines", words("late_lines", n=summary.late_lines)
    yield from _previous(summary)


def _who(speaker: Speaker) -> Iterator[tuple[str, str]]:
    summary = speaker.summary
    yield "service", shown(summary.service, NAME_LIMIT)
    if summary.labels:
        pairs = [f"{shown(name, 40)}={shown(value, NAME_LIMIT)}" for name, value in sorted(summary.labels.items())]
        yield "labels", speaker.words.listed(pairs, 10)
    yield "culprit", culprit(speaker)
    sure = how_sure(speaker)
    if sure:
        yield "sure", sure


def _how_bad(speaker: Speaker) -> Iterator[tuple[str, str]]:
    words, measure, summary = speaker.words, speaker.measure, speaker.summary
    total = _of(speaker, measure.bad, measure.total)
    if measure.statuses:
        parts = words.listed([_times(speaker, status, n) for status, n in measure.statuses], 12)
        total = words("split", total=total, parts=parts)
    yield _FIGURE[measure.mode], total
    if measure.mode.counts_bad:
        peak = summary.peak
        yield (
            "peak",
            words(
                "peak",
                bad=count(peak.bad),
                total=count(peak.total),
                units=speaker.units,
                share=share(peak.bad, peak.total),
                minute=speaker.clock.short(peak.minute),
            ),
        )
    yield "clients", _clients(speaker)


def _clients(speaker: Speaker) -> str:
    totals = speaker.summary.totals
    if not totals.bad_requests:
        key = "clients.masked" if totals.masked_by_retry else "clients.none"
    else:
        key = "clients.both" if totals.masked_by_retry else "clients.hit"
    return speaker.words(
        key,
        bad=count(totals.bad_requests),
        total=count(totals.requests),
        share=share(totals.bad_requests, totals.requests),
        masked=count(totals.masked_by_retry),
    )


def _spared(speaker: Speaker) -> Iterator[tuple[str, str]]:
    """The nodes that are fine. Without a single bad attempt where bad is counted; without a breach where it is not."""
    summary = speaker.summary
    if speaker.measure.mode.counts_bad:
        spared, name = summary.unaffected, "unaffected"
    elif summary.blame.kind.is_whole:
        return
    else:
        touched = {symptom.node for symptom in summary.symptoms} | set(summary.blame.nodes)
        spared, name = [node.node for node in summary.nodes if node.node not in touched], "quiet"
    listed = [shown(node, NAME_LIMIT) for node in spared if node != NO_LIVE_UPSTREAM]
    if listed:
        yield name, speaker.words.listed(listed, NODES_IN_FACT)


def _totals(speaker: Speaker) -> str:
    totals = speaker.summary.totals
    return speaker.words(
        "totals" if totals.attempts else "totals.requests",
        requests=count(totals.requests),
        bad_requests=count(totals.bad_requests),
        request_share=share(totals.bad_requests, totals.requests),
        attempts=count(totals.attempts),
        bad_attempts=count(totals.bad_attempts),
        share=share(totals.bad_attempts, totals.attempts),
    )


def _previous(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.previous_id is not None:
        yield "previous", shown(summary.previous_id, NAME_LIMIT)


def _times(speaker: Speaker, status: str, n: int) -> str:
    return speaker.words("times", status=shown(status, 16) or "-", n=n)


def _of(speaker: Speaker, bad: int, total: int) -> str:
    parts = {"bad": count(bad), "total": count(total), "share": share(bad, total)}
    return speaker.words("of", units=speaker.units, **parts)
