"""A whole installation on loopback for tests: the real processes, a log that grows at a scaled pace, real receivers."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from incidents.domain.errors import StoreError
from incidents.domain.rulebook import Rulebook
from incidents.replay import Run
from incidents.store import Store, minutes, outbox, positions
from incidents.store import incidents as incident_store
from tests.live.receivers import Hook, MailServer
from tests.services import free_port

TRACES = Path(__file__).parents[1] / "data" / "traces"
LATENESS = 180
_TIME = re.compile(rb'"time":"?([0-9]+\.[0-9]+)')


class Truth(msgspec.Struct):
    """What a run without any fault gives: by `replay` over the very same lines."""

    minutes: dict[int, object]
    incidents: dict[str, tuple[str, ...]]
    end: int


def restamped(trace: str, start: int, first: float = 0, last: float = 1e9) -> list[tuple[float, bytes]]:
    """(event second, line) of a trace's minutes first..last, moved so that the log begins at `start`."""
    with gzip.open(TRACES / trace / "access.json.log.gz") as packed:
        lines = packed.read().splitlines(keepends=True)
    found = []
    zero: float | None = None
    for line in lines:
        matched = _TIME.search(line)
        assert matched is not None
        at = float(matched[1])
        zero = zero if zero is not None else int(at) // 60 * 60
        if first * 60 <= at - zero < last * 60:
            moved = at - zero - first * 60 + start
            found.append((moved, line[: matched.start(1)] + b"%.3f" % moved + line[matched.end(1) :]))
    return found


def truth_of(lines: list[bytes]) -> Truth:
    """The reference: the same engine, in one go, without a fault."""
    run = Run(Rulebook(), lateness=LATENESS)
    run.flush([line.rstrip(b"\n") for line in lines], last=True)
    counts, incidents, end = ledger(run.store)
    return Truth(counts, incidents, end)


def ledger(store: Store) -> tuple[dict[int, object], dict[str, tuple[str, ...]], int]:
    """Every count of every closed minute, every incident with its message kinds, and how far minutes are closed."""
    with store.read() as tx:
        loaded = minutes.load(tx, 0, 1 << 40, late=True)
        counted = {
            minute: {
                service: (
                    t.total,
                    t.bad,
                    t.masked,
                    t.statuses,
                    {n: (a.total, a.bad, a.statuses) for n, a in t.nodes.items()},
                )
                for service, t in tallies.items()
            }
            for minute, tallies in loaded.items()
        }
        found = incident_store.find(tx, incident_store.Filter(limit=1000))
        incidents = {i.id: tuple(m.kind.value for m in incident_store.messages(tx, i.id)) for i in found}
        closed = minutes.closed_through(tx, 0)
    return counted, incidents, closed.second if closed else 0


