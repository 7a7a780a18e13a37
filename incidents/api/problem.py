"""Errors as RFC 9457 `application/problem+json`: every one of them, whoever raised it.

`type` is `about:blank` where the status says all there is to say, and a URN where a client can do something about it.
`errors` names each wrong parameter and where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from incidents.domain.errors import TocsinError

MEDIA_TYPE = "application/problem+json"
BLANK = "about:blank"
INVALID = "urn:tocsin:problem:invalid-parameter"
AUTH_NEEDED = "urn:tocsin:problem:token-needed"
AUTH_REFUSED = "urn:tocsin:problem:token-refused"
SCOPE_MISSING = "urn:tocsin:problem:scope-missing"
WRONG_HOST = "urn:tocsin:problem:wrong-host"
UNAVAILABLE = "urn:tocsin:problem:unavailable"
NOT_READY = "urn:tocsin:problem:not-ready"

log = structlog.get_logger()


class Wrong(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request: `where` is path, query, header or body."""

    where: str
    name: str
    detail: str


class Problem(Exception):
    """What an endpoint raises to answer with an error. `extra` are further members of the document."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = BLANK,
        wrong: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.kind = kind
        self.wrong = wrong
        self.headers = headers
        self.extra = extra
        super().__init__(detail)


def not_found(what: str) -> Problem:
    """404 that names what is not there."""
    return Problem(404, f"there is no {what}")


def invalid(name: str, detail: str, where: str = "query") -> Problem:
    """422 for one parameter."""
    return Problem(422, f"{name}: {detail}", kind=INVALID, wrong=[Wrong(where, name, detail)])


def document_of(problem: Problem, path: str) -> dict[str, object]:
    """The problem as RFC 9457 has it."""
    document: dict[str, object] = {
        "type": problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
    }
    if problem.wrong:
        document["errors"] = [{"in": each.where, "name": each.name, "detail": each.detail} for each in problem.wrong]
    return document | dict(problem.extra or {})


def response_of(problem: Problem, path: str) -> Response:
    return Response(
        msgspec.json.encode(document_of(problem, path)),
        status_code=problem.status,
        headers={"Cache-Control": "no-store", **(problem.headers or {})},
        media_type=MEDIA_TYPE,
    )


def install(api: FastAPI) -> None:
    """Makes every error of this application a problem document."""

    @api.exception_handler(Problem)
    def _raised(request: Request, problem: Problem) -> Response:
        return response_of(problem, request.url.path)

    @api.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        detail = error.detail if error.detail and error.detail != phrase else _DETAILS.get(error.status_code, phrase)
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"  # the guard around the application answers HEAD wherever GET is
        return response_of(Problem(error.status_code, detail, headers=headers), request.url.path)

    @api.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = [_wrong(found) for found in error.errors()]
        detail = "; ".join(f"{each.name}: {each.detail}" for each in wrong)
        return response_of(Problem(422, detail, kind=INVALID, wrong=wrong), request.url.path)

    @api.exception_handler(TocsinError)
    def _known(request: Request, error: TocsinError) -> Response:
        # These errors are written for people, one line with the remedy; only a caller that was let in gets here.
        log.warning("request failed", path=request.url.path, error=str(error))
        problem = Problem(503, str(error), kind=UNAVAILABLE, headers={"Retry-After": "10"})
        return response_of(problem, request.url.path)

    @api.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> Response:
        # The traceback goes to the log (the server writes it), never to the client.
        return response_of(Problem(500, _DETAILS[500]), request.url.path)


_DETAILS = {
    404: "there is nothing at this address; /docs lists what there is",
    405: "this address does not take this method; the Allow header names those it takes",
    500: "a bug in Tocsin, not in the request: its log has the traceback",
}


def _wrong(found: Mapping[str, Any]) -> Wrong:
    where, *names = (str(part) for part in found["loc"])
    return Wrong(where, ".".join(names), str(found["msg"]).removeprefix("Value error, "))
