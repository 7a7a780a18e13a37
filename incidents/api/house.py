"""What an endpoint is given: the App of this process, and answers as JSON with an ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response

from incidents.bootstrap import App


def house_of(request: Request) -> App:
    """The App that `create_app` was given."""
    house = request.app.state.house
    assert isinstance(house, App)  # noqa: S101  (told to the type checker)
    return house


House = Annotated[App, Depends(house_of)]


def answer(request: Request, document: object, headers: Mapping[str, str] | None = None) -> Response:
    """The document as JSON; 304 when the caller has it already.

    The tag is a hash of what would be sent: it cannot miss a change, late lines included, which a tag from a row's own
    version would. It spares the network and the caller's parsing, not the query.
    """
    body = msgspec.json.encode(document)
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    known = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=known)
    return Response(body, media_type="application/json", headers=known)


def _has(given: str, tag: str) -> bool:
    """RFC 9110 section 13.1.2: a list of tags, or `*`; the comparison is the weak one."""
    tags = {part.strip().removeprefix("W/") for part in given.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
