"""What nginx's variables look like in a log line, where that is narrower than "anything"."""

from __future__ import annotations

from typing import NamedTuple

from incidents.domain.access_log.names import Field

TIME_LOCAL = r"\d\d/\w{3}/[\d:]{13} [+-]\d{4}"
"""Loose where the reading of it is strict: steps of a pattern cost, and a wrong one is better told as bad-time."""
TIME_ISO8601 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z)"
MSEC = r"\d{9,11}\.\d{3}"


class Shape(NamedTuple):
    """How a variable is written.

    pattern: a regular expression for one value. fixed: the pattern alone says where the value ends, so that another
    variable may follow at once. listed: several values, joined with ", " and " : ". bounded: it cannot be long.
    """

    pattern: str
    fixed: bool = False
    listed: bool = False
    bounded: bool = True


# Of the two ways at most one can begin at any place: nothing is ever tried twice.
_SECONDS = r"(?:\d{1,10}+(?:\.\d{1,9}+)?+|-)"
_COUNT = r"(?:\d{1,20}+|-)"
_TIMES = Shape(_SECONDS, listed=True)
_SIZES = Shape(_COUNT, listed=True)

# nginx writes "-" for what it does not know; the patterns leave out that with escape=json or none it writes nothing.
SHAPES: dict[str, Shape] = {
    "msec": Shape(MSEC, fixed=True),
    "time_iso8601": Shape(TIME_ISO8601, fixed=True),
    "time_local": Shape(TIME_LOCAL, fixed=True),
    "status": Shape(r"\d{3}", fixed=True),
    "pipe": Shape(r"[p.]", fixed=True),
    "request_time": Shape(_SECONDS),
    "body_bytes_sent": Shape(_COUNT),
    "bytes_sent": Shape(_COUNT),
    "request_length": Shape(_COUNT),
    "content_length": Shape(_COUNT),
    "connection": Shape(_COUNT),
    "connection_requests": Shape(_COUNT),
    "remote_port": Shape(_COUNT),
    "server_port": Shape(_COUNT),
    "upstream_addr": Shape(r"[^\s,\"]{1,255}+", listed=True),
    "upstream_status": Shape(r"(?:\d{1,3}+|-)", listed=True),
    "upstream_response_time": _TIMES,
    "upstream_connect_time": _TIMES,
    "upstream_header_time": _TIMES,
    "upstream_queue_time": _TIMES,
    "upstream_response_length": _SIZES,
    "upstream_bytes_received": _SIZES,
    "upstream_bytes_sent": _SIZES,
}

# The best first: msec has milliseconds. $server_name is the name of the configured server, $host what a client typed.
SOURCES: dict[Field, tuple[str, ...]] = {
    "time": ("msec", "time_iso8601", "time_local"),
    "status": ("status",),
    "request_time": ("request_time",),
    "service": (),
    "host": ("server_name", "host", "http_host"),
    "upstream_addr": ("upstream_addr",),
    "upstream_status": ("upstream_status",),
    "upstream_response_time": ("upstream_response_time",),
    "request_id": ("request_id", "http_x_request_id"),
}

BUILT_IN_PREFIXES = (
    "arg_", "body_", "bytes_", "connection", "content_", "cookie_", "document_", "geoip", "http_", "https", "limit_",
    "nginx_", "proxy_", "query_", "realpath_", "remote_", "request", "scheme", "sent_", "server_", "ssl_", "tcpinfo_",
    "uri", "upstream_",
)  # fmt: skip
"""Variables whose meaning nginx fixes: a label before them in the log says nothing more."""
