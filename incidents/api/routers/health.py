"""Probes: whether the process lives, and whether it can do its work. They need no token, and tell strangers little."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from incidents.api import schemas
from incidents.api.auth import caller_of
from incidents.api.house import House, answer
from incidents.api.problem import NOT_READY, Problem
from incidents.bootstrap import App
from incidents.domain.errors import StoreError
from incidents.migrations import head, revision
from incidents.status import DEAD_AFTER
from incidents.store import processes
from incidents.tables import Heartbeat

router = APIRouter(tags=["health"])


class Check(NamedTuple):
    """One condition of readiness, and what was found."""

    name: str
    ok: bool
    detail: str


@router.get("/livez", operation_id="livez", response_model=schemas.Alive, summary="Whether the process lives")
def livez(request: Request) -> Response:
    """Looks at nothing but itself: a database or a queue that is down is no reason to restart this process."""
    return answer(request, {"alive": True})


@router.get("/readyz", operation_id="readyz", response_model=schemas.Ready, summary="Whether everything works")
def readyz(
    request: Request,
    house: House,
    verbose: Annotated[str | None, Query(max_length=5, description="Lists the checks; `?verbose` will do.")] = None,
) -> Response:
    """503 when the database, its schema, the collector or the worker is not as it should be."""
    checks = list(_checks(house))
    shown = _shown(checks, _may_read(request, house)) if verbose not in (None, "0", "false") else None
    failed = [check.name for check in checks if not check.ok]
    if failed:
        extra = {"checks": shown} if shown is not None else {}
        raise Problem(503, f"not ready: {', '.join(failed)}", kind=NOT_READY, extra=extra)
    return answer(request, {"ready": True, "checks": shown})


@router.get("/healthz", operation_id="healthz", response_model=schemas.Ready, summary="The same as /readyz")
def healthz(
    request: Request,
    house: House,
    verbose: Annotated[str | None, Query(max_length=5, description="Lists the checks; `?verbose` will do.")] = None,
) -> Response:
    """For tools that know this name."""
    return readyz(request, house, verbose)


def _checks(house: App) -> Iterable[Check]:
    try:
        with house.store.read() as tx:
            found = revision(tx)
            beats = processes.heartbeats(tx)
    except StoreError as error:
        yield Check("database", False, str(error))
        return
    yield Check("database", True, "answers")
    if not house.store.in_memory:
        detail = f"at {found}" if found == head() else f"at {found}, not {head()}: run `tocsin db upgrade`"
        yield Check("migration", found == head(), detail)
    scale = house.settings.clock.scale
    for name, role in (("source", "collector"), ("worker", "worker")):
        yield _alive(name, [beat for beat in beats if beat.role == role], lambda at: (house.now() - at) / scale)


def _alive(name: str, beats: list[Heartbeat], age_of: Callable[[float], float]) -> Check:
    if not beats:
        return Check(name, False, "no process of this role ever ran")
    youngest = min(age_of(beat.beat_at) for beat in beats)
    return Check(name, youngest <= DEAD_AFTER, f"last sign of life {max(0.0, youngest):.0f} s ago")


def _shown(checks: list[Check], may_read: bool) -> list[dict[str, object]]:
    return [{"name": check.name, "ok": check.ok, "detail": check.detail if may_read else None} for check in checks]


def _may_read(request: Request, house: App) -> bool:
    nobody: HTTPAuthorizationCredentials | None = None
    try:
        return "read" in caller_of(request, house, nobody).scopes
    except Problem:
        return False
