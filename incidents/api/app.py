"""The HTTP application: what is taken in, in order."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from incidents.api import docs_page, problem
from incidents.api.auth import may_read
from incidents.api.guard import Guard
from incidents.api.metrics import registry_of
from incidents.api.openapi import DESCRIPTION, ERRORS, NOT_FOUND, NOT_READY, OPEN_ERRORS, TITLE, VERSION, document_of
from incidents.api.parameters import only_known
from incidents.api.routers import (
    health,
    incident_parts,
    incidents,
    metrics,
    minutes,
    notifications,
    rulebook,
    services,
    status,
)
from incidents.bootstrap import App

PREFIX = "/api/v1"

NOUNS: tuple[APIRouter, ...] = (
    incidents.router,
    incident_parts.router,
    services.router,
    minutes.router,
    services.last_router,
    notifications.router,
    rulebook.router,
    status.router,
)
"""In order: a service's name may hold a slash, so the address of one service comes after those below it."""


def create_app(house: App) -> FastAPI:
    """The application of one installation. It keeps nothing between requests but what `house` keeps."""
    api = FastAPI(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        # Swagger UI and ReDoc fetch their scripts from a CDN, which a gateway's machine seldom reaches: see docs_page.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host header, which the client chooses.
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    api.state.house = house
    api.state.registry = registry_of(house)
    problem.install(api)
    api.add_middleware(Guard, root_path=house.settings.root_path)

    history = APIRouter(prefix=PREFIX, dependencies=[Depends(may_read), Depends(only_known)], responses=ERRORS)
    for router in NOUNS:
        history.include_router(router, responses=NOT_FOUND)
    api.include_router(history)
    api.include_router(health.router, responses=OPEN_ERRORS | NOT_READY)
    api.include_router(metrics.router, dependencies=[Depends(may_read)], responses=ERRORS)
    _add_docs(api)
    return api


def _add_docs(api: FastAPI) -> None:
    """The description of the API: it holds nothing of the installation, so anyone may read it."""

    @api.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return JSONResponse(document_of(api) | ({"servers": [{"url": root}]} if root else {}))

    @api.get("/docs", include_in_schema=False)
    def docs(request: Request) -> Response:
        page = docs_page.page(document_of(api), request.scope.get("root_path", ""))
        return HTMLResponse(page, headers={"Content-Security-Policy": docs_page.CSP})
