"""Metrics for Prometheus, read from the database when asked for: every process and every restart tells the same.

Names: prefix `tocsin_`, base units. Labels are bounded: partitions beyond the cap are summed up as `__other__`, and
neither services nor nodes are labels, for strangers can make those up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from incidents.bootstrap import App
from incidents.domain.errors import BadInput, StoreError
from incidents.domain.incident import State
from incidents.domain.rule import Severity
from incidents.domain.rulebook import Rulebook
from incidents.status import Look, Sign, by_reason, lag_of, look, masked_url, product_version
from incidents.store import outbox, processes
from incidents.store.outbox import Delivery
from incidents.store.positions import Position

Label = TypeVar("Label", bound=tuple[str, ...])

OTHER = "__other__"
MOST_PARTITIONS = 100
MOST_PROCESSES = 200
MOST_REASONS = 50


class _Found(NamedTuple):
    """What one scrape read."""

    seen: Look
    attempts: Mapping[str, int]
    latency: tuple[int, float]
    own: Mapping[str, int]


class TocsinCollector(Collector):
    """Asks the database at each scrape, in one transaction."""

    def __init__(self, house: App) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        yield _gauge("tocsin_build_info", "The version that runs; always 1.", {(product_version(),): 1}, ["version"])
        try:
            with self._house.store.read() as tx:
                seen = look(tx, self._house.settings, self._house.now())
                found = _Found(seen, outbox.attempt_counts(tx), outbox.latency(tx), processes.self_counts(tx))
        except StoreError:
            # A scrape that fails says less than one that says why there is so little in it.
            yield _gauge("tocsin_database_up", "1 when the database answers.", {(): 0})
            return
        yield _gauge("tocsin_database_up", "1 when the database answers.", {(): 1})
        yield from _lines(found.seen)
        yield from _closing(found.seen)
        yield from _incidents(found)
        yield from _messages(found, self._channel_kinds())
        yield from _rulebook(found.seen)
        yield from _processes(found.seen)

    def _channel_kinds(self) -> dict[str, str]:
        try:
            rulebook: Rulebook = self._house.rulebook()
        except (StoreError, BadInput):
            return {}
        return {channel.name: channel.kind for channel in rulebook.channels}


def registry_of(house: App) -> CollectorRegistry:
    """A registry of its own: the process-wide one would mix up two applications in one process."""
    registry = CollectorRegistry(auto_describe=False)
    # Not register(): it asks for the metrics' names, that is, the database, when the application is made.
    registry.register(TocsinCollector(house))
    return registry


def _lines(seen: Look) -> Iterable[Metric]:
    by_label = _capped(seen.partitions)
    of: list[tuple[str, str, str]] = [
        ("tocsin_lines", "Lines read.", "lines"),
        ("tocsin_malformed_lines", "Lines that could not be parsed.", "malformed"),
        ("tocsin_late_lines", "Lines that came after their minute was closed.", "late"),
        ("tocsin_quarantined_lines", "Lines dated too far ahead of the clock.", "quarantined"),
    ]
    for name, text, field in of:
        sums = {label: sum(getattr(each, field) for each in found) for label, found in by_label.items()}
        yield _counter(name, text, sums, ["partition"])
    reasons = {(reason,): n for reason, n in by_reason(seen.malformed)[:MOST_REASONS]}
    yield _counter("tocsin_malformed_lines_by_reason", "Lines that could not be parsed.", reasons, ["reason"])
    backlog: dict[tuple[str, ...], float] = {}
    for label, found in by_label.items():
        for each in found:
            if each.backlog is not None:
                key = (*label, each.unit)
                backlog[key] = backlog.get(key, 0) + each.backlog
    yield _gauge("tocsin_backlog", "What lies in the queue unread, in its unit.", backlog, ["partition", "unit"])
    lags = {label: max((lag_of(each, seen.now) or 0.0) for each in found) for label, found in by_label.items()}
    yield _gauge("tocsin_lag_seconds", "Event time that was not read yet.", lags, ["partition"])
    marks = {label: min(each.watermark for each in found) for label, found in by_label.items()}
    ages = {label: max(0.0, seen.now - mark) for label, mark in marks.items() if mark}
    yield _gauge("tocsin_watermark_age_seconds", "The clock less the latest event time read.", ages, ["partition"])


def _capped(partitions: list[Position]) -> dict[tuple[str, ...], list[Position]]:
    """Partitions by their label: the first ones by name, the rest together."""
    found: dict[tuple[str, ...], list[Position]] = {}
    for number, each in enumerate(partitions):
        label = masked_url(each.partition) if number < MOST_PARTITIONS else OTHER
        found.setdefault((label,), []).append(each)
    return found


def _closing(seen: Look) -> Iterable[Metric]:
    shards = seen.shards.items()
    closed = {(str(shard),): found.minutes for shard, found in shards}
    yield _counter("tocsin_minutes_closed", "Minutes closed.", closed, ["shard"])
    delays = {(str(shard),): max(0.0, seen.now - found.second) for shard, found in shards}
    text = "The clock less the second that minutes are closed through."
    yield _gauge("tocsin_close_delay_seconds", text, delays, ["shard"])


def _incidents(found: _Found) -> Iterable[Metric]:
    states = found.seen.incidents
    by_severity = dict.fromkeys(((str(severity),) for severity in Severity), 0)
    for _, severity, n in found.seen.open_incidents:
        by_severity[(severity,)] += n
    yield _gauge("tocsin_incidents_open", "Incidents that are open now.", by_severity, ["severity"])
    yield _counter("tocsin_incidents_opened", "Incidents that were opened.", {(): sum(states.values())})
    ended = sum(states.get(state, 0) for state in (State.CLOSED, State.MERGED))
    yield _counter("tocsin_incidents_closed", "Incidents that were closed or merged into another.", {(): ended})
    own = {(kind,): n for kind, n in found.own.items()}
    yield _counter("tocsin_self_incidents", "Incidents of Tocsin's own, such as gaps.", own, ["kind"])


def _messages(found: _Found, kinds: Mapping[str, str]) -> Iterable[Metric]:
    seen = found.seen
    ended: dict[tuple[str, ...], float] = {}
    for (channel, state), n in seen.outbox.items():
        if state in (Delivery.SENT, Delivery.DEAD):
            key = (kinds.get(channel, OTHER), state)
            ended[key] = ended.get(key, 0) + n
    text = "Messages sent, or given up (dead), by kind of channel."
    yield _counter("tocsin_notifications", text, ended, ["channel", "outcome"])
    attempts = {(outcome,): n for outcome, n in found.attempts.items()}
    yield _counter("tocsin_delivery_attempts", "Attempts to send a message.", attempts, ["outcome"])
    count, total = found.latency
    text = "From a message's cause to its being sent."
    yield SummaryMetricFamily("tocsin_notification_latency_seconds", text, count_value=count, sum_value=total)
    waiting = sum(n for (_, state), n in seen.outbox.items() if state in (Delivery.PENDING, Delivery.SENDING))
    yield _gauge("tocsin_notifications_waiting", "Messages that are to be sent.", {(): waiting})
    overdue = max(0.0, seen.now - seen.oldest_due) if seen.oldest_due is not None else 0.0
    text = "How long the longest waiting message has been due."
    yield _gauge("tocsin_notifications_oldest_due_seconds", text, {(): overdue})


def _rulebook(seen: Look) -> Iterable[Metric]:
    yield _gauge("tocsin_rulebook_version", "The version in force.", {(): seen.rulebook_version})
    source = seen.rulebook_source
    if source is not None:
        text = "1 when the last look at the rulebook gave one that can be used."
        yield _gauge("tocsin_rulebook_last_reload_successful", text, {(): 0 if source.error else 1})
        text = "When that look was, in seconds since the epoch."
        yield _gauge("tocsin_rulebook_last_reload_timestamp_seconds", text, {(): source.checked_at})


def _processes(seen: Look) -> Iterable[Metric]:
    shown = sorted(seen.signs, key=lambda sign: sign.age)[:MOST_PROCESSES]
    labels = ["role", "instance"]
    ages = {_name(sign): max(0.0, sign.age) for sign in shown}
    yield _gauge("tocsin_process_heartbeat_age_seconds", "Since the last sign of life.", ages, labels)
    progress = {_name(sign): max(0.0, (seen.now - sign.row.progress_at) / seen.scale) for sign in shown}
    yield _gauge("tocsin_process_progress_age_seconds", "Since something was last done.", progress, labels)


def _name(sign: Sign) -> tuple[str, ...]:
    return (sign.row.role, sign.row.instance)


def _gauge(name: str, text: str, values: Mapping[Label, float], labels: Iterable[str] = ()) -> Metric:
    metric = GaugeMetricFamily(name, text, labels=list(labels))
    for label, value in values.items():
        metric.add_metric(label, value)
    return metric


def _counter(name: str, text: str, values: Mapping[Label, float], labels: Iterable[str] = ()) -> Metric:
    """`_total` is added to the name."""
    metric = CounterMetricFamily(name, text, labels=list(labels))
    for label, value in values.items():
        metric.add_metric(label, value)
    return metric
