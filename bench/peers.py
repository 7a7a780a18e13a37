"""Other programs on the same log, with the settings that make them fastest. A missing one is named and left out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_GOACCESS_JSON = (
    '{"ts":"%dT%t+00:00","host":"%v","method":"%m","uri":"%U","proto":"%H","status":"%s","request_time":"%T",'
    '"bytes_sent":"%b","remote_addr":"%h","referer":"%R","user_agent":"%u"}'
)
_GOACCESS_TEXT = '%h - %^ [%d:%t %^] "%r" %s %b "%R" "%u" host=%v svc=%^ rt=%T %^'
_GOACCESS_KEPT = ("VISITORS", "VIRTUAL_HOSTS", "STATUS_CODES")
_GOACCESS_PANELS = (
    "VISITORS", "REQUESTS", "REQUESTS_STATIC", "NOT_FOUND", "HOSTS", "OS", "BROWSERS", "VISIT_TIMES", "VIRTUAL_HOSTS",
    "REFERRERS", "REFERRING_SITES", "KEYPHRASES", "STATUS_CODES", "REMOTE_USER", "CACHE_STATUS", "GEO_LOCATION",
    "MIME_TYPE", "TLS_TYPE",
)  # fmt: skip


class Peer(NamedTuple):
    """A command to measure. `why`: what it does, as the table says it. `missing`: the program that is not installed."""

    name: str
    command: tuple[str, ...]
    why: str
    env: Mapping[str, str] | None = None
    missing: str = ""


def peers(log: Path, form: str, scratch: Path) -> list[Peer]:
    """Every peer for one log in `form` (json or text); their reports go to `scratch`."""
    dropped = [f"--ignore-panel={panel}" for panel in _GOACCESS_PANELS if panel not in _GOACCESS_KEPT]
    found = [
        Peer("goaccess", _goaccess(log, form, scratch), "all its panels, as anyone runs it"),
        Peer("goaccess, few panels", (*_goaccess(log, form, scratch), *dropped), "only " + ", ".join(_GOACCESS_KEPT)),
    ]
    if form == "json":
        program = str(Path(__file__).with_name("nginx.mtail"))
        command = ("mtail", "--one_shot", "--progs", program, "--logs", str(log), "--logtostderr", "--port", "0")
        # On one processor it spends less time and no more of the clock: its stages hand over line by line.
        why = "requests, bad attempts, latency histogram by service and node"
        found.append(Peer("mtail", command, why, env={**os.environ, "GOMAXPROCS": "1"}))
    return [peer if shutil.which(peer.command[0]) else peer._replace(missing=peer.command[0]) for peer in found]


def _goaccess(log: Path, form: str, scratch: Path) -> tuple[str, ...]:
    # Its own format string for each form: it has no field for the node, and none for the service but the host.
    date, line = ("%Y-%m-%d", _GOACCESS_JSON) if form == "json" else ("%d/%b/%Y", _GOACCESS_TEXT)
    return (
        "goaccess",
        str(log),
        "--no-global-config",
        "--no-progress",
        "--no-parsing-spinner",
        f"--date-format={date}",
        "--time-format=%T",
        f"--log-format={line}",
        f"--output={scratch / 'goaccess.json'}",
    )
