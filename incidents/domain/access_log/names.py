"""Which key holds which field: the names that people give to nginx's variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Field = Literal[
    "time",
    "status",
    "request_time",
    "service",
    "host",
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "request_id",
]

FIELDS: tuple[Field, ...] = get_args(Field)

# In order of preference. Case, "_", "-", ".", "@" and "$" do not count: requestTime, request-time and $request_time
# are the same name. nginx's own variables come first, wherever their meaning is exact.
ALIASES: dict[Field, tuple[str, ...]] = {
    "time": (
        "msec", "time_msec", "epoch", "unixtime", "time", "ts", "timestamp", "@timestamp", "time_iso8601", "iso8601",
        "datetime", "date_time", "date", "time_local", "local_time", "timelocal", "t", "@t",
    ),
    "status": ("status", "status_code", "http_status", "response_status", "response_code", "code", "st", "sc"),
    "request_time": (
        "request_time", "req_time", "rt", "request_duration", "duration", "response_time", "latency", "elapsed",
        "req_s",
    ),
    "service": (
        "service", "service_name", "svc", "app", "app_name", "application", "business", "backend_service", "project",
    ),
    "host": (
        "server_name", "vhost", "virtual_host", "host", "domain", "http_host", "request_host", "authority", "site",
    ),
    "upstream_addr": (
        "upstream_addr", "upstream_address", "upstream", "up_addr", "uaddr", "ua_addr", "backend_addr", "backend", "ua",
    ),
    "upstream_status": ("upstream_status", "up_status", "ustatus", "us", "backend_status"),
    "upstream_response_time": (
        "upstream_response_time", "upstream_resp_time", "upstream_time", "up_resp_time", "urt", "ut", "utime",
        "backend_time",
    ),
    "request_id": (
        "request_id", "req_id", "rid", "reqid", "http_x_request_id", "x_request_id", "trace_id", "traceid", "trace",
        "correlation_id",
    ),
}  # fmt: skip

_IGNORED = re.compile(r"[^a-z0-9]+")


def plain(name: str) -> str:
    """A name as it is compared: lower case, letters and digits only."""
    return _IGNORED.sub("", name.lower())


_FIELDS: dict[str, tuple[Field, int]] = {
    plain(alias): (field, rank) for field, names in ALIASES.items() for rank, alias in reversed([*enumerate(names)])
}


def usable(key: str) -> bool:
    """The decoder compares keys as they stand in the line, so one that JSON would escape can never be found."""
    return key.isprintable() and not {'"', "\\"} & set(key)


def field_of(name: str) -> Field | None:
    """The field that a key of this name holds, if it is one of ours."""
    found = _FIELDS.get(plain(name))
    return found[0] if found else None


def candidates(names: Iterable[str]) -> dict[Field, list[str]]:
    """For each field the keys that may hold it, the best first."""
    ranked: dict[Field, list[tuple[int, str]]] = {}
    for name in dict.fromkeys(names):
        found = _FIELDS.get(plain(name))
        if found is not None and usable(name):
            ranked.setdefault(found[0], []).append((found[1], name))
    return {field: [name for _, name in sorted(keys)] for field, keys in ranked.items()}


def describe(sources: Mapping[Field, str]) -> str:
    """Which field comes from where, and what is missing, as a phrase."""
    named = [field if field == source else f"{field} from {source}" for field, source in sources.items()]
    absent = [field for field in FIELDS if field not in sources]
    return ", ".join(named) + (f"; without {', '.join(absent)}" if absent else "")
