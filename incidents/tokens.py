"""The verb of bearer tokens: make, recognise, revoke."""

from __future__ import annotations

import getpass
import hashlib
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from incidents.domain.errors import BadInput, StoreError
from incidents.store import Store, audit, tokens
from incidents.store.tokens import Token

PREFIX = "tocsin_"
"""Every secret begins so: scanners of repositories and logs can find a leaked one."""

SCOPES = ("read", "write")
"""`write` can do all that `read` can."""

USED_EVERY = 60.0
"""Seconds within which a second use of a token is not noted."""

NAME_LIMIT = 100


class Made(NamedTuple):
    """A new token. The secret is shown once and is nowhere afterwards."""

    token: Token
    secret: str


def create(store: Store, name: str, scopes: Sequence[str], now: float, actor: str | None = None) -> Made:
    """Makes a token with these scopes. Raises BadInput for a name or scope that cannot be."""
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"a token needs a name of 1 to {NAME_LIMIT} printable characters: whose it is, what it is for")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise BadInput(f"a token's scopes are {' and '.join(SCOPES)}, not {', '.join(unknown) or 'none at all'}")
    given = SCOPES if "write" in scopes else ("read",)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(secrets.token_hex(4), name, " ".join(given), now, None, None)
    with store.write() as tx:
        tokens.add(tx, token, digest(secret))
        audit.note(tx, now, actor or _person(), "token.create", token.id, {"name": name, "scopes": token.scopes})
    return Made(token, secret)


def revoke(store: Store, token_id: str, now: float, actor: str | None = None) -> bool:
    """Ends a token at once; False when there is none of this id in force."""
    with store.write() as tx:
        if not tokens.revoke(tx, token_id, now):
            return False
        audit.note(tx, now, actor or _person(), "token.revoke", token_id, {})
    return True


def listed(store: Store) -> list[Token]:
    """All tokens, revoked ones too, the oldest first."""
    with store.read() as tx:
        return tokens.every(tx)


def recognise(store: Store, secret: str, now: float) -> Token | None:
    """The token of a secret, None when there is none in force; notes the use at most once a minute."""
    # A plain hash will do where a password would need a slow one: the secret has 256 random bits. Looking it up by hash
    # leaves no comparison whose time could tell anything about a secret.
    with store.read() as tx:
        token = tokens.by_hash(tx, digest(secret))
    if token is None or token.revoked_at is not None:
        return None
    if token.last_used_at is None or now - token.last_used_at >= USED_EVERY:
        try:
            with store.write() as tx:
                tokens.used(tx, token.id, now, now - USED_EVERY)
        except StoreError:
            pass  # a full disk must not keep people from reading what happened
    return token


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _person() -> str:
    """Who sits at the command line. A container may have no name for its user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
