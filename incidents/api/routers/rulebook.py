"""The rulebook, to read: the version in force and all before it. Secrets are masked."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from incidents.api import schemas
from incidents.api.house import House, answer
from incidents.api.paging import Cursor, Limit, Page, answer_page, cut, decode
from incidents.api.problem import not_found
from incidents.bootstrap import App
from incidents.configcentre import dump
from incidents.configcentre.dumping import as_values
from incidents.documents import moment
from incidents.domain.errors import BadRulebook
from incidents.store import rulebooks
from incidents.tables import RulebookVersion

router = APIRouter(prefix="/rulebook", tags=["rulebook"])

MOST = 2**31 - 1
"""The largest number that a version can have; beyond, drivers raise what is no answer."""

_key = msgspec.json.Decoder(tuple[Annotated[int, msgspec.Meta(ge=0, le=MOST)]]).decode

_BUILT_IN: dict[str, object] = {
    "version": 0,
    "source": "built-in",
    "author": "tocsin",
    "reason": "",
    "at": None,
    "digest": "",
}


@router.get(
    "",
    operation_id="get_rulebook",
    response_model=schemas.Rulebook,
    summary="The rulebook in force",
)
def get_rulebook(request: Request, house: House) -> Response:
    """Nothing is left to defaults: this is what incidents are judged by now."""
    with house.store.read() as tx:
        found = rulebooks.latest(tx)
    return answer(request, _document(house, found))


@router.get(
    "/versions",
    operation_id="list_rulebook_versions",
    response_model=schemas.RulebookPage,
    summary="List versions, the newest first",
)
def list_versions(request: Request, house: House, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The built-in version, number 0, is not listed."""
    before = decode(cursor, _key) or (MOST,)
    with house.store.read() as tx:
        found = rulebooks.history(tx, limit + 1, before[0])
    kept, key = cut(found, limit, lambda row: (row.version,))
    return answer_page(request, Page([_brief(row) for row in kept], key))


@router.get(
    "/versions/{version}",
    operation_id="get_rulebook_version",
    response_model=schemas.Rulebook,
    summary="One version",
)
def get_version(
    request: Request,
    house: House,
    version: Annotated[int, Path(ge=0, le=MOST, description="Its number.", examples=[1])],
) -> Response:
    """Versions never change. 0 is the built-in one."""
    if version == 0:
        return answer(request, _document(house, None))
    with house.store.read() as tx:
        found = rulebooks.get(tx, version)
    if found is None:
        raise not_found(f"version {version} of the rulebook")
    return answer(request, _document(house, found))


def _brief(row: RulebookVersion) -> dict[str, object]:
    return {
        "version": row.version,
        "source": row.source,
        "author": row.author,
        "reason": row.reason,
        "at": moment(row.at),
        "digest": row.digest,
    }


def _document(house: App, row: RulebookVersion | None) -> dict[str, object]:
    """The stored text itself is never shown: secrets may stand in it."""
    brief = _brief(row) if row is not None else _BUILT_IN
    try:
        rulebook = house.past_rulebook(row.version or 0 if row is not None else 0)
    except BadRulebook as error:
        return brief | {"text": None, "document": None, "problem": str(error)}
    return brief | {"text": dump(rulebook), "document": as_values(rulebook), "problem": None}
