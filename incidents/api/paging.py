"""Pages by cursor: a cursor is the key of the last row seen, so that rows added meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Query, Request, Response

from incidents.api.house import answer
from incidents.api.problem import invalid

Row = TypeVar("Row")
Key = TypeVar("Key")

Limit = Annotated[int, Query(ge=1, le=200, description="The most items on one page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="`next_cursor` of the page before; without it, the first page."),
]


Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A number in a cursor: a driver raises what is no answer for one that its database cannot hold."""


class Page(NamedTuple):
    """One page's items as documents, and the key that the next one goes on from (None on the last)."""

    items: list[dict[str, object]]
    next_key: tuple[Any, ...] | None


def decode(cursor: str | None, shape: Callable[[bytes], Key]) -> Key | None:
    """The key in a cursor, None for none. `shape` decodes its JSON and raises msgspec.DecodeError when it is no key.

    A cursor is not signed: it can only name a place in what its holder may read anyway.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return shape(raw)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise invalid("cursor", "not a cursor of this list; start again without one") from None


def encode(key: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).decode().rstrip("=")


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[Any, ...]]) -> tuple[Sequence[Row], Any]:
    """The page out of `limit` + 1 rows, and the key to go on from: None when the row too many was not there."""
    return (rows, None) if len(rows) <= limit else (rows[:limit], key(rows[limit - 1]))


def answer_page(request: Request, page: Page, more: Mapping[str, object] | None = None) -> Response:
    """The page as JSON, with the next one's address in a Link header (RFC 8288)."""
    cursor = encode(page.next_key) if page.next_key is not None else None
    headers = {"Link": f'<{_next(request, cursor)}>; rel="next"'} if cursor else {}
    return answer(request, {"items": page.items, "next_cursor": cursor, **(more or {})}, headers)


def _next(request: Request, cursor: str) -> str:
    """The same request with another cursor. Without scheme and host: behind a proxy only it knows those."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{quote(request.scope['path'])}?{urlencode([*kept, ('cursor', cursor)])}"
