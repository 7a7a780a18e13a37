"""Counting on every processor gives what counting in order gives, whatever the log and wherever it is cut."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import msgspec
import pytest

from incidents import counting
from incidents.counting import can_share, lines_of, pieces
from incidents.domain.rulebook import Rulebook
from incidents.replay import Replay, Run, replay, replay_files

TRACES = Path(__file__).parents[1] / "data" / "traces"


def told(result: Replay) -> bytes:
    """All of a result, for comparison."""
    figures = (result.lines, result.malformed, result.format, result.start, result.end, result.incidents)
    return msgspec.json.encode(figures)


def in_order(path: Path, rulebook: Rulebook) -> Replay:
    return replay([path.read_bytes().split(b"\n")[:-1]], rulebook)


def unpacked(trace: str, name: str, folder: Path) -> Path:
    path = folder / name.removesuffix(".gz")
    path.write_bytes(gzip.decompress((TRACES / trace / name).read_bytes()))
    return path


@pytest.mark.parametrize("name", ["access.json.log.gz", "access.text.log.gz"])
def test_a_trace_counted_in_pieces_is_the_trace_counted_in_order(tmp_path: Path, name: str) -> None:
    log = unpacked("train1", name, tmp_path)
    assert told(replay_files([str(log)], Rulebook(), piece=700_000, helpers=2)) == told(in_order(log, Rulebook()))


def test_late_odd_and_future_lines_are_counted_as_in_order(tmp_path: Path) -> None:
    """What a helper cannot decide by itself is counted again, in order."""
    chance = random.Random(7)
    lines = unpacked("train1", "access.json.log.gz", tmp_path).read_bytes().split(b"\n")[:9000]
    for number in range(40):
        source, target = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines.insert(target, [lines[source], b"junk", b"", b'{"time":1,"status":"x"}'][number % 4])
    ahead = lines[0].replace(b'"time":1795', b'"time":1796', 1)
    lines[3000:3000] = [ahead]
    log = tmp_path / "odd.log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    ordered = in_order(log, Rulebook())
    assert ordered.lines.late > 0
    assert ordered.lines.quarantined > 0
    assert ordered.lines.malformed > 0
    for size in (120_000, 400_000):
        assert told(replay_files([str(log)], Rulebook(), piece=size, helpers=2)) == told(ordered)


def test_the_cap_of_services_is_reached_in_the_same_order(tmp_path: Path) -> None:
    line = '{"time":%d.5,"host":"h%d.example","status":200}\n'
    log = tmp_path / "hosts.log"
    log.write_text("".join(line % (1795402020 + i // 50, i % 300) for i in range(20_000)))
    rulebook = Rulebook(max_services=100)
    assert told(replay_files([str(log)], rulebook, piece=100_000, helpers=2)) == told(in_order(log, rulebook))


def test_pieces_cover_a_log_and_cut_no_line(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    lines = [b"x" * (n % 97) for n in range(2000)]
    log.write_bytes(b"\n".join(lines))
    for size in (1, 100, 4096, 1 << 20):
        parts = list(pieces(str(log), size))
        assert [p.start for p in parts[1:]] == [p.end for p in parts[:-1]]
        assert [line for p in parts for block in lines_of(p) for line in block] == lines


def test_most_pieces_of_a_plain_log_are_really_taken_from_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []
    take = Run.take

    def watched(run: Run, counted: counting.Counted) -> bool:
        taken.append(take(run, counted))
        return taken[-1]

    monkeypatch.setattr(Run, "take", watched)
    log = unpacked("train1", "access.json.log.gz", tmp_path)
    replay_files([str(log)], Rulebook(), piece=2_000_000, helpers=2)
    assert len(taken) >= 5
    assert taken.count(True) >= len(taken) - 1  # the trace's log outage is a jump in one piece


def test_only_big_plain_files_are_shared(tmp_path: Path) -> None:
    big, packed = tmp_path / "big.log", tmp_path / "big.log.gz"
    big.write_bytes(b"x" * 2000)
    packed.write_bytes(gzip.compress(b"x" * 2000))
    assert can_share([str(big)], smallest=1000)
    assert not can_share([str(big)], smallest=3000)
    assert not can_share([str(packed)], smallest=10)
    assert not can_share(["-"], smallest=0)
