"""Parameters that several endpoints take, and the refusal of those that none takes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from incidents.api.problem import INVALID, Problem, Wrong, invalid
from incidents.documents import moment, second_of
from incidents.domain.minute import MINUTE

NAME_LIMIT = 500

_EXAMPLE = "2026-11-23T02:51:00Z"


def _second(given: object) -> object:
    """RFC 3339 to seconds. A `+` that nobody escaped arrives as a space: there can be no other where it stands."""
    if not isinstance(given, str):
        return given
    text = given[:-6] + "+" + given[-5:] if given[-6:-5] == " " and given.count(":") == 3 else given
    try:
        return second_of(text)
    except ValueError:
        raise ValueError(f"expected a time such as {_EXAMPLE} or 2026-11-23T10:51:00+08:00") from None


def _clean(given: str) -> str:
    """PostgreSQL has no NUL in texts, and SQLite stops reading at one."""
    if "\x00" in given:
        raise ValueError("may not contain NUL")
    return given


Moment = Annotated[
    int, BeforeValidator(_second), WithJsonSchema({"type": "string", "format": "date-time", "examples": [_EXAMPLE]})
]
Text = Annotated[str, AfterValidator(_clean), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})]

From = Annotated[Moment | None, Query(alias="from", description="Not before this time (RFC 3339).")]
To = Annotated[Moment | None, Query(alias="to", description="Before this time (RFC 3339).")]
IncidentId = Annotated[
    str, Path(pattern="^[0-9a-f]{16}$", description="The incident's id.", examples=["9f0c1d2e3a4b5c6d"])
]
ServiceName = Annotated[Text, Path(min_length=1, max_length=NAME_LIMIT, description="The service.", examples=["order"])]
NodeName = Annotated[
    Text, Path(min_length=1, max_length=NAME_LIMIT, description="The node.", examples=["127.11.1.2:9002"])
]


def span(start: int | None, end: int | None, latest: int, usual: int, longest: int) -> tuple[int, int]:
    """Whole minutes [start, end) that a request means; raises Problem 422.

    latest: where a span without `to` ends. usual: its length without `from`. longest: what may be asked at once. All in
    seconds.
    """
    found_end = -(-(end if end is not None else latest) // MINUTE) * MINUTE
    found_start = (start if start is not None else found_end - usual) // MINUTE * MINUTE
    check_order(found_start if start is None else start, found_end if end is None else end)
    if found_end - found_start > longest:
        raise invalid("from", f"at most {longest // 3600} hours at once; `to` would be {moment(found_end)}")
    return max(found_start, 0), max(found_end, 0)


def check_order(start: int | None, end: int | None) -> None:
    """Raises Problem 422 when `from` lies after `to`."""
    if start is not None and end is not None and start > end:
        raise invalid("from", f"{moment(start)} is after `to`, {moment(end)}")


def only_known(request: Request) -> None:
    """Refuses parameters that the endpoint does not take: a misspelt filter would give everything, and look right."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _query_names(route)
    wrong = [
        Wrong("query", name[:100], f"not a parameter here; there are {', '.join(sorted(known)) or 'none'}")
        for name in dict.fromkeys(request.query_params)
        if name not in known
    ]
    if wrong:
        raise Problem(422, "; ".join(f"{each.name}: {each.detail}" for each in wrong), kind=INVALID, wrong=wrong)


def _query_names(route: APIRoute) -> set[str]:
    return {field.alias for field in route.dependant.query_params}
