"""`tocsin demo`: a real nginx log through the real pipeline on this machine, time running faster, nothing left behind.

The bundled trace is restamped so that it happens now, and one scaled clock is given to every role.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

TRACE = Path(__file__).parent / "data" / "demo.access.json.log.gz"
SCALE = 15.0
"""Event seconds a real second: the first onset comes after some ten seconds, its summary within a minute."""

BACKDATED = 10 * 60
"""Event seconds that the clock starts in the past, so that the first summary is dated about now."""

HEAD_START = 4.0
"""Real seconds that the processes get to start before the trace begins."""

PORT = 8600
_TIME = re.compile(rb'"time":([0-9]+\.[0-9]+)')
_ISO = re.compile(rb'"ts":"[^"]*"')


class Stamped(msgspec.Struct, frozen=True):
    """A line and the event second at which it is written."""

    at: float
    line: bytes


def trace(shown: float) -> Iterator[Stamped]:
    """The bundled trace as if it began at `shown` (event seconds), over and over."""
    with gzip.open(TRACE) as packed:
        lines = packed.read().splitlines(keepends=True)
    times = [float(found[1]) for line in lines if (found := _TIME.search(line))]
    first, span = times[0], times[-1] - times[0] + 1
    start = float(int(shown))
    while True:
        for line, at in zip(lines, times, strict=True):
            moved = at - first + start
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moved))
            restamped = _TIME.sub(b'"time":%.3f' % moved, line, count=1)
            yield Stamped(moved, _ISO.sub(f'"ts":"{stamp}"'.encode(), restamped, count=1))
        start += float(int(span))


def free_port(wanted: int) -> int:
    """The wanted port, or a free one when it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("port 0 is always free")


@contextmanager
def claimed_port(wanted: int) -> Iterator[int]:
    """A port that no other demo takes, also in the seconds before the API listens on it."""
    claim = Path(tempfile.gettempdir()) / f"tocsin-demo-{os.getuid()}-{wanted}.lock"
    with claim.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield free_port(0)
            return
        try:
            yield free_port(wanted)
        finally:
            claim.unlink(missing_ok=True)


def environment(folder: Path, port: int, real: float) -> dict[str, str]:
    """The settings of a demo: everything in one folder, a fast clock, messages on the screen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return kept | {
        "TOCSIN_SOURCE": str(folder / "access.log"),
        "TOCSIN_DATABASE_URL": f"sqlite:///{folder / 'tocsin.db'}",
        "TOCSIN_API__PORT": str(port),
        "TOCSIN_EXTERNAL_URL": f"http://127.0.0.1:{port}",
        "TOCSIN_CLOCK__SCALE": str(SCALE),
        "TOCSIN_CLOCK__REAL": repr(real),
        "TOCSIN_CLOCK__SHOWN": repr(real - BACKDATED),
        "TOCSIN_LATENESS": "15",
        "TOCSIN_TICK": "0.5",
        "TOCSIN_FLUSH_EVERY": "0.3",
        "TOCSIN_LOG_LEVEL": os.environ.get("TOCSIN_LOG_LEVEL", "error"),
    }


def main() -> int:
    """Runs until interrupted."""
    with claimed_port(int(os.environ.get("TOCSIN_API__PORT", PORT))) as port:
        return run(port)


def run(port: int) -> int:
    """The demo, with its API on this port."""
    began = time.time() + HEAD_START
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as name:
        folder = Path(name)
        log = folder / "access.log"
        log.touch()
        _say(port)
        house = subprocess.Popen(
            [sys.executable, "-P", "-m", "workers.supervise"],
            env=environment(folder, port, began),
            start_new_session=True,
        )
        stopping = False

        def stop(*_: int | FrameType | None) -> None:
            nonlocal stopping
            stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            with log.open("ab", buffering=0) as sink:
                for stamped in trace(began - BACKDATED):
                    while not stopping and _now(began) < stamped.at and house.poll() is None:
                        time.sleep(0.02)
                    if stopping or house.poll() is not None:
                        break
                    sink.write(stamped.line)
        finally:
            house.terminate()
            house.wait()
    if not stopping:
        print("tocsin: the demo's processes ended by themselves; see the log above", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _now(began: float) -> float:
    return began - BACKDATED + (time.time() - began) * SCALE


def _say(port: int) -> None:
    taken = f" (port {PORT} is taken: another Tocsin?)" if port != PORT else ""
    print(  # noqa: T201
        f"Tocsin's demo: a real nginx log, {SCALE:g} times as fast as it happened, through the real pipeline.\n"
        f"Soon one node of `order` begins to answer 500; a message follows, and a summary when it is over.\n"
        f"API: http://127.0.0.1:{port}/api/v1/incidents{taken}   what there is: http://127.0.0.1:{port}/docs\n"
        f"Ctrl-C ends it and leaves nothing behind.\n",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
