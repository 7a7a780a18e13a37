"""Runs `tocsin` in this process, and makes logs and a database with incidents in them for the commands to look at."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from incidents.bootstrap import bootstrap
from incidents.cli.running import run
from incidents.evaluate import close_minutes
from incidents.settings import load_settings

START = 1795402560
"""2026-11-23 02:56:00 UTC, the first second of the log."""

GOOD, BAD = "10.0.0.1:80", "10.0.0.2:80"


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1, self.out
        return msgspec.json.decode(self.out)


def tocsin(*arguments: object, stdin: bytes | io.BytesIO = b"", **environment: str) -> Result:
    """Runs one command. The environment holds nothing of Tocsin's but what is given, and is restored afterwards."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
    before = sys.stdin, sys.stdout, sys.stderr
    with only(environment):
        sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(given), out, err
        try:
            code = run([str(argument) for argument in arguments])
        finally:
            sys.stdin, sys.stdout, sys.stderr = before
    return Result(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    written = stream.detach()
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode()


@contextmanager
def only(environment: dict[str, str]) -> Iterator[None]:
    """An environment with nothing of Tocsin's in it but this, in UTC."""
    saved = dict(os.environ)
    for name in saved:
        if name.startswith("TOCSIN_") or name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
            del os.environ[name]
    os.environ.update({"TZ": "UTC"} | environment)
    time.tzset()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        time.tzset()


def one_line_error(result: Result, code: int = 1) -> str:
    """What stands behind `tocsin:`, after making sure that this is all there is."""
    assert result.code == code, result
    assert result.out == "", result.out
    lines = result.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tocsin: "), result.err
    assert "Traceback" not in result.err
    return lines[0].removeprefix("tocsin: ")


def line(second: int, service: str = "shop", node: str = GOOD, status: int = 200, request_id: str = "r") -> bytes:
    """One request, as JSON."""
    return msgspec.json.encode(
        {
            "time": second,
            "service": service,
            "status": status,
            "request_time": 0.01,
            "upstream_addr": node,
            "upstream_status": str(status),
            "upstream_response_time": "0.01",
            "request_id": request_id,
        }
    )


def log_lines(service: str = "shop", minutes: int = 10, bad_minutes: Sequence[int] = (3, 4)) -> list[bytes]:
    """60 requests a minute over two nodes; in the bad minutes one node answers 502 to every second of its requests."""
    found = []
    for second in range(minutes * 60):
        node = GOOD if second % 2 else BAD
        failed = second // 60 in bad_minutes and second % 4 == 0
        found.append(line(START + second, service, node, 502 if failed else 200, f"{service}-{second}"))
    return found


def write_log(folder: Path, lines: Sequence[bytes] | None = None, name: str = "access.log") -> Path:
    """A log with one incident in it, or with these lines."""
    log = folder / name
    log.write_bytes(b"".join(found + b"\n" for found in (log_lines() if lines is None else lines)))
    return log


def make_database(folder: Path) -> str:
    """A database that counted and judged a log: a closed incident of `shop` and an open one of `pay`. Its URL."""
    lines = sorted(log_lines("shop") + log_lines("pay", bad_minutes=(8, 9)), key=lambda found: found.split(b",")[0])
    log = write_log(folder, lines)
    url = f"sqlite:///{folder / 'tocsin.db'}"
    with only({"TOCSIN_DATABASE_URL": url, "TOCSIN_SOURCE": str(log)}):
        app = bootstrap(load_settings())
        ingest = app.ingest()
        while ingest.poll(100_000, timeout=0.0):
            pass
        ingest.backend.close()
        given = app.rulebook_in, app.past_rulebook, app.clocks, app.settings.lateness
        close_minutes(app.store, 0, 1, *given, source=app.settings.source, until=START + 600)
        app.store.close()
    return url
