"""`make bench`: lines a second of `tocsin replay`, beside what limits it and beside other programs, in one run.

Every figure is of a whole process, start and end included. The programs take turns, so that a busy minute of the
machine falls on all of them; each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench import keys
from bench.make_log import PACES, Made, make_log
from bench.measure import Cost, middle, run
from bench.peers import peers

DECODE = "msgspec decode alone"
REPLAY = "tocsin replay"
GOALS = {DECODE: 0.3, "goaccess": 8.0, "mtail": 3.0}
"""What `tocsin replay` should reach, in lines a second of each."""


class Row(NamedTuple):
    """One program on one log. `rss` is its peak memory in bytes.

    `of_it`: how many times its lines a second `tocsin replay` does; `of_its_cpu`: the same for a second of CPU.
    """

    pace: str
    name: str
    why: str
    wall: float
    cpu: float
    rss: int
    lines_a_second: float
    of_it: float
    of_its_cpu: float


def main() -> None:
    """The command line."""
    told = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    told.add_argument("--lines", type=int, default=1_000_000, help="lines of the log (1000000)")
    told.add_argument("--rounds", type=int, default=3, help="runs of each program, of which the median counts (3)")
    told.add_argument("--pace", choices=[*PACES, "all"], default="all", help="traces, dense, or both")
    told.add_argument("--traces", type=Path, default=Path("tests/data/traces"), help="where train1 and train2 lie")
    told.add_argument("--folder", type=Path, default=Path("build/bench"), help="where logs and results go")
    told.add_argument("--no-keys", action="store_true", help="leave out the cost by key")
    given = told.parse_args()

    _compile(given.folder)
    rows: list[Row] = []
    for pace in PACES if given.pace == "all" else [given.pace]:
        made = make_log(given.folder, given.traces, given.lines, pace)
        print(f"\n{_log_line(pace, made)}", flush=True)
        rows += _compare(pace, made, given.folder, given.rounds)
        _show([row for row in rows if row.pace == pace])
    flat = _memory(given.folder, given.traces, given.lines)
    print(f"\npeak memory of {REPLAY}: " + ", ".join(f"{n:,} lines {_mb(rss)}" for n, rss in flat))
    by_key = [] if given.no_keys else keys.measure(given.folder, given.rounds)
    print("\n" + "\n".join(keys.table(by_key)))
    _write(given.folder.parent, rows, flat, by_key)


def _compile(folder: Path) -> None:
    """Byte code is kept, as it is in any installation, even where the environment says otherwise."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str((folder / "pycache").absolute())


def _compare(pace: str, made: Made, scratch: Path, rounds: int) -> list[Row]:
    limit = (sys.executable, "-m", "bench.limits")
    commands: dict[str, tuple[tuple[str, ...], str, Mapping[str, str] | None]] = {
        "read": ((*limit, "read", str(made.path)), "the file in blocks of 1 MB", None),
        "cut into lines": ((*limit, "lines", str(made.path)), "and split at the newlines", None),
        DECODE: ((*limit, "decode", str(made.path)), "and decoded, 256 lines a call, nothing counted", None),
        REPLAY: (replay_command(made.path), "all of it: minutes, rules, incidents, evidence", None),
        f"{REPLAY}, one process": (_piped(made.path), "the same from a pipe, which cannot be shared out", None),
    }
    for peer in peers(made.path, "json", scratch):
        if peer.missing:
            print(f"{peer.name} is left out: {peer.missing} is not installed (apt install {peer.missing})", flush=True)
        else:
            commands[peer.name] = (peer.command, peer.why, peer.env)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, (command, _, env) in commands.items():
            if not number and name == REPLAY:
                run(command, env)  # not counted: compiles the byte code
            costs[name].append(run(command, env))
            print(".", end="", flush=True)
    print()
    middles = {name: middle(found) for name, found in costs.items()}
    ours = middles[REPLAY]
    return [
        Row(
            pace=pace,
            name=name,
            why=commands[name][1],
            wall=round(cost.wall, 2),
            cpu=round(cost.cpu, 2),
            rss=cost.rss,
            lines_a_second=round(made.lines / cost.wall),
            of_it=round(cost.wall / ours.wall, 2),
            of_its_cpu=round(cost.cpu / ours.cpu, 2),
        )
        for name, cost in middles.items()
    ]


def replay_command(log: Path) -> tuple[str, ...]:
    """The installed command, beside the interpreter that runs this."""
    return (str(Path(sys.executable).with_name("tocsin")), "replay", str(log), "--json")


def _piped(log: Path) -> tuple[str, ...]:
    return ("sh", "-c", 'exec "$1" replay - --json < "$2"', "sh", replay_command(log)[0], str(log))


def _memory(folder: Path, traces: Path, lines: int) -> list[tuple[int, int]]:
    """Peak memory on the log with the most minutes, for a tenth of it and for all."""
    sizes = (lines // 10, lines)
    logs = [make_log(folder, traces, size, "traces") for size in sizes]
    return [(made.lines, run(replay_command(made.path)).rss) for made in logs]


def _log_line(pace: str, made: Made) -> str:
    return (
        f"{pace}: {made.lines:,} lines, {made.bytes / 1e6:.0f} MB, {made.minutes:,} minutes, "
        f"{made.lines / made.minutes:,.0f} lines a minute"
    )


def _show(rows: Sequence[Row]) -> None:
    for line in _table(rows):
        print(line)
    by_name = {row.name: row for row in rows}
    for name, goal in GOALS.items():
        if name in by_name:
            row = by_name[name]
            word = "reached" if row.of_it >= goal else "NOT reached"
            print(f"at least {goal:g} of {name}: {row.of_it:.2f} by the clock, {row.of_its_cpu:.2f} by CPU: {word}")


def _table(rows: Sequence[Row]) -> list[str]:
    return [
        "| | lines a second | seconds | CPU seconds | peak memory | replay does, of it | of its CPU | what it does |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
        *(
            f"| {row.name} | {row.lines_a_second:,.0f} | {row.wall:.2f} | {row.cpu:.2f} | {_mb(row.rss)} "
            f"| {row.of_it:.2f} | {row.of_its_cpu:.2f} | {row.why} |"
            for row in rows
        ),
    ]


def _mb(size: int) -> str:
    return f"{size / 2**20:.0f} MB"


def _write(folder: Path, rows: Sequence[Row], flat: Sequence[tuple[int, int]], by_key: Sequence[keys.Row]) -> None:
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "msgspec": version("msgspec"),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "load": round(os.getloadavg()[0], 2),
    }
    document = {
        "about": about,
        "rows": [row._asdict() for row in rows],
        "memory": [{"lines": lines, "rss": rss} for lines, rss in flat],
        "keys": [row._asdict() for row in by_key],
    }
    (folder / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
    parts = [", ".join(f"{name} {value}" for name, value in about.items())]
    for pace in dict.fromkeys(row.pace for row in rows):
        parts += ["", f"### {pace}", "", *_table([row for row in rows if row.pace == pace])]
    memory = ", ".join(f"{lines:,} lines {_mb(rss)}" for lines, rss in flat)
    parts += ["", f"Peak memory: {memory}.", "", *keys.table(by_key), ""]
    (folder / "bench.md").write_text("\n".join(parts))
    print(f"\nwritten: {folder / 'bench.json'}, {folder / 'bench.md'}")


if __name__ == "__main__":
    main()
