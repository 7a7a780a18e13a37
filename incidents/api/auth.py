"""Who may ask: a bearer token, or, without one, a program on this very machine.

Without a token three things must hold, each against one way in. The peer's address is a loopback one. Nothing says that
a proxy on this machine passed the request on for somebody else. And the Host header names this machine, or a page on
the web could have its visitor's browser ask for it (DNS rebinding).
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from incidents import tokens
from incidents.api.house import House
from incidents.api.listening import is_loopback
from incidents.api.problem import AUTH_NEEDED, AUTH_REFUSED, SCOPE_MISSING, UNAVAILABLE, WRONG_HOST, Problem
from incidents.bootstrap import App
from incidents.domain.errors import StoreError

PROXY_HEADERS = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
)
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+)(?::\d{1,5})?", re.ASCII)

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="tocsin_...",
    description="A token made with `tocsin tokens create`. From the machine itself none is needed.",
)


class Caller(msgspec.Struct, frozen=True):
    """Who asks. `name` is the token's, or "local"."""

    name: str
    scopes: tuple[str, ...]


LOCAL = Caller("local", ("read",))
"""Without a token nothing can be changed: any program on a machine can reach a loopback address."""


def caller_of(
    request: Request, house: House, _: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
) -> Caller:
    """Whoever asks; raises Problem 401 or 403."""
    given = request.headers.get("authorization")
    if given is not None:
        return _of_token(house, given)
    if not (house.settings.api.local_without_token and is_local(request)):
        raise Problem(
            401,
            "a token is needed: make one with `tocsin tokens create` on the machine that Tocsin runs on, "
            "and send it as `Authorization: Bearer tocsin_...`",
            kind=AUTH_NEEDED,
            headers={"WWW-Authenticate": 'Bearer realm="tocsin"'},
        )
    host = request.headers.get("host", "")
    if not _is_ours(host, house):
        raise Problem(
            403,
            "without a token the Host header must be localhost, 127.0.0.1, [::1] or the host of TOCSIN_EXTERNAL_URL",
            kind=WRONG_HOST,
        )
    return LOCAL


def may_read(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
    """Lets in who may read."""
    if "read" not in caller.scopes:
        raise Problem(403, "this token has no scope `read`", kind=SCOPE_MISSING)
    return caller


def _of_token(house: App, given: str) -> Caller:
    scheme, _, secret = given.partition(" ")
    try:
        token = tokens.recognise(house.store, secret.strip(), house.now()) if scheme.lower() == "bearer" else None
    except StoreError:
        # Who asks is not known yet, so where the database is and what ails it is not for them.
        raise Problem(503, "tokens cannot be looked up: see `tocsin doctor`", kind=UNAVAILABLE) from None
    if token is None:
        raise Problem(
            401,
            "this token is unknown or was revoked; `tocsin tokens list` shows those in force",
            kind=AUTH_REFUSED,
            headers={"WWW-Authenticate": 'Bearer realm="tocsin", error="invalid_token"'},
        )
    return Caller(token.name, tuple(token.scopes.split()))


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks, and asks for itself."""
    if request.client is None or not is_loopback(request.client.host):
        return False
    # nginx's plain `proxy_pass` adds no header of its own, and has spoken HTTP/1.0 for most of its life.
    if request.scope.get("http_version") == "1.0":
        return False
    return not any(name in request.headers for name in PROXY_HEADERS)


def _is_ours(host: str, house: App) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found.group(1).lower()
    return name in LOCAL_NAMES or name.strip("[]") == urlsplit(house.settings.external_url).hostname
