"""The verb that looks at Tocsin itself: who is alive, how far behind, since when, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from incidents.documents import moment, moment_or_none, self_document
from incidents.domain.minute import MINUTE
from incidents.domain.rule import Severity
from incidents.settings import Settings
from incidents.store import incidents, minutes, outbox, positions, processes, rulebooks
from incidents.store.minutes import ClosedThrough
from incidents.store.outbox import Delivery
from incidents.store.positions import Position
from incidents.tables import Heartbeat, Malformed, RulebookSource, SelfIncident

NEEDED = ("collector", "worker")
"""Roles without which nothing is counted, or nothing is judged."""

DEAD_AFTER = 30.0
"""Real seconds without a heartbeat after which a process counts as dead; there is one every 2 s."""

STUCK_AFTER = 45.0
"""Real seconds without progress after which a process that must have some counts as stuck."""

FORGOTTEN_AFTER = 24 * 3600.0
"""Real seconds after which a dead process is no news any more."""

SLOW_CLOSE = 2 * MINUTE
"""Seconds over the least possible ones after which the closing of minutes counts as late."""

OVERDUE = 2 * MINUTE
"""Seconds that a message may wait before that is told."""

_decode = msgspec.json.Decoder(dict[str, object]).decode
# Up to the last @: a password may hold one.
_PASSWORD = re.compile(r"(://[^/@:\s]*:).*@", re.DOTALL)
_SECRET = re.compile(r"(?i)([?&;][^=&;]*(?:pass|pwd|secret|token|key)[^=&;]*=)[^&;]*")


class Sign(NamedTuple):
    """A heartbeat, and what it means by now."""

    row: Heartbeat
    alive: bool
    stuck: bool
    age: float


class Look(msgspec.Struct, frozen=True):
    """Everything that was seen in one transaction. `now` is the clock; `scale` its speed against real seconds."""

    now: float
    scale: float
    lateness: int
    signs: list[Sign]
    partitions: list[Position]
    malformed: list[Malformed]
    shards: dict[int, ClosedThrough]
    rulebook_version: int
    rulebook_source: RulebookSource | None
    outbox: dict[tuple[str, str], int]
    oldest_due: float | None
    open_incidents: list[tuple[str, str, int]]
    incidents: dict[str, int]
    self_incidents: list[SelfIncident]


def product_version() -> str:
    """The version of Tocsin that runs."""
    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "unknown"


def look(tx: Connection, settings: Settings, now: float) -> Look:
    """Reads all of it."""
    scale = settings.clock.scale
    closed = {shard: minutes.closed_through(tx, shard) for shard in range(settings.shards)}
    sources = rulebooks.sources(tx)
    return Look(
        now=now,
        scale=scale,
        lateness=settings.lateness,
        signs=[_sign(row, now, scale) for row in processes.heartbeats(tx)],
        partitions=positions.every(tx),
        malformed=positions.malformed(tx),
        shards={shard: found for shard, found in closed.items() if found is not None},
        rulebook_version=rulebooks.latest_number(tx),
        rulebook_source=max(sources, key=lambda source: source.checked_at, default=None),
        outbox=outbox.counts(tx),
        oldest_due=outbox.oldest_due(tx),
        open_incidents=incidents.open_counts(tx),
        incidents=incidents.state_counts(tx),
        self_incidents=processes.self_incidents(tx, limit=20),
    )


def _sign(row: Heartbeat, now: float, scale: float) -> Sign:
    age = (now - row.beat_at) / scale
    return Sign(row, age <= DEAD_AFTER, (now - row.progress_at) / scale > STUCK_AFTER, age)


def problems(seen: Look) -> list[str]:
    """What is wrong, one line each, the gravest first; empty when all is well."""
    return [*_process_problems(seen), *_pipeline_problems(seen)]


def _process_problems(seen: Look) -> Iterable[str]:
    for role in NEEDED:
        signs = [sign for sign in seen.signs if sign.row.role == role]
        alive = [sign for sign in signs if sign.alive]
        if not signs:
            yield f"no {role} runs: start one with `tocsin up` or `tocsin {'collect' if role == 'collector' else role}`"
        elif not alive:
            latest = max(signs, key=lambda sign: sign.row.beat_at)
            yield f"no {role} is alive: the last sign was at {moment(latest.row.beat_at)} ({_ago(latest.age)} ago)"
        elif all(sign.stuck for sign in alive):
            latest = max(alive, key=lambda sign: sign.row.progress_at)
            yield f"the {role} lives and gets nothing done since {moment(latest.row.progress_at)}"
    for sign in seen.signs:
        if sign.alive:
            yield from (f"{sign.row.role} {sign.row.instance}: {problem}" for problem in _told_by(sign))


def _told_by(sign: Sign) -> list[str]:
    """What a collector itself says keeps lines from arriving, such as a log that is not there."""
    told = _decode(sign.row.detail).get("problems")
    return [str(problem) for problem in told] if isinstance(told, list) else []


def _pipeline_problems(seen: Look) -> Iterable[str]:
    patience = MINUTE + seen.lateness + SLOW_CLOSE * max(1.0, seen.scale)
    read = [position for position in seen.partitions if position.watermark]
    if read and not seen.shards and seen.now - min(position.watermark for position in read) > patience:
        yield "lines are counted and no minute was ever closed: look at the worker's log"
    for shard, closed in seen.shards.items():
        delay = seen.now - closed.second
        if delay > patience:
            yield f"minutes are closed late: shard {shard} is at {moment(closed.second)}, {_ago(delay)} behind"
    if seen.rulebook_source is not None and seen.rulebook_source.error:
        yield f"the rulebook was refused: {seen.rulebook_source.error}"
    waits = seen.now - seen.oldest_due if seen.oldest_due is not None else 0.0
    if waits > OVERDUE * max(1.0, seen.scale):
        yield f"a message waits since {_ago(waits)}: see /api/v1/notifications?state=pending"
    dead = sum(n for (_, state), n in seen.outbox.items() if state == Delivery.DEAD)
    if dead:
        yield f"{dead} message{'s' if dead > 1 else ''} could not be delivered: see /api/v1/notifications?state=dead"
    for found in seen.self_incidents:
        if found.ended_at is None:
            yield f"{found.kind} since {moment(found.started_at)}: {found.detail}"


def _ago(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} h"


def status_document(seen: Look) -> dict[str, object]:
    """All of it as JSON: GET /api/v1/status and `tocsin status --json`."""
    wrong = problems(seen)
    read = sum(position.lines for position in seen.partitions)
    malformed = sum(position.malformed for position in seen.partitions)
    source = seen.rulebook_source
    return {
        "now": moment(seen.now),
        "version": product_version(),
        "ok": not wrong,
        "problems": wrong,
        "processes": [_process(sign) for sign in seen.signs if sign.age <= FORGOTTEN_AFTER],
        "partitions": [_partition(position, seen.now) for position in seen.partitions],
        "lines": {
            "read": read,
            "parsed": read - malformed,
            "malformed": malformed,
            "late": sum(position.late for position in seen.partitions),
            "quarantined": sum(position.quarantined for position in seen.partitions),
        },
        "malformed": [{"reason": reason, "lines": n} for reason, n in by_reason(seen.malformed)],
        "shards": [_shard(shard, closed, seen.now) for shard, closed in seen.shards.items()],
        "rulebook": {
            "version": seen.rulebook_version,
            "source": source.source if source else "built-in",
            "checked_at": moment(source.checked_at) if source else None,
            "error": (source.error or None) if source else None,
        },
        "outbox": {
            **{str(state): _in_state(seen, state) for state in _SHOWN},
            "oldest_due_at": moment_or_none(seen.oldest_due),
        },
        "open_incidents": {
            str(severity): sum(n for _, of, n in seen.open_incidents if of == severity) for severity in Severity
        },
        "self_incidents": [own_document(found) for found in seen.self_incidents],
    }


_SHOWN = (Delivery.PENDING, Delivery.SENDING, Delivery.SENT, Delivery.DEAD)


def _in_state(seen: Look, state: Delivery) -> int:
    return sum(n for (_, of), n in seen.outbox.items() if of == state)


def by_reason(rows: Sequence[Malformed]) -> list[tuple[str, int]]:
    """Malformed lines by reason over all partitions, the most frequent first."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.reason] = found.get(row.reason, 0) + row.lines
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _process(sign: Sign) -> dict[str, object]:
    row = sign.row
    return {
        "role": row.role,
        "instance": row.instance,
        "pid": row.pid,
        "host": row.host,
        "alive": sign.alive,
        "started_at": moment(row.started_at),
        "beat_at": moment(row.beat_at),
        "progress": row.progress,
        "progress_at": moment(row.progress_at),
        "detail": _decode(row.detail),
    }