class House:
    """One installation in a folder; `scale` event seconds a real second, event time beginning at `shown`."""

    def __init__(self, folder: Path, *, scale: float, broker: str = "memory://", extra: dict[str, str] | None = None):
        self.folder = folder
        self.scale = scale
        self.real = time.time()
        self.shown = int(self.real) // 60 * 60
        self.log = folder / "access.log"
        self.log.touch()
        self.mail = MailServer()
        self.hook = Hook()
        mail_port, hook_port = self.mail.start(), self.hook.start()
        rulebook = folder / "rulebook.yaml"
        rulebook.write_text(
            "channels:\n"
            f"  ops: {{type: mail, to: [ops@example.com], from: tocsin@example.com, tls: none, "
            f"smtp: 'smtp://127.0.0.1:{mail_port}'}}\n"
            f"  hook: {{type: webhook, url: 'http://127.0.0.1:{hook_port}/tocsin'}}\n"
        )
        self.url = (extra or {}).get("TOCSIN_DATABASE_URL") or f"sqlite:///{folder / 'tocsin.db'}"
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        self.environment = kept | {
            "TOCSIN_SOURCE": str(self.log),
            "TOCSIN_DATABASE_URL": self.url,
            "TOCSIN_BROKER_URL": broker,
            "TOCSIN_RULEBOOK": str(rulebook),
            "TOCSIN_API__PORT": str(self.port),
            "TOCSIN_CLOCK__SCALE": str(scale),
            "TOCSIN_CLOCK__REAL": repr(self.real),
            "TOCSIN_CLOCK__SHOWN": repr(float(self.shown)),
            "TOCSIN_LATENESS": str(LATENESS),
            "TOCSIN_TICK": "0.5",
            "TOCSIN_FLUSH_EVERY": "0.3",
            "TOCSIN_SEND_DEADLINE": "2",
            **(extra or {}),
        }
        self.store = Store(self.url)
        self.output = (folder / "output.txt").open("ab")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._written = threading.Event()

    def start(self, module: str = "workers.supervise", **more: str) -> subprocess.Popen[bytes]:
        """Starts one process of this installation."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            env=self.environment | more,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def write(self, lines: list[tuple[float, bytes]]) -> None:
        """Extends the log at the scaled pace, in a thread of its own."""

        def run() -> None:
            with self.log.open("ab", buffering=0) as sink:
                for at, line in lines:
                    wait = self.real + (at - self.shown) / self.scale - time.time()
                    if wait > 0:
                        time.sleep(wait)
                    sink.write(line)
            self._written.set()

        threading.Thread(target=run, daemon=True).start()

    def pids(self) -> dict[str, int]:
        """Role -> process id, as the kernel sees the children of the supervisor."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if self.url.encode() in environment and len(command) > 3 and command[3].startswith(b"workers."):
                found[command[3].decode().removeprefix("workers.")] = int(folder.name)
        return found

    def wait_until_told(self, truth: Truth, seconds: float) -> None:
        """Until every line was counted, every minute of the trace is closed, and nothing waits to be sent."""
        deadline = time.monotonic() + seconds
        state = "nothing yet"
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if not self._written.is_set():
                continue
            with self.store.read() as tx:
                closed = minutes.closed_through(tx, 0)
                waiting = sum(n for (_, s), n in outbox.counts(tx).items() if s in ("pending", "sending"))
            lines = self.lines_counted()
            state = f"closed through {closed}, {waiting} messages waiting, {lines} lines"
            if closed and closed.second >= truth.end + 60 and not waiting:
                return
        raise AssertionError(f"not finished in {seconds} s: {state}\n{self.tail()}")

    def lines_counted(self) -> int:
        """Lines that are in the database; 0 while there is none."""
        try:
            with self.store.read() as tx:
                return sum(position.lines for position in positions.every(tx))
        except StoreError:
            return 0

    def tail(self, characters: int = 4000) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")[-characters:]

    def stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(30)
        self.mail.stop()
        self.hook.stop()
        self.store.close()
        self.output.close()


@contextmanager
def house(folder: Path, *, scale: float, broker: str = "memory://", **extra: str) -> Iterator[House]:
    """A House that is stopped whatever happens."""
    built = House(folder, scale=scale, broker=broker, extra=extra)
    try:
        yield built
    finally:
        built.stop()


def check_against(house: House, truth: Truth) -> None:
    """E of the fault matrix: counts exact, incidents equal, one onset and one summary each, by their keys."""
    counts, incidents, _ = ledger(house.store)
    inside = {minute: counted for minute, counted in counts.items() if minute < truth.end}
    assert inside == truth.minutes
    assert incidents == truth.incidents
    with house.store.read() as tx:
        rows = outbox.rows(tx, limit=1000)
        ambiguous = {row.id: sum(d.outcome == "ambiguous" for d in outbox.deliveries(tx, row.id)) for row in rows}
    expected = sorted((incident, kind) for incident, kinds in truth.incidents.items() for kind in kinds)
    assert {(row.channel, row.state, row.answer) for row in rows if row.state != "sent"} == set()
    for channel, received in (("ops", house.mail.received), ("hook", house.hook.received)):
        first_of = {message.key: message for message in received}
        assert sorted((message.incident, message.kind) for message in first_of.values()) == expected, channel
        for key in first_of:
            times = sum(message.key == key for message in received)
            allowed = 1 + next(n for row_id, n in ambiguous.items() if row_id in key)
            assert times <= allowed, f"{channel}: {key} came {times} times after {allowed - 1} ambiguous attempts"


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Until a condition holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
