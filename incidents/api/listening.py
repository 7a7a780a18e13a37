"""The socket that the API listens on; apart from the API, so that `tocsin up` can look at it without loading it."""

from __future__ import annotations

import errno
import ipaddress
import socket

from incidents.bootstrap import App
from incidents.domain.errors import BadSetting
from incidents.store import tokens

BACKLOG = 128


def is_loopback(address: str) -> bool:
    """Whether this address is one of the machine itself; False for a name."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


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