def _partition(position: Position, now: float) -> dict[str, object]:
    return {
        "source": masked_url(position.source),
        "partition": masked_url(position.partition),
        "format": position.format,
        "watermark": moment(position.watermark) if position.watermark else None,
        "watermark_age_seconds": round(max(0.0, now - position.watermark), 3) if position.watermark else None,
        "lag_seconds": lag_of(position, now),
        "backlog": position.backlog,
        "unit": position.unit,
        "lines": position.lines,
        "malformed": position.malformed,
        "late": position.late,
        "quarantined": position.quarantined,
        "updated_at": moment(position.updated_at) if position.updated_at else None,
    }


def lag_of(position: Position, now: float) -> float | None:
    """Seconds of event time that were not read yet; None when nothing is known. Read to its end counts as now."""
    latest = max(position.watermark, position.caught_up_at)
    return round(max(0.0, now - latest), 3) if latest else None


def _shard(shard: int, closed: ClosedThrough, now: float) -> dict[str, object]:
    return {
        "shard": shard,
        "closed_through": moment(closed.second),
        "closed_at": moment(closed.at),
        "delay_seconds": round(max(0.0, now - closed.second), 3),
        "minutes": closed.minutes,
    }


def own_document(found: SelfIncident) -> dict[str, object]:
    """An incident of Tocsin's own as it can be shown."""
    shown = {"source": masked_url(found.source), "partition": masked_url(found.partition)}
    return self_document(found) | shown


def masked_url(url: str) -> str:
    """A URL that can be shown: without its password, and without what looks like a secret in its query."""
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1***@", url))
