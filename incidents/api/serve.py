"""Runs the API with uvicorn on the configured address, until SIGTERM or SIGINT."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog
import uvicorn

from incidents.api.app import create_app
from incidents.api.auth import is_loopback
from incidents.bootstrap import App
from incidents.domain.errors import BadSetting
from incidents.store import tokens

STOP_SECONDS = 5
"""Seconds that requests under way are given when told to stop."""

BACKLOG = 128

log = structlog.get_logger()


def serve(app: App, ready: Callable[[str], None] | None = None) -> None:
    """Serves until told to stop. `ready` is given the address once it listens. Raises BadSetting with one line."""
    api = app.settings.api
    listener = listen(app, api.host, api.port)
    address = address_of(listener)
    # uvicorn says four lines at start and two at the end; ours says the one that matters, with the free port taken.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = _Server(config_of(app))
    log.info("the API listens", address=address, port_set=api.port)
    if ready is not None:
        ready(address)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


def config_of(app: App) -> uvicorn.Config:
    """How uvicorn is run."""
    return uvicorn.Config(
        create_app(app),
        # The peer's address decides who may ask without a token: no header may change it.
        proxy_headers=False,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="off",
        ws="none",
        http="h11",
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def listen(app: App, host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any free one. Raises BadSetting."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise BadSetting(f"there is no address {host}: set TOCSIN_API__HOST to one of this machine") from None
    if not is_loopback(str(address[0])):
        _require_token(app, host)
    listener = socket.socket(family, kind, protocol)
    try:
        # Without it a restart within a minute finds the port taken by connections that are long closed.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BadSetting(_cannot_listen(host, port, error)) from None
    return listener


def _require_token(app: App, host: str) -> None:
    with app.store.read() as tx:
        if not tokens.any_in_force(tx):
            raise BadSetting(
                f"the API is not opened to {host} while there is no token: make one with `tocsin tokens create NAME`, "
                "or set TOCSIN_API__HOST=127.0.0.1"
            )


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use on {host}: another Tocsin? Set TOCSIN_API__PORT to a free one, or to 0 for any"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be used: ports below 1024 are root's; set TOCSIN_API__PORT=8600"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: set TOCSIN_API__HOST to one that is"
    return f"cannot listen on {host}, port {port}: {error.strerror}"


def address_of(listener: socket.socket) -> str:
    """The URL that this socket is reached at."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    return f"http://{shown}:{port}"


class _Server(uvicorn.Server):
    """Ends by returning."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn sends itself the signal again once it has stopped, which would end the process on the spot."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()
