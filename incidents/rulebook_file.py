"""The verb that picks the rulebook up: a watched file becomes a numbered version in the database.

Every process reads versions from the database, so all judge by the same one. A bad file changes nothing and is told.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import structlog

from incidents.channels import open_channel
from incidents.configcentre import load
from incidents.domain.errors import BadInput, BadRulebook
from incidents.store import Store, rulebooks

_KEPT = "; the rules in force stay"

log = structlog.get_logger()


def refresh(store: Store, path: Path, now: float) -> int | None:
    """Looks at the file; the number of the new version when there is one, else None."""
    source = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        _refused(store, source, "", f"{source}: {error.strerror}{_KEPT}", now)
        return None
    digest = hashlib.sha256(raw).hexdigest()
    with store.read() as tx:
        latest = rulebooks.latest(tx)
        known = next((looked for looked in rulebooks.sources(tx) if looked.source == source), None)
    if known is not None and known.digest == digest and (known.error or (latest and latest.digest == digest)):
        with store.write() as tx:
            rulebooks.looked(tx, source, digest, known.error, now)
        return None
    try:
        load(raw, source, 1, opens=open_channel)
    except BadRulebook as error:
        _refused(store, source, digest, f"{error}{_KEPT}", now)
        return None
    with store.write() as tx:
        rulebooks.looked(tx, source, digest, "", now)
        latest = rulebooks.latest(tx)
        if latest is not None and latest.digest == digest:
            return None  # another process was quicker
        number = rulebooks.add(tx, raw.decode(), digest, source, "file", "the file changed", now)
    log.info("rulebook applied", version=number, source=source)
    return number


def refresh_at_start(store: Store, path: Path, now: float) -> None:
    """Before a role begins: the file's rules are in force from the first minute on.

    A bad file beside an older good version is told and changes nothing; without one there is nothing to fall back to
    that anybody chose, so this raises BadInput.
    """
    refresh(store, path, now)
    with store.read() as tx:
        if rulebooks.latest(tx) is not None:
            return
        error = next((looked.error for looked in rulebooks.sources(tx) if looked.source == str(path)), "")
    raise BadInput(error.removesuffix(_KEPT))


def _refused(store: Store, source: str, digest: str, error: str, now: float) -> None:
    with store.write() as tx:
        rulebooks.looked(tx, source, digest, error, now)
    log.error("rulebook refused", error=error)
