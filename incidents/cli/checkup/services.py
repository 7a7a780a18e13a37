"""What Tocsin leans on and listens on: the database, the task broker, the API's port."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

from incidents.cli.checkup import Finding, failed, note, ok
from incidents.cli.checkup.machine import may_write, nearest_folder
from incidents.cli.store import exists, sqlite_file
from incidents.domain.errors import TocsinError
from incidents.settings import Settings
from incidents.status import masked_url

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PATIENCE = 2.0
"""Seconds to wait for an answer."""

_CLOCKS_APART = 5.0


def database(settings: Settings) -> list[Finding]:
    from incidents.migrations import head, revision
    from incidents.store import Store

    shown = masked_url(settings.database_url)
    file = sqlite_file(settings.database_url)
    if file is not None and not exists(settings.database_url):
        folder = nearest_folder(file)
        if not may_write(folder):
            return [failed("database", f"{folder} may not be written", "check its owner, or set TOCSIN_DATABASE_URL")]
        return [note("database", f"{file} is not there yet", "`tocsin up` makes it, so does `tocsin db upgrade`")]
    try:
        store = Store(settings.database_url)
        with store.read() as tx:
            found = revision(tx)
            theirs = _their_clock(tx)
        store.close()
    except TocsinError as error:
        return [failed("database", str(error), "is TOCSIN_DATABASE_URL right, and the server up?")]
    if found != head():
        return [failed("database", f"{shown}: schema {found or 'empty'}, needs {head()}", "run `tocsin db upgrade`")]
    findings = [ok("database", f"{shown}: schema {found}")]
    if theirs is not None and abs(theirs - time.time()) > _CLOCKS_APART:
        detail = f"the database's clock is {abs(theirs - time.time()):.0f} s off this machine's"
        findings.append(failed("clock", detail, "set the clocks of both machines (NTP)"))
    return findings


def _their_clock(tx: Connection) -> float | None:
    """A server's clock in seconds since the epoch; None for a file, which has none of its own."""
    from sqlalchemy import text

    if tx.dialect.name == "sqlite":
        return None
    return float(tx.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def broker(settings: Settings) -> list[Finding]:
    url = settings.broker_url
    shown = masked_url(url)
    if url.startswith("memory:"):
        return [ok("broker", f"{shown}: inside the worker, one machine only")]
    if not url.startswith(("redis:", "rediss:")):
        return [note("broker", f"{shown}: not looked at, only redis:// and memory:// are known here")]
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        client = Redis.from_url(url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE)
        client.ping()
        client.close()
    except (RedisError, OSError, ValueError) as error:
        return [failed("broker", f"{shown}: {error}", "is the Redis server up, and TOCSIN_BROKER_URL right?")]
    return [ok("broker", f"{shown}: answers")]


def port(settings: Settings) -> list[Finding]:
    """Free, or ours."""
    host, number = settings.api.host, settings.api.port
    if number == 0:
        return [ok("port", "any free one")]
    shown = f"{host}:{number}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: a port whose last connection is only just closed is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        return [failed("port", f"{shown}: not for this user", "set TOCSIN_API__PORT to a port from 1024 on")]
    except OSError as error:
        if _is_ours(host, number):
            return [ok("port", f"{shown}: Tocsin answers there")]
        return [failed("port", f"{shown}: {error.strerror}", "stop what uses it, or set TOCSIN_API__PORT, or --port")]
    return [ok("port", f"{shown}: free")]


def _is_ours(host: str, number: int) -> bool:
    asked = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    try:
        with urlopen(f"http://{asked}:{number}/openapi.json", timeout=_PATIENCE) as answer:
            return b'"Tocsin' in answer.read(20_000)
    except (OSError, ValueError):  # refused, too slow, or no HTTP at all: somebody else
        return False
